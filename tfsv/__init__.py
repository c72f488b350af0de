"""tfsv: neural networks in 1- to 8-bit codes, above all those that recognise speakers.

    import tfsv

    quantized = tfsv.quantize(network, bits=4)
    tfsv.refresh_codebooks(quantized)
    tfsv.export(quantized, "network.tflite")

    tfsv.verify("enrol.wav", "test.wav")

TensorFlow is loaded when a function needs it, and only then.
"""

import os
from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.bitwidth.plan import BitPlan
    from tfsv.card import ModelCard
    from tfsv.errors import InputError
    from tfsv.jobs.exporting import export
    from tfsv.jobs.fine_tuning import fine_tune
    from tfsv.jobs.recipe import run as train
    from tfsv.jobs.recipe_record import Recipe
    from tfsv.jobs.searching import search_bits
    from tfsv.quantization.calibration import quantize_on
    from tfsv.quantization.calibration_settings import CodeCalibration
    from tfsv.quantization.network import (
        coded_weights,
        quantize,
        quantized_bits,
        refresh_codebooks,
        strip,
    )
    from tfsv.report import Report
    from tfsv.runtime.runner import Runner
    from tfsv.tasks.separated import Separated, separate
    from tfsv.tasks.verifying import Decision, embed, evaluate, verify
    from tfsv.verification.tflite_embedder import TFLiteEmbedder

__version__ = "0.2.0"

__all__ = [
    "BitPlan",
    "CodeCalibration",
    "Decision",
    "InputError",
    "ModelCard",
    "Recipe",
    "Report",
    "Runner",
    "Separated",
    "TFLiteEmbedder",
    "coded_weights",
    "embed",
    "evaluate",
    "export",
    "fine_tune",
    "load",
    "quantize",
    "quantize_on",
    "quantized_bits",
    "refresh_codebooks",
    "search_bits",
    "separate",
    "strip",
    "train",
    "verify",
]

_WHERE = {
    "BitPlan": "tfsv.bitwidth.plan",
    "CodeCalibration": "tfsv.quantization.calibration_settings",
    "Decision": "tfsv.tasks.verifying",
    "InputError": "tfsv.errors",
    "ModelCard": "tfsv.card",
    "Recipe": "tfsv.jobs.recipe_record",
    "Report": "tfsv.report",
    "Runner": "tfsv.runtime.runner",
    "Separated": "tfsv.tasks.separated",
    "TFLiteEmbedder": "tfsv.verification.tflite_embedder",
    "coded_weights": "tfsv.quantization.network",
    "embed": "tfsv.tasks.verifying",
    "evaluate": "tfsv.tasks.verifying",
    "export": "tfsv.jobs.exporting",
    "fine_tune": "tfsv.jobs.fine_tuning",
    "quantize": "tfsv.quantization.network",
    "quantize_on": "tfsv.quantization.calibration",
    "quantized_bits": "tfsv.quantization.network",
    "refresh_codebooks": "tfsv.quantization.network",
    "search_bits": "tfsv.jobs.searching",
    "separate": "tfsv.tasks.separated",
    "strip": "tfsv.quantization.network",
    "train": "tfsv.jobs.recipe:run",
    "verify": "tfsv.tasks.verifying",
}

__getattr__ = lazily(__name__, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path: str | os.PathLike, *, threads: int = 1) -> "TFLiteEmbedder":
    """Opens an exported speaker-verification model; TensorFlow is not imported.

    Example:
        >>> model = tfsv.load("demo")
        >>> voiceprint = model.embed(waveform)

    Args:
        path: A `.tflite` file that `tfsv export` wrote, or the name of a model of `tfsv.demo`:
            "demo", "demo_2bit" or "demo_1bit". `tfsv.Runner` opens any other file that tfsv
            exported.
        threads: Threads of one inference.

    Raises:
        InputError: The file is missing or is no speaker model.
    """
    from tfsv.demo import located
    from tfsv.verification.tflite_embedder import TFLiteEmbedder

    return TFLiteEmbedder(located(path), threads=threads)
