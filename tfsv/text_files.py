"""Text files that other people's tools wrote, and names that can be written into them."""

import codecs
import os
import re

from tfsv.errors import InputError
from tfsv.foreign import HEAD_BYTES, foreign_kind
from tfsv.plain_files import opened, rest

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HEAD = 1 << 16  # bytes; no text starts with so many zeros
_ZEROS = "nothing but zero bytes; restore it or copy it again"
_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # where str.splitlines cuts
_UNWRITABLE = re.compile(f"[\t{_BREAKS}\ud800-\udfff]")


def read_bytes(path: str | os.PathLike, what: str = "text", most: int | None = None) -> bytes:
    """Reads a text file as UTF-8 with line feeds, whatever system it comes from.

    A byte-order mark is left out. Line ends of Windows (CRLF) and of old Macs (CR) become line
    feeds.

    Example:
        >>> pathlib.Path("list.txt").write_bytes(b"\\xef\\xbb\\xbf1 a b\\r\\n")
        >>> read_bytes("list.txt")
        b'1 a b\\n'

    Args:
        path: The file.
        what: Kind of file that is expected, such as "a trial list", for messages.
        most: Bytes that the file may have. None: as many as there is memory for.

    Raises:
        InputError: The file cannot be read, is too large, is not UTF-8, or is a pipe or a device.
            It is also raised where something else stands in place of the file, such as a pointer
            of git-lfs or a web page. The message names what it is, and the remedy.
    """
    try:
        with opened(path) as file:
            head = file.read(_HEAD)
            if len(head) == _HEAD and not head.strip(b"\0"):
                raise InputError(f"{path}: not {what}: {_ZEROS}")  # perhaps gigabytes of them
            data = head + rest(file, path, most)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as {what} ({error.strerror})") from error
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            raise InputError(f"{path}: not UTF-8 text but {encoding}; {_converted(encoding)}")
    kind = foreign_kind(data[:HEAD_BYTES]) if data else None
    if kind is not None:
        raise InputError(f"{path}: not {what}: {kind}")
    if data and not data.strip(b"\0"):
        raise InputError(f"{path}: not {what}: {_ZEROS}")
    if b"\0" in data[:2]:
        raise InputError(
            f"{path}: not UTF-8 text: it starts with a zero byte, as UTF-16 without a mark does;"
            " save it as UTF-8"
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: not UTF-8 text (byte 0x{data[error.start]:02x} in line {line}); is it {what}?"
            f" If so, {_converted('WINDOWS-1252')}, or whatever encoding it has"
        ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def read_text(path: str | os.PathLike, what: str = "text", most: int | None = None) -> str:
    """Reads a text file as `read_bytes` does, decoded.

    Example:
        >>> settings = json.loads(read_text("settings.json"))

    Args:
        path: The file.
        what: Kind of file that is expected, such as "a manifest", for messages.
        most: Bytes that the file may have. None: as many as there is memory for.

    Raises:
        InputError: The file cannot be read, is too large, or is not UTF-8.
    """
    return read_bytes(path, what, most).decode("utf-8")


def read_lines(path: str | os.PathLike, what: str = "text") -> list[str]:
    """The lines of a text file, without their ends. Nothing but line ends cuts a line.

    `str.splitlines` would cut at ten more characters, some of which occur in names.

    Example:
        >>> lines = read_lines("LibriSpeech/SPEAKERS.TXT")

    Args:
        path: The file.
        what: Kind of file that is expected, such as "a manifest", for messages.

    Raises:
        InputError: The file cannot be read, or is not UTF-8.
    """
    lines = read_text(path, what).split("\n")
    return lines if lines[-1] else lines[:-1]


def unwritable(name: str) -> str | None:
    """Why a name cannot stand in a table of names, or None if it can.

    Every character can stand there but tabs, line breaks, and bytes that are not UTF-8.

    Example:
        >>> unwritable("anna\\t1.wav")
        'a tab or line break in its name; rename it'
        >>> unwritable("Recording 3.15\\u202fPM.wav") is None
        True

    Args:
        name: The name. As everywhere in Python, a byte of a file's name that is not UTF-8 is a lone
            surrogate.
    """
    found = _UNWRITABLE.search(name)
    if found is None:
        return None
    if found[0] in f"\t{_BREAKS}":
        return "a tab or line break in its name; rename it"
    return "a byte in its name that is not UTF-8; rename it"


def escaped(name: str) -> str:
    """A name as it can stand in any table: what `unwritable` refuses is written as an escape.

    Example:
        >>> escaped("anna\\t1.wav")
        'anna\\\\t1.wav'
    """
    return _UNWRITABLE.sub(lambda found: ascii(found[0])[1:-1], name)


def _converted(encoding: str) -> str:
    return f"save it as UTF-8, or `iconv -f {encoding} -t UTF-8 OLD > NEW`"
