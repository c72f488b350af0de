"""Packages that only separation's measures need, which come with the extra `separation`."""

import importlib
from types import ModuleType

from tfsv.errors import InputError


def optional(package: str, need: str) -> ModuleType:
    """Imports a package of the extra.

    Example:
        >>> optional("jiwer", "word errors").__name__
        'jiwer'

    Args:
        package: Name of the package.
        need: What needs it, for the message.

    Raises:
        InputError: The package is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"{need}: needs the package {package}; pip install 'tfsv[separation]'"
        ) from error
