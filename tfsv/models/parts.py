"""Which of the networks in a file is meant, by its key.

A file of a training may hold a network and its moving average, or a student and a teacher. They lie
in dictionaries of their own, or in one with words before the names of their tensors.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping

from tfsv.errors import InputError

TOP = "."
"""Key of a dictionary that is the whole file, and of tensors without words before their names."""

Choose = Callable[[Mapping[str, Collection[str]]], str]
"""A function that picks one of several dictionaries of tensors by their keys in the file, given
with the names of their tensors."""

_MOST = 12  # names in a list


@dataclasses.dataclass(frozen=True)
class Part:
    """The tensors of a network.

    Example:
        >>> Part("state_dict", "teacher.").key
        'state_dict.teacher'

    Attributes:
        dictionary: Key of their dictionary in the file. Empty: it is the whole file.
        prefix: Words before their names, each with its dot.
        others: Words before the names of other networks in the dictionary.
    """

    dictionary: str
    prefix: str = ""
    others: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether a tensor of the dictionary is one of these."""
        return name.startswith(self.prefix) and not name.startswith(self.others)

    @property
    def key(self) -> str:
        """How the user calls it."""
        return ".".join(filter(None, (self.dictionary, self.prefix.rstrip(".")))) or TOP


def the_only_one(dictionaries: Mapping[str, Collection[str]]) -> str:
    """The key of the only dictionary of tensors.

    Example:
        >>> the_only_one({"state_dict": ["conv1.weight"]})
        'state_dict'

    Raises:
        InputError: There are several.
    """
    if len(dictionaries) > 1:
        listed = shown([Part(key).key for key in dictionaries])
        raise InputError(f"holds several dictionaries of tensors: {listed}; choose one by 'key'")
    (key,) = dictionaries
    return key


def part_of(
    dictionaries: Mapping[str, Collection[str]], marks: Collection[str], key: str | None = None
) -> Part:
    """The network that is meant.

    Example:
        >>> dictionaries = {"model": ["conv1.weight"], "ema": ["conv1.weight"], "loss": ["scale"]}
        >>> part_of(dictionaries, ["conv1.weight"], key="ema")
        Part(dictionary='ema', prefix='', others=())

    Args:
        dictionaries: Names of tensors by the key of their dictionary.
        marks: Names of tensors by which a network is recognised.
        key: Key of the network, or of a part of a dictionary by the words before the names. None:
            there is one network only.

    Returns:
        The network, which is the whole dictionary unless a key named a part of it. Without a
        network it is the dictionary with the most tensors.

    Raises:
        InputError: There are several networks, or none with this key.
    """
    parts = []
    for dictionary, names in dictionaries.items():
        found = prefixes(names, marks)
        parts += [Part(dictionary, x) for x in found] if len(found) > 1 else []
        parts += [Part(dictionary)] if len(found) == 1 else []
    if key is not None:
        parts = _with_key(dictionaries, parts, key)
    if len(parts) > 1:
        listed = shown([part.key for part in parts])
        raise InputError(f"holds several networks: {listed}; choose one by 'key'")
    return parts[0] if parts else Part(max(dictionaries, key=lambda x: len(dictionaries[x])))


def prefixes(names: Collection[str], marks: Collection[str]) -> list[str]:
    """The words that stand before the marks among these names, each with its dot.

    Of several marks with which a name ends, the longest one counts.

    Example:
        >>> prefixes(["module.conv1.weight", "module.bn1.bias"], ["conv1.weight"])
        ['module.']
    """
    found = []
    for name in names:
        fitting = [mark for mark in marks if f".{name}".endswith(f".{mark}")]
        if fitting:
            found.append(name.removesuffix(max(fitting, key=len)))
    return list(dict.fromkeys(found))


def shown(names: Collection[str]) -> str:
    """Names in a file of any origin, as a list within a line.

    Example:
        >>> shown(["ema", "two words\\nand a line"])
        "ema, 'two words\\\\nand a line'"
    """
    listed = [f"{name if name.isprintable() else repr(name):.80}" for name in names]
    return ", ".join([*listed[:_MOST], *(["…"] if len(listed) > _MOST else [])])


def _with_key(
    dictionaries: Mapping[str, Collection[str]], parts: list[Part], key: str
) -> list[Part]:
    """The networks that a key may mean."""
    if exact := [part for part in parts if part.key == key]:
        (chosen,) = exact
        beside = (part.prefix for part in parts if part.dictionary == chosen.dictionary)
        others = (prefix for prefix in beside if len(prefix) > len(chosen.prefix))
        return [dataclasses.replace(chosen, others=tuple(others))]
    for dictionary, names in dictionaries.items():
        if Part(dictionary).key == key:
            return [part for part in parts if part.dictionary == dictionary] or [Part(dictionary)]
        start = f"{dictionary}." if dictionary else ""
        prefix = f"{key.removeprefix(start)}."
        if key.startswith(start) and any(name.startswith(prefix) for name in names):
            return [Part(dictionary, prefix)]
    keys = [part.key for part in parts] or [Part(dictionary).key for dictionary in dictionaries]
    raise InputError(f"key={key}: no tensors lie there; choose one of {shown(keys)}")
