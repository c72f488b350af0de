"""State dicts that PyTorch saved, read without PyTorch and without running what is in them.

A PyTorch file is a pickle beside raw numbers. `tfsv.models.pickles` reads the pickle and calls
nothing; here the few functions that make tensors are known, and what they would make.
"""

import collections
import dataclasses
import functools
import io
import math
import os
import pathlib
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfsv.errors import InputError
from tfsv.models.parts import Choose, the_only_one
from tfsv.models.pickles import (
    LARGEST_PICKLE,
    BrokenPickleError,
    Made,
    Name,
    pairs,
    read_pickle,
)
from tfsv.plain_files import opened, whole

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LARGEST_LEGACY = 1 << 32  # bytes; the networks of before PyTorch 1.6 have a fiftieth
_MOST_AXES = 8  # of a tensor; convolutions of volumes have 5
_MOST_VIEWS = 8  # tensors for each number that is stored; tied weights have two or three
_DEEPEST = 16  # containers within one another, of any file that people save

_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_DICTIONARIES = ("collections.OrderedDict", "collections.defaultdict")
_REBUILD_TENSOR = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
_REBUILD_PARAMETER = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
)
_REBUILD_SUBCLASS = "torch._tensor._rebuild_from_type_v2"
_MAKERS_OF_OBJECTS = ("copyreg._reconstructor", "copyreg.__newobj__", "copy_reg._reconstructor")
_MAKERS_OF_TENSORS = ("torch._utils._rebuild", "torch._tensor.", "torch.Tensor", "numpy.")
_TENSOR_NAMES = ("weight", "bias", "running_mean", "running_var")
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
_SAVE = "save model.state_dict()"


@dataclasses.dataclass(frozen=True)
class _Storage:
    kind: str
    key: str
    elements: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def is_torch_file(path: str | os.PathLike) -> bool:
    """Whether the file starts as one that PyTorch saved, in its present or its legacy format.

    Example:
        >>> is_torch_file("avg_model.pt")
        True
    """
    with opened(path) as file:
        start = file.read(14)
    return start.startswith((b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20"))


def read_torch(path: str | os.PathLike, choose: Choose = the_only_one) -> dict[str, np.ndarray]:
    """Reads the tensors of a state dict (`.pt`, `.pth`, `.ckpt`).

    The state dict may lie anywhere in a training checkpoint, such as in "state_dict", and beside
    objects of any class. Those are not looked at, and nothing is called. A network that was saved
    whole is read like its state dict. Optimizers' tensors are no state dict.

    Example:
        >>> read_torch("avg_model.pt")["conv1.weight"].shape
        (32, 1, 3, 3)

    Args:
        path: Path of a file of `torch.save`, in the zip format or the legacy one before PyTorch
            1.6.
        choose: Function that picks one of several dictionaries of tensors.

    Returns:
        The tensors by name. All that are floating point in the file are float32.

    Raises:
        InputError: The file cannot be read, is broken, holds no tensors or several dictionaries of
            them, or has an object of another class in a tensor's place.
    """
    path = pathlib.Path(path)
    try:
        with opened(path) as file:
            zipped = file.read(2) == b"PK"
        if zipped:
            return _read_zip(path, choose)
        # In memory, since a file would make room for as many bytes as a forged length says.
        return _read_legacy(io.BytesIO(whole(path, _LARGEST_LEGACY)), choose)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (BrokenPickleError, InputError) as error:
        raise InputError(f"{path}: {error}") from error
    except _BROKEN as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: broken or cut off ({reason:.100})") from error


def _read_zip(path: pathlib.Path, choose: Choose) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in entries if f"/{name}".endswith("/data.pkl")]
        if len(pickles) != 1:
            raise InputError(
                "a zip archive, but with no state dict of PyTorch; if one is in it, unpack it"
            )
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values())
        total = sum(entry.file_size for entry in entries.values())
        if packed or total > path.stat().st_size:
            raise InputError(
                "not as PyTorch saves: its entries are compressed or overlap; get the original file"
            )
        root = pickles[0].removesuffix("data.pkl")
        if any(name.startswith(f"{root}code/") for name in entries):
            raise InputError("a TorchScript program; save the model's state_dict() instead")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise InputError("saved on a big-endian machine; save it again on another")

        def read(storage: _Storage) -> bytes:
            return archive.read(f"{root}data/{storage.key}")

        if entries[pickles[0]].file_size > LARGEST_PICKLE:
            raise BrokenPickleError("its pickle is larger than any of a state dict")
        value = _unpickle(io.BytesIO(archive.read(pickles[0])))
        return _resolve(_state_dict(value, choose), read)


def _read_legacy(file: io.BytesIO, choose: Choose) -> dict[str, np.ndarray]:
    if [_unpickle(file), _unpickle(file)] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise InputError("not a file that PyTorch saved")
    if _unpickle(file).get("little_endian") is not True:
        raise InputError("saved on a big-endian machine; save it again on another")
    storages: dict[str, _Storage] = {}

    def persistent(identity: Any) -> Any:
        storage = _persistent(identity)
        if isinstance(storage, _Storage):
            storages[storage.key] = storage
        return storage

    tensors = _state_dict(read_pickle(file, _made, persistent), choose)
    data = {}
    for key in _unpickle(file):
        elements = int.from_bytes(file.read(8), "little")
        data[key] = file.read(elements * _dtype(storages[key]).itemsize)
    return _resolve(tensors, lambda storage: data[storage.key])


_Place = tuple[str, Any, int]  # key in the file, value, depth


def _state_dict(value: Any, choose: Choose) -> dict[str, _Tensor]:
    """The dictionary of tensors that is chosen of all that a value holds."""
    found: dict[str, dict[str, Any]] = {}
    others: list[str] = []
    seen: set[int] = set()
    todo = collections.deque([("", value, 0)])
    while todo:
        key, value, depth = todo.popleft()
        if isinstance(value, Name | Made):
            others.append(value.name if isinstance(value, Name) else value.maker)
        if not isinstance(value, dict | list | tuple | Made) or id(value) in seen:
            continue
        seen.add(id(value))
        entries = _entries(value)
        if "param_groups" in entries:
            others.append("optimizer")
            continue
        tensors = {name: x for name, x in entries.items() if isinstance(x, _Tensor)}
        named = not isinstance(value, list | tuple)
        if named and tensors and tensors not in map(_tensors, found.values()):
            found[key] = entries
        if depth < _DEEPEST:
            todo += [(f"{key}.{n}" if key else n, x, depth + 1) for n, x in entries.items()]
    if not found:
        raise InputError(_nothing(others))
    chosen = found[choose({key: list(_tensors(x)) for key, x in found.items()})]
    for name, entry in chosen.items():
        if isinstance(entry, Made) and _is_place_of_tensor(name, entry):
            raise InputError(f"{name!r:.80} is a {entry.maker!r:.80} and no plain tensor; {_SAVE}")
    return _tensors(chosen)


def _tensors(entries: Mapping[str, Any]) -> dict[str, _Tensor]:
    return {name: x for name, x in entries.items() if isinstance(x, _Tensor)}


def _nothing(others: list[str]) -> str:
    if "optimizer" in others:
        return f"holds an optimizer's state and no state dict of a network; {_SAVE}"
    if others:
        return f"holds no state dict, but {others[0]!r:.80}, which is not called; {_SAVE}"
    return f"holds no state dict; {_SAVE}"


def _is_place_of_tensor(name: str, entry: Made) -> bool:
    return name.rpartition(".")[2] in _TENSOR_NAMES or entry.maker.startswith(_MAKERS_OF_TENSORS)


def _entries(value: Any) -> dict[str, Any]:
    """What a container holds, by names. An object holds its attributes, a module its tensors."""
    if isinstance(value, dict):
        return {str(key): x for key, x in value.items() if isinstance(key, str | int)}
    if isinstance(value, list | tuple):
        return {str(index): x for index, x in enumerate(value)}
    if _is_module(value):
        return _module(value)
    states = value.state if isinstance(value.state, tuple) else (value.state,)
    parts = [x for x in (*states, value.entries) if isinstance(x, dict)]
    named = {key: x for part in parts for key, x in part.items() if isinstance(key, str)}
    return named or _entries(value.items)


def _is_module(value: Any) -> bool:
    return isinstance(value, Made) and isinstance(value.state, dict) and "_modules" in value.state


def _module(module: Made) -> dict[str, Any]:
    """The tensors of a network that was saved whole, by the names of its state dict."""
    named: dict[str, Any] = {}
    todo: list[_Place] = [("", module, 0)]
    while todo:
        prefix, module, depth = todo.pop()
        for kind in ("_parameters", "_buffers"):
            own = module.state.get(kind)
            if isinstance(own, dict):
                named |= {f"{prefix}{name}": x for name, x in own.items() if x is not None}
        inner = module.state["_modules"]
        if isinstance(inner, dict) and depth < _DEEPEST:
            places = ((f"{prefix}{name}.", x, depth + 1) for name, x in inner.items())
            todo += [place for place in places if _is_module(place[1])]
    return named


def _resolve(
    tensors: dict[str, _Tensor], read: Callable[[_Storage], bytes]
) -> dict[str, np.ndarray]:
    storages: dict[tuple[str, str], np.ndarray] = {}
    arrays, total = {}, 0
    for name, tensor in tensors.items():
        storage = tensor.storage
        if len(tensor.shape) > _MOST_AXES:
            raise BrokenPickleError(f"tensor {name!r:.80} has {len(tensor.shape)} axes")
        if (storage.kind, storage.key) not in storages:
            numbers = np.frombuffer(read(storage), _dtype(storage))
            storages[storage.kind, storage.key] = numbers
        numbers = storages[storage.kind, storage.key]
        arrays[name] = _view(name, tensor, numbers)
        total += arrays[name].size
        if total > _MOST_VIEWS * sum(map(len, storages.values())):
            raise BrokenPickleError("its tensors are views of the same numbers, many times over")
    return arrays


def _dtype(storage: _Storage) -> np.dtype:
    if storage.kind not in _DTYPES:
        raise InputError(
            f"its numbers are a {storage.kind!r:.40}, which is not read; save them as float32"
        )
    return np.dtype(_DTYPES[storage.kind])


def _view(name: str, tensor: _Tensor, numbers: np.ndarray) -> np.ndarray:
    shape, strides, offset = tensor.shape, tensor.strides, tensor.offset
    sizes = [offset, tensor.storage.elements, *shape, *strides]
    if not all(size >= 0 for size in sizes) or len(shape) != len(strides):
        raise BrokenPickleError(f"tensor {name!r:.80} has no shape")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    elements = min(tensor.storage.elements, len(numbers))
    if math.prod(shape) > elements or last >= elements or 0 in shape:
        raise BrokenPickleError(f"tensor {name!r:.80} of shape {list(shape)} has too few numbers")
    steps = [stride * numbers.itemsize for stride in strides]
    array = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
    if tensor.storage.kind == "BFloat16Storage":
        array = np.left_shift(array.astype(np.uint32), 16).view(np.float32)
    return array.astype(np.float32 if array.dtype.kind == "f" else array.dtype, order="C")


def _made(maker: str, arguments: Any) -> Any:
    """The result of PyTorch's function for these arguments, as a record of what it would make."""
    plain = isinstance(arguments, tuple)
    if maker in _DICTIONARIES and plain:
        return _dictionary(arguments)
    if maker in _REBUILD_PARAMETER and plain and arguments:
        return arguments[0]
    if maker in _REBUILD_TENSOR and plain and _is_tensor(arguments):
        storage, offset, shape, strides = arguments[:4]
        return _Tensor(storage, offset, shape, strides)
    if maker == _REBUILD_SUBCLASS and plain and len(arguments) > 2:
        function, _, inner = arguments[:3]
        return _made(function.name if isinstance(function, Name) else maker, inner)
    if maker in _MAKERS_OF_OBJECTS and plain and arguments and isinstance(arguments[0], Name):
        return Made(arguments[0].name, arguments[1:])
    return Made(maker, arguments)


def _dictionary(arguments: tuple) -> dict[Any, Any]:
    """An OrderedDict of pairs, or a defaultdict, whose argument is a class."""
    if not arguments or not isinstance(arguments[0], list):
        return {}
    return pairs([part for pair in arguments[0] for part in pair])


def _is_tensor(arguments: tuple) -> bool:
    """Whether a tensor's storage, offset, shape and strides have the types that they must have."""
    if len(arguments) < 4 or not isinstance(arguments[0], _Storage):
        return False
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        return False
    return all(type(size) is int for size in (storage.elements, offset, *shape, *strides))


def _persistent(identity: Any) -> Any:
    """What lies outside of the pickle: numbers, or a module's class and its source text."""
    mark, kind, *rest = identity
    if mark == "module" and isinstance(kind, Name):
        return kind
    if mark != "storage" or not isinstance(kind, Name) or any(x is not None for x in rest[3:]):
        raise BrokenPickleError("its numbers are stored in a way that only PyTorch reads")
    key, _, elements = rest[:3]
    return _Storage(kind.name.rpartition(".")[2], str(key), elements)


_unpickle = functools.partial(read_pickle, make=_made, persistent=_persistent)
