"""Arrays of any origin: read without pickles, and never larger than their file says."""

import os
from typing import TYPE_CHECKING

from tfsv.plain_files import opened

if TYPE_CHECKING:
    import numpy as np


def read_array(path: str | os.PathLike) -> "np.ndarray":
    """Reads a `.npy` file into memory.

    Nothing is allocated for a shape that the file is too short for.

    Example:
        >>> read_array("cohort.npy").shape
        (200, 128)

    Raises:
        InputError: The path is a device or a pipe.
        OSError: The file cannot be opened.
        ValueError: The file is no array, is truncated, or holds objects. The message is one line.
    """
    import numpy as np

    opened(path).close()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError, SyntaxError, TypeError, MemoryError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise ValueError(f"no array, or damaged: {reason:.200}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError("several arrays (.npz) in place of one")
    return np.array(array)
