"""Files that are either whole or absent."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.plain_files import opened, special

if TYPE_CHECKING:
    import numpy as np


@contextlib.contextmanager
def replacing(path: str | os.PathLike, wanted: int | None = None) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, renamed to `path` when the block ends well.

    An exception or a full disk within the block leaves `path` as it was, and the temporary file is
    gone. A kill leaves a `.part` file, never half of `path`.

    Example:
        >>> with replacing("notes.txt") as part:
        ...     _ = part.write_text("All of it, or nothing.")

    Args:
        path: The file to write. Its folder is made when absent.
        wanted: Bytes of the file, for the message when there is no room. None: they are not known.

    Yields:
        A path in the same folder and with the same name endings, not yet existing.

    Raises:
        InputError: The folder cannot be made or written, the disk is full, or the path is a device
            or pipe, which a file would replace. The message says what is short.
    """
    path = pathlib.Path(path)
    if kind := special(path):
        raise InputError(f"{path}: {kind}, not a file; choose another output")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        endings = "".join(path.suffixes)
        handle, name = tempfile.mkstemp(
            dir=path.parent,
            prefix=f".{path.name.removesuffix(endings)}.",
            suffix=f".part{endings}",
        )
        os.close(handle)
    except OSError as error:
        cause, remedy = shortage(error, path, wanted) or (
            error.strerror, "choose another output folder",
        )  # fmt: skip
        raise InputError(f"{path}: cannot be written ({cause}); {remedy}") from error
    part = pathlib.Path(name)
    part.unlink()
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        os.replace(part, path)
    except InputError:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)  # so that what is free is told without it
        if short := shortage(error, path, wanted):
            raise InputError(
                f"{path}: not written ({short.cause}), nothing was changed; {short.remedy}"
            ) from error
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or error
        raise InputError(f"{path}: not written ({reason}); nothing was changed") from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text as UTF-8, the whole file or nothing.

    Example:
        >>> write_text("table.md", "| bits | EER % |\\n")

    Args:
        path: The file, which is replaced if it exists.
        text: What the file holds.

    Raises:
        InputError: The file cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes bytes, the whole file or nothing.

    Example:
        >>> write_bytes("model.tflite", content)

    Args:
        path: The file, which is replaced if it exists.
        content: What the file holds.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path, len(content)) as part:
        part.write_bytes(content)


def write_array(path: str | os.PathLike, array: "np.ndarray") -> None:
    """Writes an array as `.npy`, the whole file or nothing.

    The bytes are made in memory: `numpy.save` into a file does not say why a write failed.

    Example:
        >>> write_array("embeddings.npy", np.zeros((256, 192), np.float32))

    Args:
        path: The file, which is replaced if it exists.
        array: What the file holds.

    Raises:
        InputError: The file cannot be written.
    """
    import numpy as np

    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    write_bytes(path, content.getvalue())


def write_json(path: str | os.PathLike, content: Any, *, indent: int | None = 2) -> None:
    """Writes JSON, the whole file or nothing.

    Example:
        >>> write_json("settings.json", {"bits": 4})

    Args:
        path: The file, which is replaced if it exists.
        content: A JSON-ready value.
        indent: Number of blanks for each level. None: the file has one line.

    Raises:
        InputError: The file cannot be written.
    """
    write_text(path, json.dumps(content, indent=indent, ensure_ascii=False) + "\n")


def sha256_of(path: str | os.PathLike) -> str:
    """The sha256 of a file's bytes, in hexadecimal, as `sha256sum` prints it.

    Example:
        >>> write_json("settings.json", {"bits": 4})
        >>> sha256_of("settings.json")[:8]
        '0bb6a40a'

    Raises:
        InputError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with opened(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def sha256_of_arrays(arrays: Iterable[Any]) -> str:
    """The sha256 of numpy arrays with their types and shapes, in hexadecimal.

    Example:
        >>> sha256_of_arrays([np.zeros(3, np.float32)])[:8]
        '8c6a67cf'
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def writable_folder(path: str | os.PathLike) -> pathlib.Path:
    """Makes the folder `path` and proves that files can be written into it.

    Example:
        >>> writable_folder("runs/first")
        PosixPath('runs/first')

    Raises:
        InputError: The folder cannot be made, or nothing can be written into it.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        cause, remedy = shortage(error, path) or (error.strerror, "choose another")
        raise InputError(f"{path}: not a folder that can be written ({cause}); {remedy}") from error
    return path


def require_file(path: str | os.PathLike, expected: str) -> None:
    """Refuses to write a file where something else is, before any work is done for it.

    Example:
        >>> require_file("corpus/manifest.tsv", "'output' names the manifest file")

    Args:
        path: The file to write.
        expected: What the path should be, for the message.

    Raises:
        InputError: There is a folder, a device or a pipe.
    """
    if kind := "a folder" if os.path.isdir(path) else special(path):
        raise InputError(f"{path}: {kind}; {expected}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
