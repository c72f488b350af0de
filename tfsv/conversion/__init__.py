"""Keras networks as TFLite files: folding, conversion, int8, packing.

TensorFlow is loaded with the first name that needs it.
"""

from typing import TYPE_CHECKING

from tfsv.conversion.forms import COMPUTE_FORMS
from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.conversion.convert import Conversion, ExportReport, LayerSize, export_tflite
    from tfsv.conversion.ends import Ends, keras_runner

__all__ = [
    "COMPUTE_FORMS",
    "Conversion",
    "Ends",
    "ExportReport",
    "LayerSize",
    "export_tflite",
    "keras_runner",
]

__getattr__ = lazily(
    __name__,
    {
        "Conversion": ".convert",
        "Ends": ".ends",
        "ExportReport": ".convert",
        "LayerSize": ".convert",
        "export_tflite": ".convert",
        "keras_runner": ".ends",
    },
)
