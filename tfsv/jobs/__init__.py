"""Jobs that take hours: train, quantize, fine-tune, search bits, export."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.jobs.bit_search import BitSearch
    from tfsv.jobs.exporting import export
    from tfsv.jobs.fine_tuning import fine_tune
    from tfsv.jobs.further import FurtherTraining
    from tfsv.jobs.quantizing import QuantizedModel, quantize_model
    from tfsv.jobs.recipe import read_recipe, run, summary
    from tfsv.jobs.recipe_record import Recipe
    from tfsv.jobs.searching import search_bits
    from tfsv.jobs.settings import (
        BitSearchSettings,
        FineTuning,
        FloatTraining,
        Quantization,
        Widths,
    )

__all__ = [
    "BitSearch",
    "BitSearchSettings",
    "FineTuning",
    "FloatTraining",
    "FurtherTraining",
    "Quantization",
    "QuantizedModel",
    "Recipe",
    "Widths",
    "export",
    "fine_tune",
    "quantize_model",
    "read_recipe",
    "run",
    "search_bits",
    "summary",
]

__getattr__ = lazily(
    __name__,
    {
        "BitSearch": ".bit_search",
        "BitSearchSettings": ".settings",
        "FineTuning": ".settings",
        "FloatTraining": ".settings",
        "FurtherTraining": ".further",
        "Quantization": ".settings",
        "QuantizedModel": ".quantizing",
        "Recipe": ".recipe_record",
        "Widths": ".settings",
        "export": ".exporting",
        "fine_tune": ".fine_tuning",
        "quantize_model": ".quantizing",
        "read_recipe": ".recipe",
        "run": ".recipe",
        "search_bits": ".searching",
        "summary": ".recipe",
    },
)
