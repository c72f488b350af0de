import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.packed.bits import PLANES, byte_table, look_up, pack, packed_bytes, unpack


@settings(max_examples=100, deadline=None)
@given(bits=st.integers(1, 8), count=st.integers(1, 70), seed=st.integers(0, 1000))
def test_codes_come_back(bits, count, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, count, dtype=np.uint8)
    planes = pack(codes, bits)
    np.testing.assert_array_equal(unpack(planes, bits, count), codes)
    assert sum(plane.size for plane in planes) == packed_bytes(count, bits)
    assert count * bits / 8 <= packed_bytes(count, bits) < count * bits / 8 + len(planes)


@pytest.mark.parametrize("bits", range(1, 9))
def test_planes_are_bit_strings_lowest_bit_first(bits):
    codes = np.random.default_rng(bits).integers(0, 2**bits, 21, dtype=np.uint8)
    shift = 0
    for width, plane in zip(PLANES[bits], pack(codes, bits), strict=True):
        text = "".join(
            format((code >> shift) & (2**width - 1), f"0{width}b")[::-1] for code in codes
        )
        text += "0" * (-len(text) % 8)
        wanted = [int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8)]
        assert plane.tolist() == wanted
        shift += width
    assert shift == bits


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_a_byte_names_its_codes(width):
    for byte in (0, 1, 0x1B, 0x80, 0xFF):
        codes = byte_table(width)[byte].tolist()
        assert codes == unpack([np.array([byte], np.uint8)], width, 8 // width).tolist()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float32])
@pytest.mark.parametrize("columns", [1, 2, 4, 8])
def test_look_up_takes_rows(dtype, columns):
    random = np.random.default_rng(columns)
    table = random.integers(-100, 100, (256, columns)).astype(dtype)
    plane = random.integers(0, 256, 9, dtype=np.uint8)
    count = 8 * columns + 1
    wanted = table[plane].reshape(-1)[:count]
    np.testing.assert_array_equal(look_up(table, plane, count), wanted)
