"""Settings as records: frozen dataclasses with defaults, their text forms and their JSON.

The command line is made from records. A field's metadata has a line about its meaning ("help"), and
the name of its flag ("flag") where that is another one. `setting` writes both down.
"""

import dataclasses
import os
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from tfsv.errors import InputError

_Record = TypeVar("_Record")


def setting(default: Any, help: str, *, flag: str | None = None) -> Any:
    """A field of a record of settings.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Rate:
        ...     first: float = setting(0.1, "First learning rate.", flag="learning_rate")

    Args:
        default: Default of the setting.
        help: Meaning of the setting, in a line.
        flag: Name of the setting on the command line. None: the field's name is used.
    """
    metadata = {"help": help} | ({"flag": flag} if flag else {})
    return dataclasses.field(default=default, metadata=metadata)


def group(record: type) -> Any:
    """A field of a record that is a record itself, at its defaults.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Recipe:
        ...     pipeline: PipelineSettings = group(PipelineSettings)
    """
    return dataclasses.field(default_factory=record)


def require(record: Any, *rules: tuple[str, bool, str]) -> None:
    """Checks the values of a record, where they stand.

    Example:
        >>> class Rate:
        ...     def __post_init__(self):
        ...         require(self, ("first", self.first > 0, "more than 0"))

    Args:
        record: Record whose values are checked.
        *rules: Triples of a field's name, whether its value is right, and what is expected.

    Raises:
        InputError: A value is wrong. The message names the setting as the command line calls it.
    """
    flags = {
        field.name: field.metadata.get("flag", field.name) for field in dataclasses.fields(record)
    }
    for name, right, expected in rules:
        if not right:
            raise InputError(f"{flags[name]}={getattr(record, name)}: expected {expected}")


def named_settings(text: str) -> tuple[str, dict[str, str]]:
    """Reads `name` or `name:setting=value,setting=value`.

    Example:
        >>> named_settings("aam_softmax:scale=30")
        ('aam_softmax', {'scale': '30'})
    """
    name, _, rest = text.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    return name, {key: value for key, _, value in pairs}


def read_record(record: type[_Record], fields: Any, source: str | os.PathLike) -> _Record:
    """Makes a record of what `dataclasses.asdict` and JSON made of one.

    A field that an earlier version did not write has its default.

    Example:
        >>> read_record(NetworkSettings, {"name": "ecapa512", "bins": 40}, "recipe.json").bins
        40

    Args:
        record: Class of the record, a dataclass.
        fields: Values of the record's fields as JSON, with records among them as tables.
        source: Name of what the fields were read from, for the error message.

    Raises:
        InputError: `fields` is no table, a field is unknown, or a value is wrong. The message names
            the source.
    """
    if not isinstance(fields, Mapping):
        raise InputError(f"{source}: not settings of this version")
    hints = typing.get_type_hints(record)
    known = {field.name for field in dataclasses.fields(record)}
    if unknown := sorted(set(fields) - known):
        raise InputError(f"{source}: unknown setting {unknown[0]!r}; use the tfsv that wrote it")
    values = {}
    for name, value in fields.items():
        kind = hints[name]
        if dataclasses.is_dataclass(kind):
            value = read_record(kind, value, source)
        elif is_tuple(kind) and isinstance(value, list):
            value = tuple(value)
        values[name] = value
    try:
        return record(**values)
    except TypeError as error:
        raise InputError(f"{source}: settings of the wrong type ({error})") from error


def is_tuple(kind: Any) -> bool:
    """Whether values of an annotation are tuples.

    Example:
        >>> is_tuple(tuple[float, ...])
        True
    """
    return typing.get_origin(kind) is tuple


def plain_type(kind: Any) -> tuple[type, bool]:
    """The type of an annotation, and whether None is a value too.

    Example:
        >>> plain_type(int | None)
        (<class 'int'>, True)
    """
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        (inner,) = (part for part in typing.get_args(kind) if part is not type(None))
        return inner, True
    return kind, False
