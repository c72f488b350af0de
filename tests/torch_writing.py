"""Writes files as PyTorch does, with objects of any class beside the tensors."""

import collections
import contextlib
import io
import pickle
import sys
import types
import zipfile

import numpy as np

_STORAGES = {"f8": "Double", "f4": "Float", "f2": "Half", "i8": "Long", "i4": "Int", "u1": "Byte"}


class Tensor:
    """An array that is written as a tensor; `storage` is shared by views of it."""

    def __init__(self, array, storage=None):
        self.array = np.asarray(array)
        self.storage = self.array if storage is None else storage


class _Storage:
    def __init__(self, array):
        self.array = array


_CLASSES = {}


def foreign(name):
    """A class, or with a small letter a function, that only the writing process has.

    Args:
        name: Its name with its module's.
    """
    if name not in _CLASSES:
        module, _, own = name.rpartition(".")
        made = type(own, (), {}) if own[0].isupper() else types.FunctionType(_nothing, {}, own)
        made.__module__, made.__qualname__ = module, own
        _CLASSES[name] = made
    return _CLASSES[name]


_nothing = (lambda *arguments: None).__code__


class Call:
    """What a function makes of arguments, which is written as the call."""

    def __init__(self, name, *arguments, state=None):
        self.name, self.arguments, self.state = name, arguments, state


class _Pickler(pickle._Pickler):
    def __init__(self, file, protocol, arrays):
        super().__init__(file, protocol)
        self.arrays = arrays

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        array = obj.array
        keys = [key for key, other in enumerate(self.arrays) if other is array]
        if not keys:
            self.arrays.append(array)
        key = keys[0] if keys else len(self.arrays) - 1
        kind = foreign(f"torch.{_STORAGES[array.dtype.str[1:]]}Storage")
        return ("storage", kind, str(key), "cpu", array.size)

    def reducer_override(self, obj):
        if isinstance(obj, Call):
            return (foreign(obj.name), obj.arguments, obj.state)
        if not isinstance(obj, Tensor):
            return NotImplemented
        size = obj.array.itemsize
        start = obj.array.__array_interface__["data"][0]
        offset = (start - obj.storage.__array_interface__["data"][0]) // size
        strides = tuple(stride // size for stride in obj.array.strides)
        places = (_Storage(obj.storage), offset, obj.array.shape, strides, False)
        made = foreign("torch._utils._rebuild_tensor_v2")
        return made, (*places, collections.OrderedDict())


@contextlib.contextmanager
def _importable():
    """While it lasts, the classes are where their names say, as pickle demands."""
    modules, before = {}, dict(sys.modules)
    for name, made in _CLASSES.items():
        path, _, own = name.rpartition(".")
        words = path.split(".")
        for end in range(1, len(words) + 1):
            part = ".".join(words[:end])
            modules.setdefault(part, types.ModuleType(part))
        setattr(modules[path], own, made)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name)
            if name in before:
                sys.modules[name] = before[name]


def pickled(value, protocol=2):
    """The pickle of a value, and the arrays of its tensors by their keys."""
    for name in (
        *(f"torch.{kind}Storage" for kind in _STORAGES.values()),
        "torch._utils._rebuild_tensor_v2",
    ):
        foreign(name)
    for call in _calls(value):
        foreign(call.name)
    file, arrays = io.BytesIO(), []
    with _importable():
        _Pickler(file, protocol, arrays).dump(value)
    return file.getvalue(), arrays


def _calls(value):
    if isinstance(value, Call):
        yield value
        yield from _calls(value.arguments)
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _calls(part)


def save(path, value, *, protocol=2, legacy=False, root="archive/"):
    """Writes a value as `torch.save` does."""
    content, arrays = pickled(value, protocol)
    if legacy:
        start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        parts = [pickle.dumps(x, protocol=2) for x in start]
        parts += [content, pickle.dumps([str(key) for key in range(len(arrays))], protocol=2)]
        parts += [len(x.ravel()).to_bytes(8, "little") + x.tobytes() for x in arrays]
        path.write_bytes(b"".join(parts))
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{root}data.pkl", content)
        archive.writestr(f"{root}byteorder", b"little")
        for key, array in enumerate(arrays):
            archive.writestr(f"{root}data/{key}", array.tobytes())


def tensors(arrays):
    """A state dict of arrays."""
    return collections.OrderedDict((name, Tensor(np.copy(x, "C"))) for name, x in arrays.items())
