"""Weights of any origin in HDF5: nothing outside the file is read, and nothing too large."""

import math
import pathlib

from tfsv.errors import InputError
from tfsv.plain_files import special

_MOST_OBJECTS = 100_000
_COPIES = 3  # of a weight: Keras writes wrapped layers with what they wrap
_SLACK = 1 << 16  # numbers beside the weights, such as states of dropout


def check_weights(path: pathlib.Path, weights: int) -> None:
    """Refuses a file of weights that could do more than fill a network.

    Only the file's structure is read. HDF5 may point to other files, keep its numbers in them, or
    promise more of them than there is memory for.

    Example:
        >>> check_weights(pathlib.Path("runs/a/float/network.weights.h5"), network.count_params())

    Args:
        path: The file.
        weights: Number of weights of the network that is to be filled.

    Raises:
        InputError: The file points elsewhere, holds more numbers than the network, or has very many
            objects.
        OSError: The file cannot be read as HDF5.
    """
    import h5py

    if kind := special(path):
        raise InputError(f"{path}: {kind}, not a file; train or import the model again")
    total, objects = 0, 0
    with h5py.File(path, "r") as file:
        todo, seen = [file], set()
        while todo:
            group = todo.pop()
            for name in group:
                objects += 1
                if objects > _MOST_OBJECTS:
                    raise _strange(path, f"more than {_MOST_OBJECTS:,} objects")
                if type(group.get(name, getlink=True)) is not h5py.HardLink:
                    raise _strange(path, "links to other places")
                entry = group[name]
                if isinstance(entry, h5py.Group):
                    if entry.id not in seen:
                        seen.add(entry.id)
                        todo.append(entry)
                    continue
                if not isinstance(entry, h5py.Dataset) or entry.shape is None:
                    continue
                if entry.is_virtual or entry.external:
                    raise _strange(path, "numbers in other files")
                total += math.prod(entry.shape)
    if total > _COPIES * weights + _SLACK:
        raise _strange(path, f"{total} numbers for a network of {weights} weights")


def _strange(path: pathlib.Path, what: str) -> InputError:
    return InputError(f"{path}: not as tfsv writes it ({what}); train or import the model again")
