"""Curves of a fit for TensorBoard."""

import pathlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import tensorflow as tf

from tfsv.disk_space import shortage
from tfsv.errors import InputError


class Curves:
    """Scalars over steps in a folder's events file.

    Example:
        >>> curves = Curves(pathlib.Path("runs/a/float/tensorboard"))
        >>> curves.write({"float/loss": 1.5}, step=0)
        >>> curves.flush()

    Args:
        folder: Folder of the file; it is made when absent.

    Raises:
        InputError: The file cannot be written. `write` and `flush` raise it too.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        with self._named():
            self._file = tf.summary.create_file_writer(str(folder))

    def write(self, scalars: Mapping[str, float], step: int) -> None:
        """Adds the values of a step, by the names of their curves."""
        with self._named(), self._file.as_default():
            for tag, value in scalars.items():
                tf.summary.scalar(tag, value, step)

    def flush(self) -> None:
        """Brings all values to the disk."""
        with self._named():
            self._file.flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            cause, remedy = shortage(error, self._folder) or (
                str(error).splitlines()[0], "mend it and run again",
            )  # fmt: skip
            raise InputError(
                f"{self._folder}: curves not written ({cause}), the last checkpoint is kept; "
                f"{remedy}"
            ) from error
