"""A folder or file that one process at a time writes."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator

from absl import logging

from tfsv.disk_space import shortage
from tfsv.errors import InputError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What file systems without locks answer."""


@contextlib.contextmanager
def alone_in(path: str | os.PathLike, *, beside: bool = False) -> Iterator[None]:
    """Keeps other processes from the same work while the block runs.

    The lock is the operating system's (`flock`), on a file that is there meanwhile: `.lock` in the
    folder, or `.NAME.lock` beside what is named. It ends with the process, however that ends, so no
    lock is ever left over. Who only reads takes no lock and is not hindered.

    Example:
        >>> with alone_in("runs/two_bits"):
        ...     train()

    Args:
        path: A folder that is there; with `beside` a file or folder that may be absent.
        beside: Whether the lock's file is beside the path, in a folder that is there.

    Raises:
        InputError: Another process is at it; the message names it. Or the lock's file cannot be
            made.
    """
    path = pathlib.Path(path)
    file = path.with_name(f".{path.name}.lock") if beside else path / ".lock"
    handle = _taken(path, file)
    if handle is None:
        yield
        return
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a name
            os.truncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink()  # while it is held: who waits for this very file looks for a new one
        os.close(handle)


def _taken(path: pathlib.Path, file: pathlib.Path) -> int | None:
    """The handle of the locked file, or None where the file system has no locks."""
    while True:
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            short = shortage(error, file)
            cause, remedy = short or (error.strerror, "choose another")
            raise InputError(f"{path}: cannot be written ({cause}); {remedy}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_there(handle, file):
                return handle
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace") or "another process"
            os.close(handle)
            raise InputError(
                f"{path}: {holder} is at work there; wait for its end, or use another"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(handle)
                raise InputError(f"{path}: cannot be locked ({error.strerror})") from error
            logging.warning(
                "%s: its file system has no locks; see that no other process works there", path
            )
            file.unlink(missing_ok=True)
            os.close(handle)
            return None
        os.close(handle)


def _still_there(handle: int, file: pathlib.Path) -> bool:
    """Whether the locked file is the one that others find by its name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(file))
    except OSError:
        return False
