"""Names of a package that are imported when they are first used."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def exported(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose public names lie in its modules.

    A package that imports its modules at once makes everybody wait for what few need, such as
    TensorFlow or a plotting library.

    Args:
        package: The package's `__name__`.
        places: The module of each public name, without the package's name.

    Returns:
        A function that imports the module of a name and returns what the module calls so. It
        raises AttributeError for any other name, as a module does.

    Example:
        In `tfsv/runtime/__init__.py`:

        >>> __getattr__ = exported(__name__, {"Runner": "runner"})

        Elsewhere:

        >>> from tfsv.runtime import Runner
    """

    def attribute(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{places[name]}"), name)

    return attribute
