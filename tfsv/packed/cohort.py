"""A cohort in a file: vectors with which a task compares the outputs of the graph.

The metadata entry `tfsv.cohort`, little-endian: "TFSC", u16 version, u16 vectors, u16 values of a
vector, then the values as int8, vector by vector. Only the direction of a vector counts, so there
are no scales.
"""

import struct

import numpy as np

COHORT_ENTRY = "tfsv.cohort"
"""Name of the metadata entry."""

VERSION = 1
LARGEST = 1 << 16
"""Vectors, or values of a vector, from which on a cohort does not fit its entry."""

_MAGIC = b"TFSC"
_HEADER = struct.Struct("<4sHHH")


def cohort_bytes(vectors: np.ndarray) -> bytes:
    """The metadata entry's content.

    Example:
        >>> len(cohort_bytes(np.ones((200, 128), np.int8)))
        25610

    Args:
        vectors: The cohort, int8 `[vectors, values]`, as `read_cohort` takes it.
    """
    rows, values = vectors.shape
    header = _HEADER.pack(_MAGIC, VERSION, rows, values)
    return header + np.ascontiguousarray(vectors, np.int8).tobytes()


def read_cohort(content: bytes) -> np.ndarray:
    """Reads what `cohort_bytes` wrote, from a file of any origin.

    Example:
        >>> read_cohort(cohort_bytes(np.ones((200, 128), np.int8))).shape
        (200, 128)

    Returns:
        The cohort, int8 `[vectors, values]`.

    Raises:
        ValueError: The content is no cohort, has a later version or another length than it says,
            has fewer than 2 vectors, or has a vector of zeros.
    """
    if len(content) < _HEADER.size or content[:4] != _MAGIC:
        raise ValueError("damaged cohort")
    _, version, rows, values = _HEADER.unpack_from(content)
    if version != VERSION:
        raise ValueError(f"cohort in format {version}; this tfsv reads format {VERSION}")
    if len(content) != _HEADER.size + rows * values:
        raise ValueError(
            f"cohort of {len(content) - _HEADER.size} bytes instead of {rows} × {values}"
        )
    vectors = np.frombuffer(content, np.int8, rows * values, _HEADER.size).reshape(rows, values)
    if rows < 2 or not values or not vectors.any(axis=1).all():
        raise ValueError(f"cohort of {rows} × {values} with less than 2 vectors or one of zeros")
    return vectors
