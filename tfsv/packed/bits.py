"""Codes of 1 to 8 bits as bytes.

A width that divides 8 is one plane of bytes, the first code in the lowest bits. Another width is a
sum of such planes, the lowest bits of the codes first. The sums are 3 = 2 + 1, 5 = 4 + 1,
6 = 4 + 2 and 7 = 4 + 2 + 1. Every plane starts and ends at a byte, so any byte of it names
8 / width codes. That is what lets a TFLite graph decode it by look-up.
"""

import functools

import numpy as np

PLANES = {1: (1,), 2: (2,), 3: (2, 1), 4: (4,), 5: (4, 1), 6: (4, 2), 7: (4, 2, 1), 8: (8,)}
"""Widths of the planes by width of the code, the lowest bits first."""


def plane_bytes(count: int, width: int) -> int:
    """Bytes that a plane of `count` codes takes.

    Example:
        >>> plane_bytes(10, 2)
        3
    """
    return -(-count * width // 8)


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that `count` codes of `bits` bits take, all planes together.

    Example:
        >>> packed_bytes(10, 3)
        5
    """
    return sum(plane_bytes(count, width) for width in PLANES[bits])


def pack(codes: np.ndarray, bits: int) -> list[np.ndarray]:
    """Packs codes; unused bits of a plane's last byte are zero.

    Example:
        >>> pack(np.array([1, 2, 7], np.uint8), 3)
        [array([57], dtype=uint8), array([4], dtype=uint8)]

    Args:
        codes: The codes, uint8 of any shape, below 2^bits.
        bits: Width of a code, 1 to 8.

    Returns:
        One uint8 vector for each of `PLANES[bits]`.
    """
    codes = codes.reshape(-1)
    planes, shift = [], 0
    for width in PLANES[bits]:
        values = (codes >> shift) & (2**width - 1)
        per_byte = 8 // width
        padded = np.pad(values, (0, -len(values) % per_byte)).reshape(-1, per_byte)
        shifts = (width * np.arange(per_byte)).astype(np.uint8)
        planes.append(np.bitwise_or.reduce(padded << shifts, axis=1).astype(np.uint8))
        shift += width
    return planes


def unpack(planes: list[np.ndarray], bits: int, count: int) -> np.ndarray:
    """The codes that `pack` packed, uint8 `[count]`.

    Example:
        >>> unpack(pack(np.array([1, 2, 7], np.uint8), 3), 3, 3)
        array([1, 2, 7], dtype=uint8)
    """
    codes, shift = None, 0
    for width, plane in zip(PLANES[bits], planes, strict=True):
        part = look_up(byte_table(width) << shift, plane, count)
        codes = part if codes is None else np.bitwise_or(codes, part, out=codes)
        shift += width
    return codes


def look_up(table: np.ndarray, plane: np.ndarray, count: int) -> np.ndarray:
    """Computes `table[plane].reshape(-1)[:count]`, a whole row of the table at once.

    Example:
        >>> look_up(byte_table(4), np.array([0x21, 0x03], np.uint8), 3)
        array([1, 2, 3], dtype=uint8)

    Args:
        table: The values that each byte stands for, `[256, codes a byte]`, bytes or float32.
        plane: The rows to take, a uint8 vector.
        count: Number of values wanted.
    """
    if table.itemsize == table.shape[1] == 1:
        mapped = plane.tobytes().translate(table.tobytes())
        return np.frombuffer(mapped, table.dtype, count)
    if table.itemsize == 1:
        rows = np.ascontiguousarray(table).view(f"u{table.shape[1]}").reshape(-1)
        return np.take(rows, plane, mode="clip").view(table.dtype)[:count]
    return np.take(table, plane, axis=0, mode="clip").reshape(-1)[:count]


@functools.cache
def byte_table(width: int) -> np.ndarray:
    """The codes that each byte names, uint8 `[256, 8 / width]`.

    Example:
        >>> byte_table(4)[0x21]
        array([1, 2], dtype=uint8)
    """
    shifts = width * np.arange(8 // width)
    return ((np.arange(256)[:, None] >> shifts) & (2**width - 1)).astype(np.uint8)
