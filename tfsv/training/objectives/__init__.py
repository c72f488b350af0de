"""The table of objectives, with a file for each."""

from tfsv.registry import Registry

OBJECTIVES: Registry[type] = Registry("objective", "tfsv.training.objectives")
"""Subclasses of `tfsv.training.Objective` over classes, such as speakers, by name.

An objective is made with the number of classes, a `Margin` as `margin`, and its own settings by
name.
"""
