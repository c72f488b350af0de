"""What is short where a file cannot be written, and what to do about it."""

import errno
import os
import pathlib
from typing import NamedTuple

_REMEDIES = {
    errno.ENOSPC: "free some space there and run again",
    errno.EDQUOT: "free some of your quota there and run again",
    errno.EFBIG: "raise the limit (`ulimit -f`) or write to another disk, and run again",
    errno.EIO: "the disk or its connection is faulty; write to another one",
}
"""What a user can do about each error of a write that is not the file's own fault."""


class Shortage(NamedTuple):
    """Why a disk did not take a file.

    Example:
        >>> Shortage("No space left on device, 0 B free on /data", "free some space there")

    Attributes:
        cause: What is short and how much was wanted, in words.
        remedy: What to do, in words.
    """

    cause: str
    remedy: str


def shortage(
    error: BaseException, path: str | os.PathLike | None = None, wanted: int | None = None
) -> Shortage | None:
    """Tells whether a write failed for want of space, a quota or a limit, or by a faulty disk.

    Errors of HDF5 and TensorFlow count too: they have the system's message in their own.

    Example:
        >>> shortage(OSError(errno.ENOSPC, "No space left on device"), "runs/a", 1_000_000).cause
        'No space left on device, 1.0 MB or more wanted, 12.3 kB free on /'

    Args:
        error: What the write raised.
        path: File or folder that was written; it need not exist. None: it is not known.
        wanted: Bytes that were to be written, at least. None: they are not known.

    Returns:
        Cause and remedy, or None where the failure has another reason.
    """
    number = _number(error)
    if number is None:
        return None
    cause = os.strerror(number) + (f", {_bytes(wanted)} or more wanted" if wanted else "")
    if path is None or number not in (errno.ENOSPC, errno.EDQUOT):
        return Shortage(cause, _REMEDIES[number])
    mount = _mount(pathlib.Path(path))
    state = os.statvfs(mount)
    if number == errno.ENOSPC and state.f_files and not state.f_favail:
        return Shortage(
            f"{cause}, {mount} can hold no more files", "delete files there and run again"
        )
    free = _bytes(state.f_bavail * state.f_frsize)
    return Shortage(f"{cause}, {free} free on {mount}", _REMEDIES[number])


def _number(error: BaseException) -> int | None:
    number = getattr(error, "errno", None)
    if number is None:
        text = str(error)
        number = next((n for n in _REMEDIES if os.strerror(n) in text), None)
    return number if number in _REMEDIES else None


def _mount(path: pathlib.Path) -> pathlib.Path:
    path = pathlib.Path(os.path.abspath(path))
    while not path.exists() or not (os.path.ismount(path) or path == path.parent):
        path = path.parent
    return path


def _bytes(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
