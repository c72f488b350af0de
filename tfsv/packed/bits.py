"""Codes of 1 to 8 bits as bytes.

A width that divides 8 is one plane of bytes, the first code in the lowest bits. Another width is a
sum of such planes, the lowest bits of the codes first: 3 = 2 + 1, 5 = 4 + 1, 6 = 4 + 2,
7 = 4 + 2 + 1. Every plane starts and ends at a byte, so any byte of it names 8 / width codes, and
that is what lets a TFLite graph decode it by look-up.
"""

import functools

import numpy as np

PLANES = {1: (1,), 2: (2,), 3: (2, 1), 4: (4,), 5: (4, 1), 6: (4, 2), 7: (4, 2, 1), 8: (8,)}
"""Widths of the planes by width of the code, the lowest bits first."""


def plane_bytes(count: int, width: int) -> int:
    """Bytes that a plane of `count` codes takes."""
    return -(-count * width // 8)


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that `count` codes of `bits` bits take."""
    return sum(plane_bytes(count, width) for width in PLANES[bits])


def pack(codes: np.ndarray, bits: int) -> list[np.ndarray]:
    """Packs codes; unused bits of a plane's last byte are zero.

    Args:
        codes: uint8, any shape, below 2^bits.
        bits: 1 to 8.

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
    """uint8 `[count]`: the codes that `pack` packed."""
    codes, shift = None, 0
    for width, plane in zip(PLANES[bits], planes, strict=True):
        part = look_up(byte_table(width) << shift, plane, count)
        codes = part if codes is None else np.bitwise_or(codes, part, out=codes)
        shift += width
    return codes


def look_up(table: np.ndarray, plane: np.ndarray, count: int) -> np.ndarray:
    """`table[plane].reshape(-1)[:count]`, a whole row of the table at once.

    Args:
        table: `[256, codes a byte]`, of bytes or of float32.
        plane: uint8, the rows to take.
        count: Values wanted.
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
    """uint8 `[256, 8 / width]`: the codes that each byte names."""
    shifts = width * np.arange(8 // width)
    return ((np.arange(256)[:, None] >> shifts) & (2**width - 1)).astype(np.uint8)
