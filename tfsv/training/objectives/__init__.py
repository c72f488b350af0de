"""What a network is trained for, by name; a file each."""

from tfsv.registry import Registry

OBJECTIVES: Registry[type] = Registry("objective", "tfsv.training.objectives")
"""Subclasses of `tfsv.training.objective.Objective` over classes, such as speakers.

One is made with the number of classes, `margin=` a `Margin`, and its own settings by name.
"""
