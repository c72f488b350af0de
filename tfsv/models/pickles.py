"""Pickles, read without running what is in them.

A pickle is a program for a small stack machine, and Python's own reader lets it call any function.
This reader is a machine of its own. It calls nothing: classes and functions are names, and what
they would make is a record of the name and of what it was given.
"""

import dataclasses
import io
import pickletools
from collections.abc import Callable
from typing import Any

LARGEST_PICKLE = 2**24
"""Most bytes of a pickle; a state dict with thousands of tensors takes a fiftieth of that."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip


class BrokenPickleError(ValueError):
    """The words that say what is wrong with a pickle."""


@dataclasses.dataclass(frozen=True)
class Name:
    """A class or function of a pickle, such as "collections.OrderedDict".

    Example:
        >>> read_pickle(io.BytesIO(b"cos\\nsystem\\n."))
        Name(name='os.system')
    """

    name: str


@dataclasses.dataclass(eq=False)
class Made:
    """What a class or function of a pickle would have made; nothing was called.

    Example:
        >>> made = read_pickle(io.BytesIO(pickle.dumps(argparse.Namespace(lr=1))))
        >>> made.maker, made.state
        ('argparse.Namespace', {'lr': 1})

    Attributes:
        maker: Name of the class or function.
        arguments: What it was to be called with.
        state: What its attributes were to be set to. None: nothing.
        items: Elements that were to be added, as of a list.
        entries: Values that were to be set by key, as of a dictionary.
    """

    maker: str
    arguments: Any = ()
    state: Any = None
    items: list[Any] = dataclasses.field(default_factory=list)
    entries: dict[Any, Any] = dataclasses.field(default_factory=dict)


def read_pickle(
    stream: io.BytesIO,
    make: Callable[[str, Any], Any] = Made,
    persistent: Callable[[Any], Any] = lambda identity: Made("persistent object", identity),
) -> Any:
    """Reads one pickle up to its end, where the stream then stands.

    Example:
        >>> read_pickle(io.BytesIO(pickle.dumps({"epoch": 3})))
        {'epoch': 3}

    Args:
        stream: The bytes, of any origin.
        make: Function that returns what stands for a call, by the name of what is called and its
            arguments.
        persistent: Function that returns what stands for an object that lies outside of the pickle,
            by its identity.

    Returns:
        Dictionaries, lists, tuples, numbers and texts, and `Name` or `Made` for all else.

    Raises:
        BrokenPickleError: The pickle is broken, too large, or has an instruction that is not known.
        ValueError, LookupError, RuntimeError, TypeError: The pickle is broken.
    """
    machine = _Machine(make, persistent)
    first = None
    for opcode, argument, position in pickletools.genops(stream):
        first = position if first is None else first
        if position - first > LARGEST_PICKLE:
            raise BrokenPickleError("its pickle is larger than any of a state dict")
        if opcode.name == "STOP":
            return machine.stack.pop()
        machine.step(opcode.name, argument)
    raise BrokenPickleError("broken or cut off (its pickle does not end)")


class _Machine:
    def __init__(self, make: Callable[[str, Any], Any], persistent: Callable[[Any], Any]):
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._make = make
        self._persistent = persistent

    def step(self, name: str, argument: Any) -> None:
        """Runs one instruction."""
        stack = self.stack
        if name in ("PROTO", "FRAME"):
            return
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            stack.append(argument)
        elif name in _STEPS:
            _STEPS[name](self)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "GLOBAL":
            stack.append(Name(argument.replace(" ", ".", 1)))
        elif name == "INST":
            stack.append(self._called(Name(argument.replace(" ", ".", 1)), tuple(self.marked())))
        elif name == "PERSID":
            stack.append(self._persistent(argument))
        else:
            raise BrokenPickleError(f"its pickle has a {name}, which no state dict needs")

    def marked(self) -> list[Any]:
        """Takes what lies above the last mark."""
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def several(self, count: int) -> list[Any]:
        """Takes this many from the stack."""
        if count > len(self.stack):
            raise BrokenPickleError("broken or cut off (its pickle takes more than it has)")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _pop(self) -> None:
        if self._marks and self._marks[-1] == len(self.stack):
            self._marks.pop()
        else:
            self.stack.pop()

    def _memoise(self) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _stack_global(self) -> None:
        module, name = self.several(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise BrokenPickleError("broken (its pickle has a class without a name)")
        self.stack.append(Name(f"{module}.{name}"))

    def _add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list | Made):
            raise BrokenPickleError("broken (its pickle appends to what is no list)")
        (target if isinstance(target, list) else target.items).extend(items)

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict | Made):
            raise BrokenPickleError("broken (its pickle sets entries of what is no dictionary)")
        (target if isinstance(target, dict) else target.entries).update(pairs(items))

    def _object(self) -> None:
        maker, *arguments = self.marked()
        self.stack.append(self._called(maker, tuple(arguments)))

    def _called(self, maker: Any, arguments: Any) -> Any:
        if isinstance(maker, Name):
            return self._make(maker.name, arguments)
        if isinstance(maker, Made):  # such as a method of it
            return self._make(maker.maker, arguments)
        raise BrokenPickleError("broken (its pickle calls what is no function)")

    def _new_with_keywords(self) -> None:
        maker, arguments, _ = self.several(3)
        self.stack.append(self._called(maker, arguments))

    def _build(self) -> None:
        (state,) = self.several(1)
        target = self.stack[-1]
        if isinstance(target, Made):
            target.state = state
        elif isinstance(target, list | tuple | str | Name):
            raise BrokenPickleError("broken (its pickle has a BUILD of what has no attributes)")
        # A dictionary's attributes are versions of modules, which PyTorch hangs on a state dict.


_STEPS: dict[str, Callable[[_Machine], None]] = {
    "POP": _Machine._pop,
    "POP_MARK": lambda machine: machine.marked() and None,
    "DUP": lambda machine: machine.stack.append(machine.stack[-1]),
    "MARK": lambda machine: machine._marks.append(len(machine.stack)),
    "MEMOIZE": _Machine._memoise,
    "EMPTY_DICT": lambda machine: machine.stack.append({}),
    "EMPTY_LIST": lambda machine: machine.stack.append([]),
    "EMPTY_SET": lambda machine: machine.stack.append(Made("builtins.set")),
    "DICT": lambda machine: machine.stack.append(pairs(machine.marked())),
    "LIST": lambda machine: machine.stack.append(machine.marked()),
    "FROZENSET": lambda machine: machine.stack.append(
        Made("builtins.frozenset", items=machine.marked())
    ),
    "TUPLE": lambda machine: machine.stack.append(tuple(machine.marked())),
    "TUPLE1": lambda machine: machine.stack.append(tuple(machine.several(1))),
    "TUPLE2": lambda machine: machine.stack.append(tuple(machine.several(2))),
    "TUPLE3": lambda machine: machine.stack.append(tuple(machine.several(3))),
    "APPEND": lambda machine: machine._add(machine.several(1)),
    "APPENDS": lambda machine: machine._add(machine.marked()),
    "ADDITEMS": lambda machine: machine._add(machine.marked()),
    "SETITEM": lambda machine: machine._set(machine.several(2)),
    "SETITEMS": lambda machine: machine._set(machine.marked()),
    "STACK_GLOBAL": _Machine._stack_global,
    "BINPERSID": lambda machine: machine.stack.append(machine._persistent(machine.stack.pop())),
    "REDUCE": lambda machine: machine.stack.append(machine._called(*machine.several(2))),
    "NEWOBJ": lambda machine: machine.stack.append(machine._called(*machine.several(2))),
    "NEWOBJ_EX": _Machine._new_with_keywords,
    "OBJ": _Machine._object,
    "BUILD": _Machine._build,
}


def pairs(items: list[Any]) -> dict[Any, Any]:
    """A dictionary of keys and values that alternate.

    A key that Python would have to look into, such as a tuple, becomes a record: a forged one takes
    for ever.

    Example:
        >>> pairs(["epoch", 3, "lr", 0.1])
        {'epoch': 3, 'lr': 0.1}

    Raises:
        ValueError: The last key has no value.
    """
    plain = (str, bytes, int, float, Name, Made, type(None))
    keys = [key if isinstance(key, plain) else Made("key", key) for key in items[::2]]
    return dict(zip(keys, items[1::2], strict=True))
