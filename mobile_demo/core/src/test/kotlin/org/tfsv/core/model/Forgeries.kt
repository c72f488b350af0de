package org.tfsv.core.model

/**
 * Changes of `packed_mixed.tflite`, one a line: where, which bytes in hexadecimal digits, and what
 * tfsv says of the file when it is sealed again, which `tests/packed/test_graph_rules.py` checks.
 */
internal object Forgeries {
    const val TABLE = """
        3652 40000000 operator 165, L2_NORMALIZATION: fQ->f, types that it does not have
        3680 00000010 damaged
        3708 64000000 operator 164, FULLY_CONNECTED: reads or writes tensors that do not exist
        3868 02000000 operator 160, ADD: ff>fi, types that it does not have
        3899 09 MUL with other options
        3939 07 MEAN with other options
        4019 7f DIV with other options
        4080 02000000 operator 155, MAXIMUM: if>f, types that it does not have
        4099 01 SUB with other options
        4363 01 ADD with other options
        4516 03000000 operator 145, ADD: ff>fif, types that it does not have
        4528 5d010000 operator 145, ADD: qf>f, types that it does not have
        4595 ff CONV_2D with other options
        4788 08000000 MEAN with other options
        4812 03000000 operator 139, CONV_2D: fKi>f, types that it does not have
        5024 01000000 EXPAND_DIMS with other options
        5199 05 CONV_2D with other options
        5308 ff accepted
        5479 09 PAD with other options
        5508 65010000 operator 125, PAD: margins of another rank
        5532 00000000 MUL with other options
        5787 7f CONV_2D with other options
        5796 40000000 damaged
        6144 01000000 operator 112, MUL: if>f, types that it does not have
        6164 00000000 operator 111, MUL: f>f, types that it does not have
        6192 00000000 operator 110, MAXIMUM: lacks an input or output
        6252 00000000 operator 109, ADD: shapes that do not fit each other
        6388 40000000 operator 106, MUL: ff>i, types that it does not have
        6448 08000000 operator 105, STRIDED_SLICE: fiKi>f, types that it does not have
        6511 ff MUL with other options
        6608 00000000 operator 101, SQUARE: lacks an input or output
        6652 05000000 operator 99, GATHER: ci>c, types that it does not have
        6672 de000000 operator 99, RESHAPE: cf>c, types that it does not have
        6688 01000000 operator 98, EXPAND_DIMS: fi>c, types that it does not have
        6732 1b000000 MINIMUM with other options
        6748 ffffffff operator 97, EXPAND_DIMS: -i>f, types that it does not have
        6956 03000000 operator 92, CONCATENATION: ff>i, types that it does not have
        7052 04 operator 90, STRIDED_SLICE: nothing to compute
        7064 02000000 operator 90, STRIDED_SLICE: fiii>i, types that it does not have
        7579 01 SUM with other options
        7744 08000000 operator 73, MINIMUM: Ki>i, types that it does not have
        7968 94000000 operator 67, LESS_EQUAL: ii>i, types that it does not have
        8084 01000000 EXPAND_DIMS with other options
        8144 01000000 operator 64, ADD: shapes that do not fit each other
        8396 08000000 operator 56, MEAN: ii>i, types that it does not have
        8452 40000000 operator 55, ADD: writes what is written already
        8500 00000080 operator 54, ZEROS_LIKE: reads or writes tensors that do not exist
        8515 05 EXPAND_DIMS with other options
        8515 ff EXPAND_DIMS with other options
        8516 00100000 operator 53, EXPAND_DIMS: ii>q, types that it does not have
        8596 00100000 operator 51, SUB: ii>ii, types that it does not have
        8951 01 SUB with other options
        9012 03000000 operator 41, REDUCE_MAX: fi>i, types that it does not have
        9112 03000000 operator 38, GREATER: ff>i, types that it does not have
        9520 03000000 operator 29, EXPAND_DIMS: an axis that is none
        9616 05000000 operator 26, GATHER: b>f, types that it does not have
        9932 40000000 operator 18, SQRT: f>i, types that it does not have
        9971 03 MEAN with other options
        9992 8d000000 operator 16, MEAN: fi>i, types that it does not have
        10215 80 STRIDED_SLICE with other options
        10383 09 STRIDED_SLICE with other options
        10384 08000000 operator 8, STRIDED_SLICE: fiii>ifKfii, types that it does not have
        10436 feffffff damaged
        10499 7f GATHER with other options
        10880 01000000 operator 0, MUL: f>f, types that it does not have
        11436 05000000 operator 134, GATHER: Ki>q, types that it does not have
        11500 08000000 operator 132, RESHAPE: ii>K, types that it does not have
        11676 f0000000 operator 127, CAST: u>f, types that it does not have
        11944 02000000 operator 120, CAST: writes what is written already
        12168 01000000 operator 114, GATHER: qi>i, types that it does not have
        12268 01000100 damaged
        12288 fa000000 operator 111, GATHER: a result of another shape
        12388 00000080 operator 108, RESHAPE: reads or writes tensors that do not exist
        12856 00100000 damaged
        13076 01000000 operator 88, EXPAND_DIMS: u>i, types that it does not have
        13144 02000000 CONV_2D with other options
        13164 00000000 operator 86, GATHER: if>i, types that it does not have
        13727 7f GATHER with other options
        13803 00 GATHER with other options
        14008 00100000 a vector that is too long
        14168 01000000 operator 59, GATHER: ii>q, types that it does not have
        14168 02000000 operator 59, GATHER: ii>q, types that it does not have
        14228 00100000 a vector that is too long
        14556 01000100 operator 48, GATHER: reads or writes tensors that do not exist
        14643 02 GATHER with other options
        14728 00000000 operator 43, RESHAPE: lacks an input or output
        15244 ffffffff operator 29, RESHAPE: i->i, types that it does not have
        15712 00000000 operator 16, CAST: u>f, types that it does not have
        15712 05000000 operator 16, CAST: u>K, types that it does not have
        16104 00000010 damaged
        16212 8f010000 operator 3, GATHER: writes what is written already
        18263 07 operator 146, ADD: ii>s, types that it does not have
        18275 00 operator 145, RESHAPE: ii>f, types that it does not have
        18880 00000000 a tensor of an impossible shape
        19071 07 operator 111, GATHER: ii>s, types that it does not have
        19712 00100000 a tensor of 80 axes
        19783 09 operator 78, ADD: ii>q, types that it does not have
        19807 03 operator 76, GATHER: ii>u, types that it does not have
        20327 03 operator 52, RESHAPE: ii>u, types that it does not have
        20407 00 operator 49, RESHAPE: if>i, types that it does not have
        20407 7f a tensor of a type that no file of tfsv has
        20419 00 operator 48, GATHER: ii>f, types that it does not have
        20419 07 operator 48, GATHER: ii>s, types that it does not have
        20488 feffffff damaged
        20988 40000000 a tensor of 64 axes
        21224 01000100 damaged
        21452 ec000000 a tensor of 236 axes
        21716 10000000 a tensor of 16 axes
        22040 08000000 a tensor of 52 axes
        22104 ffffff7f a tensor of an impossible shape
        22244 08000000 operator 134, CONV_2D: a result of another shape
        22468 01000000 operator 118, CONV_2D: a result of another rank
        22612 00100000 a vector that is too long
        22612 01000000 operator 105, STRIDED_SLICE: a result of another rank
        22624 00000080 a tensor of an impossible shape
        23083 04 operator 72, ADD: ii>l, types that it does not have
        23143 ff a tensor of a type that no file of tfsv has
        23359 40 a tensor of a type that no file of tfsv has
        23395 04 operator 46, REDUCE_MAX: ii>l, types that it does not have
        23472 00100000 damaged
        23552 08000000 a vector that is too long
        23880 40000000 operator 1, EXPAND_DIMS: a result of another shape
        23916 08000000 operator 0, MUL: a result of another shape
        24052 05000000 a constant of another size than its shape
        24175 00 operator 96, PAD: ff>f, types that it does not have
        24236 00000080 damaged
        24388 00000000 operator 6, GATHER: reads what no operator before it writes
        24560 05000000 a tensor of an impossible shape
        24624 0000807f scales that are not positive and finite
        24720 00000000 a constant of another size than its shape
        24800 05000000 damaged
        24904 40000000 a constant of another size than its shape
        25444 00100000 accepted
        25560 00000010 accepted
        25660 01000000 a constant of another size than its shape
        26208 ffffffff accepted
        26708 08000000 zero points of a kernel
        26884 40000000 damaged
        27048 ffffff7f scales that are not positive and finite
        28215 0f a tensor of a type that no file of tfsv has
        28236 40000000 a tensor of 64 axes
        28272 b9000000 a tensor of 185 axes
        28568 40000000 SLICE of version 64
        28580 02000000 accepted
        28623 09 FULLY_CONNECTED with other options
        28772 05000000 accepted
        28803 04 accepted
        28839 03 accepted
        28839 07 accepted
        28947 05 accepted
        28971 80 an operator of a negative number
        29004 ffffff7f GATHER of version 2147483647
        29047 80 an operator of a negative number
        29052 05000000 accepted
        30632 40000000 operator 126, RESHAPE: a shape of another size
        30732 00100000 operator 118, RESHAPE: a shape of another size
        31296 00000010 operator 87, RESHAPE: a shape of another size
        31296 feffffff operator 87, RESHAPE: an impossible shape
        43360 40000000 accepted
        48788 ffffff7f operator 5, RESHAPE: a shape of another size
    """
}
