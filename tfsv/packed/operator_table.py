"""The operators that files of tfsv have, and what each may take, give and be told.

A file with any other operator was not made by tfsv, and no interpreter gets it. `OPERATORS` has a
line for each operator:

    NAME code versions options types rule

`versions` and `options` list what the file may say, with commas; options are numbers of the
schema's union, 0 for none. `types` lists what may go in and out, with a letter for each tensor: f
float32, h float16, i int32, l int64, s int16, u uint8, b bool, c complex64, q int8 without scale, Q
int8 with one scale, K int8 with a scale for each channel, - for an input that is left out. A star
is one or more of the letter before it. `rule` names what computes the shape of the outputs, one of
`tfsv.packed.output_shapes`.

`OPTIONS` has a line for each kind of options, with a field of the schema in each column: its width,
its default, its lowest and its highest value. The widths are b, i and f for 1 byte, 4 bytes and a
float, and v for a vector of int32.

The app has the same two texts in `OperatorTable.kt`. A new operator is a line in both. It needs a
rule of its own only if none of the known ones gives its shape.
"""

import dataclasses

OPERATORS = """
ADD 0 1,2 0,11 ff>f,ii>i,QQ>Q broadcast
AVERAGE_POOL_2D 1 1,2 5 f>f,Q>Q pool
CONCATENATION 2 1,2 10 f*>f,i*>i,Q*>Q concatenation
CONV_2D 3 1,2,3,5,6 1 fff>f,fKf>f,fQf>f,ff->f,fK->f,fQ->f,QKi>Q,QQi>Q,QK->Q,QQ->Q convolution
DEPTHWISE_CONV_2D 4 1,2,3 2 fff>f,ff->f,QKi>Q,QQi>Q,QK->Q,QQ->Q depthwise
DEQUANTIZE 6 1,2,3 0,38 Q>f,h>f same
FLOOR 8 1 0 f>f same
FULLY_CONNECTED 9 1,4,5,9,12 8 fff>f,ff->f,fQf>f,fQ->f,fKf>f,fK->f,QQi>Q,QKi>Q,QQ->Q,QK->Q dense
L2_NORMALIZATION 11 1 12 f>f last
LOGISTIC 14 1,2 0 f>f,Q>Q same
MAX_POOL_2D 17 1,2 5 f>f,Q>Q pool
MUL 18 1,2,3 0,21 ff>f,ii>i,QQ>Q broadcast
RELU 19 1,2 0 f>f,Q>Q same
RELU6 21 1,2 0 f>f same
RESHAPE 22 1 0,17 fi>f,ii>i,ci>c,qi>q,qi>Q,qi>K,Qi>q,Qi>Q,Qi>K reshape
SOFTMAX 25 1 9 f>f last
TANH 28 1,2 0 f>f,Q>Q same
PAD 34 1,2 0,22 fi>f,ii>i,Qi>Q pad
GATHER 36 1,2,3,5,6 0,23 fi>f,fs>f,ii>i,is>i,qi>q,Qi>Q,Qs>Q gather
TRANSPOSE 39 1,2 0,26 fi>f,ii>i,Qi>Q transpose
MEAN 40 1,2 27 fi>f,Qi>Q reduce
SUB 41 1,2 0,28 ff>f,ii>i broadcast
DIV 42 1 0,29 ff>f broadcast
SQUEEZE 43 1 30 f>f,i>i,Q>Q squeeze
UNIDIRECTIONAL_SEQUENCE_LSTM 44 1 71 fffffffff---ffff--ff---->f lstm
STRIDED_SLICE 45 1,2 32 fiii>f,iiii>i,Qiii>Q strided
EXP 47 1 0,33 f>f same
SPLIT 49 1,2 35 if>f*,ii>i*,iQ>Q* split
CAST 53 1 0,37 f>i,i>f,b>f,b>i,u>i,f>b,i>b,i>l,l>i same
PRELU 54 1 0 ff>f broadcast
MAXIMUM 55 1 0,39 ff>f,ii>i broadcast
MINIMUM 57 1 0,39 ff>f,ii>i broadcast
LESS 58 1 0,41 ff>b,ii>b broadcast
NEG 59 1 0,42 f>f,i>i same
PADV2 60 1,2 0,43 fif>f,iii>i,QiQ>Q pad
GREATER 61 1 0,44 ff>b,ii>b broadcast
GREATER_EQUAL 62 1 0,45 ff>b,ii>b broadcast
LESS_EQUAL 63 1 0,46 ff>b,ii>b broadcast
SLICE 65 1,2 0,48 fii>f,iii>i,qii>q,Qii>Q slice
SIN 66 1 0 f>f same
TILE 69 1 0,51 fi>f,ii>i tile
EXPAND_DIMS 70 1 0,52 fi>f,ii>i,Qi>Q expand
LOG 73 1 0 f>f same
SUM 74 1 27 fi>f,ii>i reduce
SQRT 75 1 0 f>f same
RSQRT 76 1 0 f>f same
SHAPE 77 1 55 f>i,i>i,f>l,i>l shape
REDUCE_MAX 82 1 27 fi>f,ii>i reduce
PACK 83 1,2 59 f*>f,i*>i,Q*>Q pack
LOGICAL_AND 86 1 0,62 bb>b broadcast
LOGICAL_NOT 87 1 0,63 b>b same
UNPACK 88 1,2 64 f>f*,i>i*,q>K*,q>q*,Q>Q*,Q>K* unpack
REDUCE_MIN 89 1 27 fi>f,ii>i reduce
FLOOR_DIV 90 1 0,65 ii>i broadcast
SQUARE 92 1 0,66 f>f same
ZEROS_LIKE 93 1 0,67 f>f,i>i same
FILL 94 1 0,68 lf>f,if>f,li>i,ii>i fill
FLOOR_MOD 95 1 0,72 ii>i broadcast
RANGE 96 1 0,73 iii>i range
LEAKY_RELU 98 1 75 f>f same
SQUARED_DIFFERENCE 99 1 0,76 ff>f broadcast
ABS 101 1 0,78 f>f same
REVERSE_V2 105 1 0 fi>f same
COS 108 1 0 f>f same
QUANTIZE 114 1 0,89 f>Q same
SELECT_V2 123 1 0,98 bff>f,bii>i broadcast
BATCH_MATMUL 126 1,2 101 ff>f matrices
CUMSUM 128 1 102 fi>f,ii>i cumsum
BROADCAST_TO 130 2,3 0,104 fi>f,ii>i,fl>f,il>i broadcast_to
RFFT2D 131 1 0,105 fi>c rfft
IMAG 133 1 0 c>f same
REAL 134 1 0 c>f same
COMPLEX_ABS 135 1 0 c>f same
GELU 150 1 0,116 f>f same
"""

OPTIONS = """
1 b:0:0:1 i:0:1:4096 i:0:1:4096 b:0:0:3 i:1:1:4096 i:1:1:4096 b:0:0:0
2 b:0:0:1 i:0:1:4096 i:0:1:4096 i:0:1:4096 b:0:0:3 i:1:1:4096 i:1:1:4096
5 b:0:0:1 i:0:1:4096 i:0:1:4096 i:0:1:4096 i:0:1:4096 b:0:0:3
8 b:0:0:3 b:0:0:0 b:0:0:1 b:0:0:1 b:0:0:0
9 f:0:0.001:1000
10 i:0:-5:4 b:0:0:0
11 b:0:0:3 b:1:1:1
12 b:0:0:0
17 v
21 b:0:0:3
22
23 i:0:-5:4 i:0:0:1
26
27 b:0:0:1
28 b:0:0:3 b:1:1:1
29 b:0:0:3
30 v
32 i:0:0:31 i:0:0:31 i:0:0:0 i:0:0:0 i:0:0:31 b:0:0:0
33
35 i:0:1:255
37 b:0:0:127 b:0:0:127
38
39
41
42
43
44
45
46
48
51
52
55 b:0:2:4
59 i:0:1:255 i:0:-5:4
62
63
64 i:0:1:255 i:0:0:0
65
66
67
68
71 b:0:4:4 f:0:0:1000 f:0:0:0 b:0:0:0 b:0:0:0 b:0:0:0
72
73
75 f:0:-1000:1000
76
78
89
98
101 b:0:0:1 b:0:0:1 b:0:0:0
102 b:0:0:1 b:0:0:1
104
105
116 b:0:0:1
"""


@dataclasses.dataclass(frozen=True)
class Operator:
    """What a file may say of one operator.

    Example:
        >>> BY_CODE[3].name, sorted(BY_CODE[3].versions)
        ('CONV_2D', [1, 2, 3, 5, 6])

    Attributes:
        name: The schema's name of it.
        versions: The versions that it may have.
        options: Kinds of options that it may have, numbers of the schema's union.
        types: Types of inputs and outputs that it may have, as letters.
        many: Whether some of `types` have a star.
        rule: Name of the rule for its outputs' shapes.
    """

    name: str
    versions: frozenset[int]
    options: frozenset[int]
    types: frozenset[str]
    many: bool
    rule: str


@dataclasses.dataclass(frozen=True)
class Field:
    """What a file may say in one field of an operator's options.

    Example:
        >>> FIELDS[64][0].highest
        255

    Attributes:
        width: b, i, f or v, as in `OPTIONS`.
        default: Its value where it is absent.
        lowest: Its lowest value.
        highest: Its highest value.
    """

    width: str
    default: float = 0
    lowest: float = 0
    highest: float = 0


def _operators() -> dict[int, Operator]:
    found = {}
    for line in OPERATORS.strip().splitlines():
        name, code, versions, options, types, rule = line.split()
        found[int(code)] = Operator(
            name,
            frozenset(map(int, versions.split(","))),
            frozenset(map(int, options.split(","))),
            frozenset(types.split(",")),
            "*" in types,
            rule,
        )
    return found


def _field(text: str) -> Field:
    width, *numbers = text.split(":")
    return Field(width, *(float(x) if width == "f" else int(x) for x in numbers))


BY_CODE: dict[int, Operator] = _operators()
"""Operators by the schema's number."""

FIELDS: dict[int, tuple[Field, ...]] = {
    int(kind): tuple(map(_field, fields))
    for kind, *fields in (line.split() for line in OPTIONS.strip().splitlines())
}
"""Fields of the kinds of options, by the schema's number."""
