"""Packages whose names are loaded when somebody asks for them."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, where: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package that imports what it offers on demand.

    Example:
        >>> __getattr__ = lazily(__name__, {"quantize": ".network", "train": ".recipe:run"})

    Args:
        package: The package's `__name__`.
        where: Module of each name, relative to the package if it begins with a dot. In
            "module:other" the module calls the name `other`.

    Returns:
        A function from a name to what it names. It raises AttributeError for an unknown one.
    """

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, other = where[name].partition(":")
        return getattr(importlib.import_module(module, package), other or name)

    return load
