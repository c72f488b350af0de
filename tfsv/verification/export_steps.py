"""What each step of an export costs in EER: folding, int8 weights, int8 activations."""

import os
import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.export.convert import FORMS, export_tflite
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.embedder import Embedder, KerasEmbedder

_COMPUTES = ("float32", "int8_weights", "int8")  # each rounds more than the one before


def measure_steps(
    network: keras.Model,
    coded: Mapping[str, CodedWeights],
    card: ModelCard,
    compute: str,
    measure: Callable[[Embedder], dict[str, Any]],
    calibration: Sequence[str | os.PathLike] = (),
) -> dict[str, dict[str, Any]]:
    """Measures the Keras network and a plain file of each form before `compute`.

    Args:
        network: See `tfsv.export.convert.export_tflite`.
        coded: Likewise.
        card: Likewise.
        compute: The form that is exported; it is not measured here.
        measure: Called with each model.
        calibration: Sound files for int8 activations.

    Returns:
        What `measure` returned, by name of the step: "keras", then forms.
    """
    outcomes = {"keras": measure(KerasEmbedder(network, card))}
    for step in _COMPUTES[: _COMPUTES.index(compute)]:
        weights = next(name for name, computes in FORMS.items() if step in computes)
        with tempfile.TemporaryDirectory() as folder:

            def keep(embedder: Embedder, step: str = step) -> dict[str, Any]:
                outcomes[step] = measure(embedder)
                return {}

            path = pathlib.Path(folder) / "step.tflite"
            export_tflite(
                network, coded, card, path, weights, step, calibration=calibration, measure=keep
            )
    return outcomes
