"""Checks of values in a card's JSON. Each returns a plain value or says what it must be.

A check raises TypeError or ValueError with a text that goes on from the value's name: "must be
text". `checked` makes a line of that text which names the source.
"""

import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any

from tfsv.errors import InputError
from tfsv.widths import is_quantized


def checked(
    fields: Mapping[str, Any], source: str | os.PathLike, checks: Mapping[str, Callable[[Any], Any]]
) -> dict[str, Any]:
    """A table with exactly these keys as plain JSON values, in the order of the checks.

    Example:
        >>> checked({"bits": 4}, "card.json", {"bits": bits})
        {'bits': 4}

    Args:
        fields: Table of the card.
        source: Name of what the table was read from, for the error message.
        checks: Check of the value of each key.

    Raises:
        InputError: A key is unknown or missing, or a value is wrong.
    """
    unknown = sorted(set(fields) - set(checks))
    if unknown:
        raise InputError(f"{source}: unknown key {unknown[0]!r:.80} in the model card")
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
    """Returns a text as it is.

    Example:
        >>> text("")
        ''

    Raises:
        TypeError: The value is no text.
    """
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def name(value: Any) -> str:
    """Returns a text that is not empty.

    Example:
        >>> name("kmeans")
        'kmeans'

    Raises:
        TypeError: The value is no text.
        ValueError: The text is empty.
    """
    if not text(value):
        raise ValueError("must not be empty")
    return value


def size(value: Any) -> int:
    """Returns a whole number of at least 1.

    Example:
        >>> size(256)
        256

    Raises:
        ValueError: The value is no such number.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number of at least 1")
    return int(value)


def bits(value: Any) -> int:
    """Returns a width of weights, which is 1 to 8 for codes or 16 for float16.

    Example:
        >>> bits(4)
        4

    Raises:
        ValueError: The value is no such width.
    """
    if not isinstance(value, numbers.Integral) or not is_quantized(value):
        raise ValueError("must hold whole numbers from 1 to 8, or 16")
    return int(value)


def finite(value: Any) -> float:
    """Returns a finite number.

    Example:
        >>> finite(1)
        1.0

    Raises:
        ValueError: The value is no finite number.
    """
    try:
        known = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if known and math.isfinite(value):
            return float(value)
    except OverflowError as error:
        raise ValueError(f"is too large ({error})") from error
    raise ValueError("must be a finite number")


def positive(value: Any) -> float:
    """Returns a finite number above 0.

    Example:
        >>> positive(0.5)
        0.5

    Raises:
        ValueError: The value is no such number.
    """
    if not finite(value) > 0:
        raise ValueError("must be more than 0")
    return float(value)


def fraction(value: Any) -> float:
    """Returns a number from 0 to 1.

    Example:
        >>> fraction(0.05)
        0.05

    Raises:
        ValueError: The value is no such number.
    """
    if not 0 <= finite(value) <= 1:
        raise ValueError("must lie between 0 and 1")
    return float(value)


def json_value(value: Any) -> Any:
    """Returns a JSON value of any kind, in which all numbers are finite.

    Example:
        >>> json_value({"bins": 80, "window": ("hamming", None)})
        {'bins': 80, 'window': ['hamming', None]}

    Raises:
        TypeError: A key is no text.
        ValueError: A key is empty, or a value is none of JSON.
    """
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
    """The check that takes None too.

    Example:
        >>> optional(size)(None) is None
        True
    """
    return lambda value: None if value is None else check(value)


def table(check: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """The check of a table with names as keys, whose values another check takes.

    Example:
        >>> table(bits)({"stem": 8, "embedding": 4})
        {'stem': 8, 'embedding': 4}
    """

    def checked_table(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError("must be a table")
        return {name(key): check(element) for key, element in value.items()}

    return checked_table
