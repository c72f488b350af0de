"""Tensors by name, from the files in which other toolkits leave their networks."""

import dataclasses
import math
import os
import pathlib
import re
from collections.abc import Collection, Mapping

import numpy as np

from tfsv.errors import InputError
from tfsv.foreign import HEAD_BYTES, foreign_kind
from tfsv.models.name_maps import LAYOUTS
from tfsv.models.onnx_files import read_onnx
from tfsv.models.parts import Part, part_of
from tfsv.models.torch_files import is_torch_file, read_torch
from tfsv.plain_files import opened

_SHARD = re.compile(r"-(?P<one>\d{1,6})-of-(?P<all>\d{1,6})\.")
_ONNX = tuple(b"\x08%c\x12\x07pytorch" % version for version in range(3, 14))
_OTHERS = (
    (0, b"\x89HDF", "an HDF5 file, such as Keras writes"),
    (4, b"TFL3", "a TFLite file, whose network is exported already"),
    (0, b"\x80", "a pickle that PyTorch did not save"),
)
"""Place and first bytes of files of other kinds."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file.

    Example:
        >>> checkpoint = Checkpoint({"conv1.weight": np.zeros((32, 1, 3, 3), np.float32)})

    Attributes:
        tensors: Float32 (or integer) arrays in PyTorch's layout, by their names in the state dict.
        folded: Kernels and biases of convolutions in the order in which they run. Only ONNX has
            them: these convolutions lost their names when a batch normalisation was folded into
            them.
        bins: Number of mel filters that the file says the network takes. None: it says none.
        key: Where in the file the tensors lie. Empty: everywhere.
        outside: Names of tensors that lie elsewhere in the same dictionary and are left out.
        toolkit: Toolkit that the file says it comes from, as `tfsv.models.name_maps` calls it.
            Empty: it does not say.
    """

    tensors: dict[str, np.ndarray]
    folded: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=list)
    bins: int | None = None
    key: str = ""
    outside: tuple[str, ...] = ()
    toolkit: str = ""


def read_checkpoint(
    path: str | os.PathLike,
    key: str | None = None,
    marks: Collection[str] = tuple(layout.mark for layout in LAYOUTS),
) -> Checkpoint:
    """Reads a file of PyTorch (`.pt`, `.pth`, `.ckpt`), `.safetensors` or `.onnx`.

    Nothing in the file is executed. The tensors may lie anywhere in a file of PyTorch, beside
    objects of any class.

    Example:
        >>> read_checkpoint("avg_model.pt").tensors["conv1.weight"].shape
        (32, 1, 3, 3)

    Args:
        path: Path of the file.
        key: Where in the file the tensors lie, such as "ema" or "state_dict.teacher". None: the
            file holds one network only.
        marks: Names of tensors by which a network is recognised.

    Raises:
        InputError: The file cannot be read, is broken or is of another kind. It is also raised when
            the package that reads it is missing, for several networks without a key, and for NaN or
            infinity in a tensor.
    """
    path = pathlib.Path(path)
    if (shard := _SHARD.search(path.name)) and int(shard["all"]) > 1:
        raise InputError(
            f"{path}: one of {int(shard['all'])} parts of a checkpoint; save it as one file"
        )
    try:
        torch = is_torch_file(path)
        with opened(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    part = Part("")

    def choose(dictionaries: Mapping[str, Collection[str]]) -> str:
        nonlocal part
        part = part_of(dictionaries, marks, key)
        return part.dictionary

    if torch:
        checkpoint = Checkpoint(read_torch(path, choose))
    elif kind := foreign_kind(head):
        raise InputError(f"{path}: {kind}")
    elif path.suffix.lower() == ".safetensors" or head[8:9] == b"{":
        checkpoint = Checkpoint(_read_safetensors(path))
    elif path.suffix.lower() == ".onnx" or head.startswith(_ONNX):
        tensors, folded, bins, toolkit = read_onnx(path)
        checkpoint = Checkpoint(tensors, folded, bins, toolkit=toolkit)
    else:
        other = [kind for place, magic, kind in _OTHERS if head[place:].startswith(magic)]
        raise InputError(
            f"{path}: {other[0] if other else 'broken or of an unknown kind'}; give a file that"
            " PyTorch saved (.pt, .pth, .ckpt), a .safetensors or an .onnx"
        )
    if not torch:
        try:
            choose({"": checkpoint.tensors})
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    checkpoint = _only(checkpoint, part)
    arrays = [*checkpoint.tensors.items()]
    arrays += [(f"convolution {i}", x) for i, pair in enumerate(checkpoint.folded) for x in pair]
    for name, array in arrays:
        if 0 in array.shape:
            raise InputError(f"{path}: tensor {name!r:.80} is empty")
        if array.dtype.kind == "f" and not math.isfinite(array.sum(dtype=np.float64)):
            raise InputError(f"{path}: tensor {name!r:.80} has NaN or infinity in it")
    return checkpoint


def _only(checkpoint: Checkpoint, part: Part) -> Checkpoint:
    """The checkpoint with the tensors of a part."""
    inside = {name: x for name, x in checkpoint.tensors.items() if part.has(name)}
    outside = tuple(name for name in checkpoint.tensors if name not in inside)
    return dataclasses.replace(checkpoint, tensors=inside, key=part.key, outside=outside)


def _read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        import safetensors
        from safetensors.numpy import load_file
    except ImportError as error:
        raise InputError(
            f"{path}: needs the package safetensors; pip install 'tfsv[import]'"
        ) from error
    try:
        tensors = load_file(path)
    except AttributeError as error:  # NumPy has no such type
        raise InputError(
            f"{path}: its numbers are {error.name}, which is not read; save them as float32"
        ) from error
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: not a safetensors file, or broken ({reason:.100})") from error
    return {
        name: array.astype(np.float32) if array.dtype.kind not in "iub" else array
        for name, array in tensors.items()
    }
