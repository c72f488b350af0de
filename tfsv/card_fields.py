"""Values of a card's JSON: each check returns a plain value or says what it must be.

A check raises TypeError or ValueError with a text that goes on from the value's name: "must be
text". `checked` makes one line of it that names the source.
"""

import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any

from tfsv.errors import InputError


def checked(
    fields: Mapping[str, Any], source: str | os.PathLike, checks: Mapping[str, Callable[[Any], Any]]
) -> dict[str, Any]:
    """A table with exactly these keys as plain JSON values, in the order of the checks.

    Args:
        fields: The table.
        source: Where it was read, for the error message.
        checks: By key, the check of its value.

    Raises:
        InputError: A key is unknown or missing, or a value is wrong.
    """
    unknown = sorted(set(fields) - set(checks))
    if unknown:
        raise InputError(f"{source}: unknown key {unknown[0]!r} in the model card")
    missing = [name for name in checks if name not in fields]
    if missing:
        raise InputError(f"{source}: key {missing[0]!r} is missing in the model card")
    checked = {}
    for name, check in checks.items():
        try:
            checked[name] = check(fields[name])
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{source}: {name!r} of the model card {error}, received {fields[name]!r:.80}"
            ) from error
    return checked


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def name(value: Any) -> str:
    """Text that is not empty."""
    if not text(value):
        raise ValueError("must not be empty")
    return value


def size(value: Any) -> int:
    """A whole number of at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number of at least 1")
    return int(value)


def bits(value: Any) -> int:
    """A width of codes, 1 to 8."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 1 <= value <= 8:
        raise ValueError("must hold whole numbers from 1 to 8")
    return int(value)


def finite(value: Any) -> float:
    """A finite number."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("must be a finite number")
    return float(value)


def fraction(value: Any) -> float:
    """A number from 0 to 1."""
    if not 0 <= finite(value) <= 1:
        raise ValueError("must lie between 0 and 1")
    return float(value)


def json_value(value: Any) -> Any:
    """Any JSON value without infinite numbers."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, list | tuple):
        return [json_value(element) for element in value]
    if isinstance(value, Mapping):
        return {name(key): json_value(element) for key, element in value.items()}
    return finite(value)


def optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What the check takes, or None."""
    return lambda value: None if value is None else check(value)


def table(check: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """A table with names as keys and what the check takes as values."""

    def checked_table(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError("must be a table")
        return {name(key): check(element) for key, element in value.items()}

    return checked_table
