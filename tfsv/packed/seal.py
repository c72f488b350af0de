"""A checksum inside the file, by which any change of it is noticed.

The metadata entry `tfsv.sha256` holds the SHA-256 of the whole file, computed with the entry's own
32 bytes as zeros.
"""

import hashlib

from tfsv.packed.flatbuffer import find_metadata

SEAL_ENTRY = "tfsv.sha256"
"""Name of the metadata entry."""

BLANK = bytes(32)
"""The entry's content before `seal`."""


def seal(content: bytes) -> bytes:
    """The file with its checksum.

    Example:
        >>> flatbuffer.set_metadata(model, SEAL_ENTRY, BLANK)
        >>> content = seal(flatbuffer.serialise(model))

    Args:
        content: The file; it has the entry already, `len(BLANK)` bytes long.

    Raises:
        ValueError: The file has no such entry.
    """
    place = _place(content)
    return content[: place.start] + digest(content, place) + content[place.stop :]


def check(content: bytes) -> None:
    """Compares the file with its checksum.

    Example:
        >>> content = pathlib.Path(tfsv.demo.located("demo")).read_bytes()
        >>> check(content)

    Raises:
        ValueError: The file was changed after it was sealed, or was never sealed.
    """
    place = _place(content)
    if content[place] != digest(content, place):
        raise ValueError("its checksum is wrong, so it was damaged or changed")


def digest(content: bytes, place: slice) -> bytes:
    """The checksum of a file whose entry lies at `place`, 32 bytes.

    Example:
        >>> place = flatbuffer.find_metadata(content, SEAL_ENTRY)
        >>> digest(content, place) == content[place]
        True
    """
    view = memoryview(content)
    digest = hashlib.sha256(view[: place.start])
    digest.update(BLANK)
    digest.update(view[place.stop :])
    return digest.digest()


def _place(content: bytes) -> slice:
    place = find_metadata(content, SEAL_ENTRY)
    if place is None or place.stop - place.start != len(BLANK):
        raise ValueError("has no checksum")
    return place
