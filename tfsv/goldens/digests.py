"""By what golden files are told to be the same bytes."""

import hashlib

from tfsv.packed.expand import expand, is_packed


def digests(content: bytes) -> list[str]:
    """SHA-256 of a file and of what it expands to, in hexadecimal digits.

    Example:
        >>> [len(digest) for digest in digests(pathlib.Path("model.tflite").read_bytes())]
        [64, 64]

    Args:
        content: A file of `tfsv export`; a plain one expands to itself.
    """
    expanded = expand(content) if is_packed(content) else content
    return [hashlib.sha256(data).hexdigest() for data in (content, expanded)]
