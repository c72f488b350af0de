"""State dicts that PyTorch saved, read without PyTorch and without running what is in them.

A PyTorch file is a pickle beside raw numbers. A pickle is a program for a small stack machine, and
Python's own reader lets it call any function. This reader is a machine of its own. It knows the few
opcodes that a state dict needs, calls nothing, and takes the names of PyTorch's classes as names.
"""

import dataclasses
import io
import math
import os
import pathlib
import pickletools
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsv.errors import InputError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_LARGEST_PICKLE = 2**24  # of a state dict with thousands of tensors it is a fiftieth of that

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
_REBUILD_TENSOR = ("torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2")
_REBUILD_PARAMETER = "torch._utils _rebuild_parameter"
_ORDERED_DICT = "collections OrderedDict"
_GLOBALS = {
    _ORDERED_DICT,
    *_REBUILD_TENSOR,
    _REBUILD_PARAMETER,
    *(f"torch {name}" for name in _DTYPES),
}

_CONSTANTS = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
_LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING",
}  # fmt: skip
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
_STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "embedding_model")


class _BrokenError(ValueError):
    """The words that say what is wrong with a file."""


@dataclasses.dataclass(frozen=True)
class _Global:
    name: str


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
    with open(path, "rb") as file:
        start = file.read(14)
    return start.startswith((b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20"))


def read_torch(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the tensors of a state dict (`.pt`, `.pth`, `.ckpt`).

    The state dict may be an entry of a training checkpoint, such as "state_dict" or "model".
    Entries that are no tensors (an epoch, a name) are left out.

    Example:
        >>> read_torch("avg_model.pt")["conv1.weight"].shape
        (32, 1, 3, 3)

    Args:
        path: Path of a file of `torch.save`, in the zip format or the legacy one before PyTorch
            1.6.

    Returns:
        The tensors by name. All that are floating point in the file are float32.

    Raises:
        InputError: The file cannot be read, is broken, wants anything but tensors and plain
            containers, or holds no state dict.
    """
    path = pathlib.Path(path)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        # In memory, since a file would make room for as many bytes as a forged length says.
        tensors = _read_zip(path) if zipped else _read_legacy(io.BytesIO(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except _BrokenError as error:
        raise InputError(f"{path}: {error}") from error
    except _BROKEN as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: broken or cut off ({reason:.100})") from error
    return tensors


def _read_zip(path: pathlib.Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values())
        total = sum(entry.file_size for entry in entries.values())
        if packed or total > path.stat().st_size:
            raise _BrokenError("not as PyTorch saves: its entries are compressed or overlap")
        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise _BrokenError("a zip archive, but with no state dict of PyTorch in it")
        root = pickles[0].removesuffix("data.pkl")
        if any(name.startswith(f"{root}code/") for name in entries):
            raise _BrokenError("a TorchScript program; save the model's state_dict() instead")
        if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
            raise _BrokenError("saved on a big-endian machine; save it again on another")

        def read(storage: _Storage) -> bytes:
            return archive.read(f"{root}data/{storage.key}")

        if entries[pickles[0]].file_size > _LARGEST_PICKLE:
            raise _BrokenError("its pickle is larger than any of a state dict")
        value = _unpickle(io.BytesIO(archive.read(pickles[0])))
        return _resolve(_state_dict(value), read)


def _read_legacy(file: io.BytesIO) -> dict[str, np.ndarray]:
    if [_unpickle(file), _unpickle(file)] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise _BrokenError("not a file that PyTorch saved")
    if _unpickle(file).get("little_endian") is not True:
        raise _BrokenError("saved on a big-endian machine; save it again on another")
    value, keys = _unpickle(file), _unpickle(file)
    tensors = _state_dict(value)
    widths = {t.storage.key: np.dtype(_DTYPES[t.storage.kind]).itemsize for t in _all(value)}
    data = {}
    for key in keys:
        elements = int.from_bytes(file.read(8), "little")
        data[key] = file.read(elements * widths[key])
    return _resolve(tensors, lambda storage: data[storage.key])


def _all(value: Any) -> list[_Tensor]:
    """The tensors of nested dictionaries and lists. Each container is looked into once."""
    found, seen, todo = [], set(), [value]
    while todo:
        value = todo.pop()
        if isinstance(value, _Tensor):
            found.append(value)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            todo += value.values() if isinstance(value, dict) else value
    return found


def _state_dict(value: Any) -> dict[str, _Tensor]:
    if not isinstance(value, dict):
        raise _BrokenError("holds no state dict; save model.state_dict()")
    inner = [value[key] for key in _STATE_DICT_KEYS if isinstance(value.get(key), dict)]
    for candidate in (*inner, value):
        tensors = {str(name): x for name, x in candidate.items() if isinstance(x, _Tensor)}
        if tensors:
            return tensors
    raise _BrokenError("holds no state dict; save model.state_dict()")


def _resolve(
    tensors: dict[str, _Tensor], read: Callable[[_Storage], bytes]
) -> dict[str, np.ndarray]:
    storages: dict[tuple[str, str], np.ndarray] = {}
    arrays = {}
    for name, tensor in tensors.items():
        storage = tensor.storage
        if (storage.kind, storage.key) not in storages:
            numbers = np.frombuffer(read(storage), _DTYPES[storage.kind])
            storages[storage.kind, storage.key] = numbers
        numbers = storages[storage.kind, storage.key]
        arrays[name] = _view(name, tensor, numbers)
    return arrays


def _view(name: str, tensor: _Tensor, numbers: np.ndarray) -> np.ndarray:
    shape, strides, offset = tensor.shape, tensor.strides, tensor.offset
    sizes = [offset, tensor.storage.elements, *shape, *strides]
    if not all(type(size) is int and size >= 0 for size in sizes) or len(shape) != len(strides):
        raise _BrokenError(f"tensor {name!r:.80} has no shape")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    elements = min(tensor.storage.elements, len(numbers))
    if math.prod(shape) > elements or last >= elements or 0 in shape:
        raise _BrokenError(f"tensor {name!r:.80} of shape {list(shape)} has too few numbers")
    steps = [stride * numbers.itemsize for stride in strides]
    array = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
    if tensor.storage.kind == "BFloat16Storage":
        array = np.left_shift(array.astype(np.uint32), 16).view(np.float32)
    return array.astype(np.float32 if array.dtype.kind == "f" else array.dtype, order="C")


def _unpickle(stream: io.BytesIO) -> Any:
    """Runs one pickle up to its end, where the stream then stands."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def marked() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    def several(count: int) -> list[Any]:
        if count > len(stack):
            raise _BrokenError("broken or cut off (its pickle takes more than it has)")
        items = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return items

    first = None
    for opcode, argument, position in pickletools.genops(stream):
        first = position if first is None else first
        if position - first > _LARGEST_PICKLE:
            raise _BrokenError("its pickle is larger than any of a state dict")
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return stack.pop()
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            stack.append(argument)
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(marked()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(several(int(name[-1]))))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "APPEND":
            _append(stack, several(1))
        elif name == "APPENDS":
            _append(stack, marked())
        elif name == "SETITEM":
            _set_items(stack, several(2))
        elif name == "SETITEMS":
            _set_items(stack, marked())
        elif name == "GLOBAL":
            stack.append(_named(argument))
        elif name == "STACK_GLOBAL":
            stack.append(_named(" ".join(map(str, several(2)))))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            stack.append(_call(*several(2)))
        elif name == "BUILD" and isinstance(stack[-2], dict):
            stack.pop()  # versions of the modules, which PyTorch hangs on a state dict
        else:
            raise _BrokenError(f"its pickle has a {name}, which no state dict needs")
    raise _BrokenError("broken or cut off (its pickle does not end)")


def _append(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise _BrokenError("broken (its pickle appends to what is no list)")
    stack[-1].extend(items)


def _set_items(stack: list[Any], items: list[Any]) -> None:
    keys, values = items[::2], items[1::2]
    if not isinstance(stack[-1], dict) or not all(isinstance(key, str | int) for key in keys):
        raise _BrokenError("its pickle has a dictionary whose keys are no names")
    stack[-1].update(zip(keys, values, strict=True))


def _named(name: str) -> _Global:
    if name not in _GLOBALS:
        wanted = name.replace(" ", ".")
        raise _BrokenError(
            f"wants to call {wanted!r:.80}, and only tensors are read; save model.state_dict()"
        )
    return _Global(name)


def _storage(identity: Any) -> _Storage:
    mark, kind, key, _, elements = identity[:5]
    if mark != "storage" or any(part is not None for part in identity[5:]):
        raise _BrokenError("its numbers are stored in a way that only PyTorch reads")
    kind = kind.name.removeprefix("torch ")
    if kind not in _DTYPES:
        raise _BrokenError(f"its numbers are a {kind!r:.40}, which is no storage")
    return _Storage(kind, str(key), elements)


def _call(function: Any, arguments: Any) -> Any:
    """The result of PyTorch's function for these arguments, as a record of what it would make."""
    name = function.name if isinstance(function, _Global) else None
    if name == _ORDERED_DICT:
        items: dict[Any, Any] = {}
        for key, value in arguments[0] if arguments else ():
            _set_items([items], [key, value])
        return items
    if name == _REBUILD_PARAMETER:
        return arguments[0]
    if name in _REBUILD_TENSOR and isinstance(arguments[0], _Storage):
        storage, offset, shape, strides = arguments[:4]
        return _Tensor(storage, offset, tuple(shape), tuple(strides))
    raise _BrokenError("its pickle calls what is no function of a state dict")
