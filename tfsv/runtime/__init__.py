"""Exported files: read, run and inspected, without TensorFlow."""

from tfsv.runtime.delegation import operators_left
from tfsv.runtime.expanding import write_expanded
from tfsv.runtime.inspection import InspectedLayer, Inspection, inspect
from tfsv.runtime.ports import Port
from tfsv.runtime.runner import Runner
from tfsv.runtime.weights_picture import plot_histograms

__all__ = [
    "InspectedLayer",
    "Inspection",
    "Port",
    "Runner",
    "inspect",
    "operators_left",
    "plot_histograms",
    "write_expanded",
]
