"""The table of sensitivity methods, with a file for each.

A method's module imports TensorFlow only where it is used. So a command can list all methods and
their settings at once.
"""

import dataclasses
from typing import TYPE_CHECKING

from tfsv.registry import Registry

if TYPE_CHECKING:
    from tfsv.bitwidth.sensitivity import Method

METHODS: "Registry[type[Method]]" = Registry("method", "tfsv.bitwidth.methods")
"""Sensitivity methods by name, each as `tfsv.bitwidth.Method` describes."""


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """The record of a method that has no settings.

    Example:
        >>> METHODS["kl"].record is NoSettings
        True
    """
