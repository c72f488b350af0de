"""Flags made of records of settings, and records made of flags."""

import dataclasses
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from absl import flags

from tfsv.errors import InputError
from tfsv.settings import is_tuple, plain_type

_Record = TypeVar("_Record")


def define(
    values: flags.FlagValues,
    record: type,
    *,
    defaults: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    choices: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Defines a flag for each setting of a record, and of the records in it.

    Where two records have a flag of one name, there is one flag, whose value both get. It has the
    help and the default of the first. A help's end that begins with "Default:" says what None
    means; with another default it is left out.

    Example:
        >>> values = flags.FlagValues()
        >>> define(values, FineTuning, defaults={"finetune_epochs": 1.0})
        >>> values(["train", "--stages=3"])
        ['train']
        >>> made(values, FineTuning)
        FineTuning(epochs=1.0, learning_rate=0.001, ..., stages=3, ...)

    Args:
        values: The absl values that get the flags.
        record: Dataclass whose settings have a line of help in their metadata, as those that
            `tfsv.settings.setting` makes; other fields are no flags. Annotations are int, float,
            bool or str, any of these or None, or tuples of int, float or str. Tuples are lists with
            commas on the command line. A setting without a default must be given.
        defaults: Other defaults than the record's, by flag.
        names: Other names for flags, by the record's names for them.
        without: Flags of the record that are not defined, by the record's names for them.
        choices: Values of flags that take no others, by flag.

    Raises:
        ValueError: There is a flag of this name and another type, or an annotation is none of
            those.
    """
    for name, kind, field in _settings(record, without):
        name = (names or {}).get(name, name)
        default = (defaults or {}).get(name, field.default)
        required = default is dataclasses.MISSING
        help = field.metadata["help"]
        if default != field.default:
            help, _, _ = help.partition(" Default:")
        flag = _flag(name, kind, None if required else default, help, (choices or {}).get(name))
        if name not in values:
            flags.DEFINE_flag(flag, values, required=required)
        elif values[name].flag_type() != flag.flag_type():
            raise ValueError(
                f"{name}: expected a flag of type {values[name].flag_type()}, as there is one"
                f" already. Received: {flag.flag_type()} for {record.__name__}"
            )


def made(
    values: flags.FlagValues,
    record: type[_Record],
    *,
    names: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> _Record:
    """The record that parsed flags describe; a field that is no flag has its default.

    Example:
        >>> values = flags.FlagValues()
        >>> define(values, Quantization)
        >>> values(["train", "--bits=2"])
        ['train']
        >>> made(values, Quantization).bits
        2

    Args:
        values: Parsed values with the flags that `define` made of the record. It was given the
            same `names` and `without`.
        record: The dataclass.
        names: Other names for flags, by the record's names for them.
        without: Flags of the record that were not defined, by the record's names for them.

    Raises:
        InputError: A value is wrong; the message names the flag.
    """
    fields = {}
    for field, kind in _fields(record):
        if dataclasses.is_dataclass(kind):
            fields[field.name] = made(values, kind, names=names, without=without)
        elif (name := _name(field)) not in without:
            name = (names or {}).get(name, name)
            if "help" in field.metadata and name in values:
                fields[field.name] = values[name].value
    try:
        return record(**fields)
    except InputError as error:
        name, equals, rest = str(error).partition("=")
        raise InputError(f"{(names or {}).get(name, name)}{equals}{rest}") from error


class _TupleParser(flags.ListParser):
    """Reads a list with commas between its elements as a tuple."""

    def __init__(self, kind: Any):
        super().__init__()
        element, *others = typing.get_args(kind)
        self._element = element
        self._length = None if others == [...] else 1 + len(others)

    def parse(self, argument: Any) -> tuple:
        """The tuple that a text or a default stands for."""
        if not isinstance(argument, str):
            return tuple(argument)
        texts = super().parse(argument)
        try:
            found = tuple(map(self._element, texts))
        except ValueError as error:
            raise ValueError(f"expected {_PLURALS[self._element]} with commas between") from error
        if self._length not in (None, len(found)):
            raise ValueError(f"expected {self._length} {_PLURALS[self._element]}")
        return found

    def flag_type(self) -> str:
        """Name of such a flag's type, as help pages show it."""
        return f"list of {_PLURALS[self._element]}"


_PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}
_PARSERS = {int: flags.IntegerParser, float: flags.FloatParser, str: flags.ArgumentParser}


def _flag(
    name: str, kind: Any, default: Any, help: str, choices: Collection[str] | None
) -> flags.Flag:
    if choices is not None:
        return flags.EnumFlag(name, default, help, list(choices))
    if kind is bool:
        return flags.BooleanFlag(name, default, help)
    if is_tuple(kind):
        parser, serializer = _TupleParser(kind), flags.CsvListSerializer(",")
    elif kind in _PARSERS:
        parser, serializer = _PARSERS[kind](), flags.ArgumentSerializer()
    else:
        raise ValueError(f"{name}: expected a type that a flag can have. Received: {kind}")
    return flags.Flag(parser, serializer, name, default, help)


def _settings(
    record: type, without: Collection[str]
) -> Iterator[tuple[str, Any, dataclasses.Field]]:
    """Name of the flag, type without None, and field of each setting, in order."""
    for field, kind in _fields(record):
        if dataclasses.is_dataclass(kind):
            yield from _settings(kind, without)
        elif "help" in field.metadata and _name(field) not in without:
            yield _name(field), kind, field


def _fields(record: type) -> Iterator[tuple[dataclasses.Field, Any]]:
    hints = typing.get_type_hints(record)
    for field in dataclasses.fields(record):
        yield field, plain_type(hints[field.name])[0]


def _name(field: dataclasses.Field) -> str:
    return field.metadata.get("flag", field.name)
