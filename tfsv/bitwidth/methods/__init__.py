"""Ways to tell what a layer loses by few bits; a file each.

A method's module imports TensorFlow only where it is used, so that a command can list all methods
and their settings at once.
"""

import dataclasses
from typing import TYPE_CHECKING

from tfsv.registry import Registry

if TYPE_CHECKING:
    from tfsv.bitwidth.sensitivity import Method

METHODS: "Registry[type[Method]]" = Registry("method", "tfsv.bitwidth.methods")
"""Sensitivity methods by name; see `tfsv.bitwidth.sensitivity.Method` for what one is."""


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """The record of a method that has nothing to set."""
