"""Settings as records: frozen dataclasses with defaults, their text forms, their JSON.

A field says in its metadata what it means in a line ("help") and, where it is not the field's name,
the name of its flag ("flag"); `setting` writes that down. The command line is made from records.
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
    """A field of a record.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Rate:
        ...     first: float = setting(0.1, "First learning rate.", flag="learning_rate")

    Args:
        default: Its default.
        help: What it means, in a line.
        flag: Its name on the command line; None: that of the field.
    """
    metadata = {"help": help} | ({"flag": flag} if flag else {})
    return dataclasses.field(default=default, metadata=metadata)


def group(record: type) -> Any:
    """A field of a record that is a record itself, at its defaults."""
    return dataclasses.field(default_factory=record)


def require(record: Any, *rules: tuple[str, bool, str]) -> None:
    """Checks the values of a record, where they stand.

    Args:
        record: The record.
        *rules: Name of a field, whether its value is right, and what is expected.

    Raises:
        InputError: A value is wrong; names the setting as the command line calls it.
    """
    flags = {field.name: field.metadata.get("flag", field.name) for field in _fields(record)}
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

    What is missing, because an earlier version wrote it, has its default.

    Args:
        record: The dataclass.
        fields: Its fields as JSON values, records in it as tables.
        source: Where it was read, for the error message.

    Raises:
        InputError: It is no table, a field is unknown, or a value is wrong; names the source.
    """
    if not isinstance(fields, Mapping):
        raise InputError(f"{source}: not settings of this version")
    hints = typing.get_type_hints(record)
    known = {field.name for field in _fields(record)}
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
    """Whether values of an annotation are tuples."""
    return typing.get_origin(kind) is tuple


def plain_type(kind: Any) -> tuple[type, bool]:
    """The type of an annotation, and whether None is a value too."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        (inner,) = (part for part in typing.get_args(kind) if part is not type(None))
        return inner, True
    return kind, False


def _fields(record: Any) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(record)
