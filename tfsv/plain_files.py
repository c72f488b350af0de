"""Files that are nothing but files: no pipe that never ends, no device, nothing that waits."""

import os
import pathlib
import stat
from typing import BinaryIO

from tfsv.errors import InputError

_SAVED = "save what it gives as a file"


def special(path: str | os.PathLike) -> str | None:
    """What a path is that is neither a file nor a folder, nor absent.

    Example:
        >>> special("/dev/null")
        'a device'
        >>> special("README.md") is None
        True
    """
    try:
        return _kind(pathlib.Path(path).stat().st_mode)
    except (OSError, ValueError):
        return None


def opened(path: str | os.PathLike) -> BinaryIO:
    """Opens a file for reading, without waiting for whoever would write into a pipe.

    Example:
        >>> with opened("model.tflite") as file:
        ...     head = file.read(8)

    Raises:
        InputError: The path is a device, a pipe or a socket, which may give bytes without end.
        OSError: The file cannot be opened, or is a folder.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    if kind := _kind(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError(f"{path}: {kind}, not a file; {_SAVED}")
    return file


def whole(path: str | os.PathLike, most: int | None = None) -> bytes:
    """The bytes of a file that is a file and not too large.

    Example:
        >>> whole("list.txt", most=1_000_000)[:5]
        b'1 a b'

    Args:
        path: The file.
        most: Bytes that it may have. None: as many as there is memory for.

    Raises:
        InputError: The path is a device, a pipe or a socket, or the file is too large.
        OSError: The file cannot be read, or is a folder.
    """
    with opened(path) as file:
        return rest(file, path, most)


def rest(file: BinaryIO, path: str | os.PathLike, most: int | None = None) -> bytes:
    """The bytes from where an opened file is to its end, unless the whole is too large.

    Example:
        >>> with opened("list.txt") as file:
        ...     head = file.read(8)
        ...     content = head + rest(file, "list.txt", most=1_000_000)

    Args:
        file: What `opened` gave.
        path: The file's path, for messages.
        most: Bytes that the whole file may have. None: as many as there is memory for.

    Raises:
        InputError: The file is too large.
        OSError: The file cannot be read, or is a folder.
    """
    size = os.fstat(file.fileno()).st_size
    if most is not None and size > most:
        raise InputError(f"{path}: {size} bytes, where {most} are the most; is it this file?")
    try:
        return file.read()
    except MemoryError as error:
        raise InputError(f"{path}: {size} bytes, more than there is memory for") from error


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _kind(mode: int) -> str | None:
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
