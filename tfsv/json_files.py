"""JSON of any origin: never deeper, longer or larger than what can be read."""

import json
import os
from typing import Any

from tfsv.errors import InputError
from tfsv.text_files import read_text

LARGEST = 1 << 28
"""Bytes that no file of JSON has that tfsv writes."""


def parsed_json(text: str) -> Any:
    """The value of a text in JSON.

    Example:
        >>> parsed_json('{"bits": 4}')
        {'bits': 4}

    Raises:
        ValueError: The text is no JSON, is nested too deeply, or has a number of thousands of
            digits. The message is one line.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def read_json(path: str | os.PathLike, what: str = "JSON") -> Any:
    """Reads a file of JSON.

    Example:
        >>> read_json("settings.json")["bits"]
        4

    Args:
        path: The file.
        what: Kind of file that is expected, such as "a recipe", for messages.

    Raises:
        InputError: The file cannot be read, is too large or is no JSON. The message names it.
    """
    text = read_text(path, what, most=LARGEST)
    try:
        return parsed_json(text)
    except ValueError as error:
        raise InputError(f"{path}: not {what} ({error})") from error
