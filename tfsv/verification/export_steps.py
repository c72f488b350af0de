"""What each step of an export costs in EER: folding, int8 weights, int8 activations."""

import pathlib
import tempfile
from collections.abc import Callable, Mapping

import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.conversion.convert import export_tflite
from tfsv.conversion.ends import Ends
from tfsv.conversion.forms import COMPUTE_FORMS
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.report import Report
from tfsv.verification.embedder import Embedder
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.tflite_embedder import TFLiteEmbedder

_COMPUTES = ("float32", "int8_weights", "int8")  # each rounds more than the one before


def measure_steps(
    network: keras.Model,
    coded: Mapping[str, StoredWeights],
    card: ModelCard,
    ends: Ends,
    compute: str,
    measure: Callable[[Embedder], Report],
) -> dict[str, Report]:
    """Measures the Keras network and a plain file of each form of computing before `compute`.

    Example:
        >>> measure = lambda model: {"eer": evaluate_trials(model, trials, root)["eer"].value}
        >>> steps = measure_steps(network, coded, card, ends, "int8", measure)
        >>> list(steps)
        ['keras', 'float32', 'int8_weights']

    Args:
        network: A plain network, such as `tfsv.quantization.network.strip` gives.
        coded: Coded weights by layer name, possibly none.
        card: The card of the network.
        ends: The ends of the files, such as `tfsv.verification.ends.speaker_ends` gives.
        compute: The form that is exported; it is not measured here.
        measure: A function that is called with each model.

    Returns:
        What `measure` returned, by name of the step: "keras", then forms of computing.

    Raises:
        InputError: A file cannot be made of the network, or `measure` raises it.
    """
    outcomes = {"keras": measure(KerasEmbedder(network, card))}
    for step in _COMPUTES[: _COMPUTES.index(compute)]:
        weights = next(name for name, computes in COMPUTE_FORMS.items() if step in computes)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "step.tflite"
            export_tflite(network, coded, card, path, ends, weights, step)
            outcomes[step] = measure(TFLiteEmbedder(path))
    return outcomes
