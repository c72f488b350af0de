"""A network, or a model folder, as a TFLite file."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.conversion.convert import ExportReport, export_tflite
from tfsv.conversion.ends import Ends
from tfsv.quantization.network import strip
from tfsv.tasks.model_folder import load_model, read_folder_cohort
from tfsv.tasks.own import OwnNetwork
from tfsv.tasks.task import TASKS


def export(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    weights: str | None = None,
    compute: str | None = None,
    calibration: Iterable[Mapping[str, np.ndarray]] = (),
    ends: Ends | None = None,
    card: ModelCard | None = None,
    **options: Any,
) -> ExportReport:
    """Writes a TFLite file of a network and checks it against Keras before it appears.

    Example:
        >>> quantized = tfsv.quantize(network, bits=4)
        >>> tfsv.refresh_codebooks(quantized)
        >>> tfsv.export(quantized, "network.tflite").size
        12480

    Args:
        model: A functional `tf_keras` network, quantized by `tfsv.quantize` or float, or a model
            folder of `tfsv train`.
        path: The file to write, ending in `.tflite`.
        weights: How kernels are stored: "packed" (codes of their own width), "int8" or "float32".
            None: packed if the network is quantized, else float32.
        compute: What the file computes with: "float32", "int8_weights" or "int8". None: the first
            of `tfsv.conversion.forms.COMPUTE_FORMS[weights]`.
        calibration: Real inputs, each with an array by name, from which the ranges of activations
            come with `compute="int8"`.
        ends: Inputs and outputs of the file, and what stands between them and the network. None:
            those of the task, or of the network itself.
        card: The card that goes into the file. None: the card of the folder, or one that only says
            what the bits are.
        **options: Further arguments of `tfsv.conversion.convert.export_tflite`.

    Returns:
        Sizes of the layers and of the file, and its agreement with Keras.

    Raises:
        InputError: The network or a form is impossible, or the file cannot be written.
        RuntimeError: The file does not agree with Keras; nothing was written.
    """
    if isinstance(model, keras.Model):
        network, task = model, None
        card = card or ModelCard(scheme="kmeans")
    else:
        network, own = load_model(model)
        options.setdefault("cohort", None if card else read_folder_cohort(model))
        task, card = TASKS[own.task], card or own
    plain, coded = strip(network)
    if not coded:
        card.scheme = None
    ends = ends or (task or OwnNetwork(plain)).ends(card)
    weights = weights or ("packed" if coded else "float32")
    return export_tflite(
        plain, coded, card, path, ends, weights, compute, calibration=calibration, **options
    )
