"""A checksum inside the file, by which any change of it is noticed.

The metadata entry `tfsv.sha256` holds the SHA-256 of the whole file, computed with the entry's own
32 bytes as zeros.
"""

import hashlib

from tfsv.export.flatbuffer import find_metadata

ENTRY = "tfsv.sha256"
"""Name of the metadata entry."""

BLANK = bytes(32)
"""The entry's content before `seal`."""


def seal(content: bytes) -> bytes:
    """The file with its checksum; it has the entry already, of whatever content."""
    place = find_metadata(content, ENTRY)
    return content[: place.start] + _digest(content, place) + content[place.stop :]


def check(content: bytes) -> None:
    """Compares the file with its checksum.

    Raises:
        ValueError: It was changed after it was sealed, or never sealed.
    """
    place = find_metadata(content, ENTRY)
    if place is None or place.stop - place.start != len(BLANK):
        raise ValueError("has no checksum")
    if content[place] != _digest(content, place):
        raise ValueError("its checksum is wrong, so it was damaged or changed")


def _digest(content: bytes, place: slice) -> bytes:
    view = memoryview(content)
    digest = hashlib.sha256(view[: place.start])
    digest.update(BLANK)
    digest.update(view[place.stop :])
    return digest.digest()
