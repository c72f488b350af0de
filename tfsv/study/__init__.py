"""Comparisons of many models, with tables and plots."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.study.cells import Cell, read_cells
    from tfsv.study.comparison import Comparison
    from tfsv.study.plans import Plans
    from tfsv.study.seeds import seed_table
    from tfsv.study.table import Outcome, grid_table, read_outcomes, scheme_table

__all__ = [
    "Cell",
    "Comparison",
    "Outcome",
    "Plans",
    "grid_table",
    "read_cells",
    "read_outcomes",
    "scheme_table",
    "seed_table",
]

__getattr__ = lazily(
    __name__,
    {
        "Cell": ".cells",
        "Comparison": ".comparison",
        "Outcome": ".table",
        "Plans": ".plans",
        "grid_table": ".table",
        "read_cells": ".cells",
        "read_outcomes": ".table",
        "scheme_table": ".table",
        "seed_table": ".seeds",
    },
)
