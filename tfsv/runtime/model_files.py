"""Exported files of any origin: read, checked, and their card."""

import os
import pathlib

import numpy as np

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.foreign import HEAD_BYTES, foreign_kind
from tfsv.packed import flatbuffer, seal
from tfsv.packed.assemble import CARD_ENTRY
from tfsv.packed.cohort import COHORT_ENTRY, read_cohort
from tfsv.packed.expand import LARGEST_MODEL
from tfsv.packed.operands import ForeignGraphError

LARGEST_FILE = LARGEST_MODEL
"""Most bytes that a file or an expanded model may have; larger ones are refused."""

_ENTRIES = (CARD_ENTRY, seal.SEAL_ENTRY)
_SMALLEST_FILE = 64
_LONGEST_REASON = 200  # characters


def read_model(path: str | os.PathLike) -> bytes:
    """Reads an exported file and compares it with its checksum.

    Example:
        >>> content = read_model("model.tflite")
        >>> card = read_card(content, "model.tflite")

    Raises:
        InputError: The file is absent, unreadable, damaged, or was not exported by tfsv.
    """
    content = read_unchecked(path)
    try:
        seal.check(content)
    except ValueError as error:
        raise unsound(path, error) from error
    return content


def read_unchecked(path: str | os.PathLike) -> bytes:
    """Reads a TFLite file, whatever its checksum.

    Example:
        >>> content = read_unchecked("model.tflite")
        >>> content[4:8]
        b'TFL3'

    Raises:
        InputError: The file is absent, unreadable, too large, no TFLite file, or one that tfsv did
            not make.
    """
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            reason = "is not a file" if path.exists() else "does not exist"
            raise InputError(f"{path}: {reason}; give a .tflite file that `tfsv export` wrote")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(f"{path}: {size} bytes, larger than any model of tfsv")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if content[4:8] != flatbuffer.IDENTIFIER:
        kind = foreign_kind(content[:HEAD_BYTES])
        raise InputError(f"{path}: {kind or 'not a TFLite file; export it again'}")
    if len(content) < _SMALLEST_FILE:
        raise InputError(f"{path}: only {len(content)} bytes, truncated; export it again")
    if _of_another_tool(content):
        raise InputError(
            f"{path}: a TFLite file, but not made by tfsv (it has neither card nor checksum);"
            " give one that `tfsv export` wrote"
        )
    return content


def read_card(content: bytes, path: str | os.PathLike) -> ModelCard:
    """The card in a file that `read_model` has read.

    Example:
        >>> card = read_card(read_model("model.tflite"), "model.tflite")
        >>> card.task
        'verification'

    Args:
        content: The file's bytes.
        path: The file's name, for errors.

    Raises:
        InputError: The file has no card, or the card is damaged.
    """
    try:
        place = flatbuffer.find_metadata(content, CARD_ENTRY)
        if place is None:
            raise InputError(f"{path}: has no model card; export it with `tfsv export`")
        return ModelCard.from_json(content[place].decode(), source=path)
    except InputError as error:
        raise InputError(shortened(str(error), len(str(path)))) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise unsound(path, error) from error


def read_cohort_of(content: bytes, path: str | os.PathLike) -> np.ndarray | None:
    """The cohort in a file that `read_model` has read; None where it has none.

    Example:
        >>> cohort = read_cohort_of(read_model("model.tflite"), "model.tflite")
        >>> cohort.shape
        (200, 128)

    Args:
        content: The file's bytes.
        path: The file's name, for errors.

    Returns:
        The cohort, int8 `[vectors, values]`.

    Raises:
        InputError: The cohort is damaged.
    """
    try:
        place = flatbuffer.find_metadata(content, COHORT_ENTRY)
        return None if place is None else read_cohort(content[place])
    except ValueError as error:
        raise unsound(path, error) from error


def unsound(path: str | os.PathLike, error: Exception) -> InputError:
    """The error to raise for a file that is damaged, or that tfsv did not make.

    Example:
        >>> print(unsound("model.tflite", ValueError("has no checksum")))
        model.tflite: not a sound TFLite file of tfsv (has no checksum); get it again
    """
    if isinstance(error, ForeignGraphError):
        return InputError(
            f"{path}: a TFLite file, but not made by tfsv ({first_line(error)});"
            " give one that `tfsv export` wrote"
        )
    return InputError(
        f"{path}: not a sound TFLite file of tfsv ({first_line(error)}); get it again"
    )


def first_line(error: Exception) -> str:
    """The first line of an error's message, cut to what a line holds.

    Example:
        >>> first_line(ValueError("wrong shape\\nand more"))
        'wrong shape'
    """
    return shortened((str(error).splitlines() or ["no reason given"])[0])


def shortened(message: str, beside: int = 0) -> str:
    """A message that may quote a file of any origin, cut to what a line holds.

    Example:
        >>> len(shortened("x" * 1000)), len(shortened("x" * 1000, beside=30))
        (200, 230)
    """
    most = beside + _LONGEST_REASON
    return message if len(message) <= most else message[: most - 1] + "…"


def _of_another_tool(content: bytes) -> bool:
    """Whether nothing in a file that can be read says that tfsv made it."""
    try:
        places = [flatbuffer.find_metadata(content, entry) for entry in _ENTRIES]
    except ValueError:
        return False  # damaged, which the checksum says
    # The names are still there where only the way to them is damaged.
    return not any(places) and not any(entry.encode() in content for entry in _ENTRIES)


def printable(text: str) -> str:
    """Text of a file of any origin, without what would move the cursor.

    Example:
        >>> print(printable("stem\\x1b[2J"))
        stem\\x1b[2J
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
