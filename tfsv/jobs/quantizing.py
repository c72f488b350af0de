"""From a float model folder and unlabelled recordings to a quantized model folder."""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from absl import logging

from tfsv import folders
from tfsv.bitwidth.plan import BitPlan
from tfsv.bitwidth.search import parse_budget
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.files import sha256_of, sha256_of_arrays, writable_folder
from tfsv.jobs.bit_search import BitSearch
from tfsv.jobs.further import FurtherTraining
from tfsv.jobs.settings import (
    BitSearchSettings,
    FineTuning,
    FloatTraining,
    LabelFreeTuning,
    Widths,
)
from tfsv.quantization.calibration import CalibratedLayer, quantize_on
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.functional_networks import functional
from tfsv.quantization.network import layer_quantizers, quantizable_layers, switch_off
from tfsv.quantization.schemes import Scheme
from tfsv.run_lock import alone_in
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.tasks.own import OwnData
from tfsv.tasks.task import TASKS, PlainModel, RecordedInputs, Task
from tfsv.training.stages import plan_stages

CLAIM = "quantize.json"
"""File of the folder with all that decides the outcome."""

PLAN = "bit_plan.json"
"""File of the folder with the bits that were searched for a budget."""

FINE_TUNING = "fine_tuning"
"""Folder in it with checkpoints and curves of the training under the parent."""

_SHARED = ("learning_rate", "refresh_steps", "stages", "stage_order", "parent_weight")
_FEW = 20  # recordings below which the choice of them decides more than a bit


@dataclasses.dataclass(frozen=True)
class QuantizedModel:
    """What `quantize_model` made, and of what.

    Example:
        >>> made = quantize_model("models/resnet34", recordings, Widths(3), "models/resnet34_3bit")
        >>> made.card.bits["embedding"], len(made.recordings)
        (3, 256)

    Attributes:
        network: The quantized network, its quantizers switched on.
        card: The card of the folder.
        parent: The float model.
        recordings: The recordings that were heard.
        layers: Quantized layers in the order of calibration. Empty: it was done by an earlier call.
    """

    network: keras.Model
    card: ModelCard
    parent: PlainModel
    recordings: Sequence[str | os.PathLike]
    layers: tuple[CalibratedLayer, ...] = ()


def quantize_model(
    model: str | os.PathLike,
    recordings: Any,
    widths: Widths,
    output: str | os.PathLike,
    scheme: str = "kmeans",
    settings: CodeCalibration | None = None,
    tuning: LabelFreeTuning | None = None,
) -> QuantizedModel:
    """Quantizes a float model with nothing but recordings, without labels.

    The folder gets the model and `quantize.json`. What was done is kept there layer by layer, so
    that a killed call goes on when it is made again. Error rates and thresholds of the float model
    are not those of the new one, and its card has none.

    Example:
        >>> recordings = RecordingSettings("recordings", crops=128)
        >>> made = quantize_model("models/resnet34", recordings, Widths(3), "models/resnet34_3bit")
        >>> [layer.name for layer in made.layers][:1]
        ['stem']

    Args:
        model: Folder of a float model.
        recordings: The `recordings_record` of the model's task.
        widths: Bits of the layers.
        output: Folder of the quantized model; it is made when absent.
        scheme: Quantizer and its settings, as `tfsv.quantization.schemes.Scheme` parses them.
        settings: How to calibrate. None: the defaults.
        tuning: How the float parent teaches the calibrated network afterwards, on all recordings.
            None: it does not.

    Raises:
        InputError: The model is quantized already, the recordings cannot be used, the widths or
            the scheme do not fit, or the folder cannot be written, is another call's or in use.
        KeyboardInterrupt: Ctrl-C stopped it. It goes on at the layer where it was.
    """
    model, scheme = pathlib.Path(model), str(Scheme.parse(scheme))
    settings, tuning = settings or CodeCalibration(), tuning or LabelFreeTuning()
    parent = PlainModel(model, *load_model(model))
    if parent.card.bits:
        raise InputError(f"model={model}: is quantized already; give a float one")
    output = pathlib.Path(output)
    if output.resolve() == model.resolve():
        raise InputError(f"output={output}: is the float model itself; choose another folder")
    task = TASKS.named(parent.card.task)
    bits = _given_bits(parent.network, task, widths)
    if tuning.steps:
        _check_stages(parent.network, task, widths, bits, scheme, tuning)
    heard = task.recorded_inputs(recordings, parent.card)
    if len(heard.recordings) < _FEW:
        logging.warning(
            "%d recordings are few; with a hundred of many speakers the network keeps more",
            len(heard.recordings),
        )
    further = _further(task, recordings, tuning) if tuning.steps else None
    with alone_in(writable_folder(output)):
        folders.claim(
            output / CLAIM,
            _claimed(parent, recordings, widths, scheme, settings, tuning, heard, further),
        )
        if (output / folders.CARD).exists():
            network, card = load_model(output)
            return QuantizedModel(network, card, parent, heard.recordings)
        if bits is None:
            bits = _searched(parent, task, widths, scheme, heard, output)
        state = output / folders.CALIBRATION
        found = quantize_on(parent.network, bits, heard.batches, scheme, settings, folder=state)
        if further:
            switch_off(found.network)
            staged = further.stages(found.network, _plan(widths, output))
            further.run(found.network, parent, output / FINE_TUNING, "label-free", staged)
        card = _card(parent.card, found.layers, scheme, settings, tuning, heard)
        save_model(output, found.network, card)
        shutil.rmtree(state, ignore_errors=True)
    return QuantizedModel(found.network, card, parent, heard.recordings, found.layers)


def _further(task: Task, recordings: Any, tuning: LabelFreeTuning) -> FurtherTraining:
    """The training in which a parent teaches a calibrated network to give its embeddings."""
    data = task.unlabelled_data(recordings, batch_size=tuning.batch_size, augment=tuning.augment)
    finetuning = FineTuning(
        epochs=tuning.steps / data.steps_per_epoch,
        **{name: getattr(tuning, name) for name in _SHARED},
    )
    training = FloatTraining(
        optimizer="adamw",
        weight_decay=0.0,
        checkpoint_steps=tuning.checkpoint_steps,
        bfloat16=tuning.bfloat16,
    )
    return FurtherTraining(data, training, finetuning)


def _plan(widths: Widths, output: pathlib.Path) -> BitPlan | None:
    """The bit plan that was given or searched, if any."""
    file = output / PLAN if widths.budget is not None else widths.bit_plan
    return None if file is None else BitPlan.read(file)


def _given_bits(network: keras.Model, task: Task, widths: Widths) -> Mapping[str, int] | None:
    """The width of each layer, or None where it is to be searched for."""
    if widths.bit_plan is not None:
        plan = BitPlan.read(widths.bit_plan)
        plan.check([layer.name for layer in quantizable_layers(network)])
        if not plan.bits:
            raise InputError(f"bit_plan={widths.bit_plan}: all its layers stay float")
        return plan.bits
    if widths.bits is not None:
        return dict.fromkeys(task.coded_layers(network), widths.bits)
    parse_budget(widths.budget)
    return None


def _check_stages(
    network: keras.Model,
    task: Task,
    widths: Widths,
    bits: Mapping[str, int] | None,
    scheme: str,
    tuning: LabelFreeTuning,
) -> None:
    """Finds before anything slow, and before a search for bits, whether the stages fit."""
    order, stages, parsed = tuning.stage_order, tuning.stages, Scheme.parse(scheme)
    if bits is None:
        if order == "bits" and stages > 1:
            raise InputError(
                f"stages={stages}: stage_order=bits has a stage for each width, and with 'budget'"
                " widths are not known beforehand; take stage_order=front or sensitivity"
            )
        bits = dict.fromkeys(task.coded_layers(network), parsed.widths[0])
        sensitivities = {name: float(number) for number, name in enumerate(bits)}  # any will do
    else:
        plan = BitPlan.read(widths.bit_plan) if widths.bit_plan else None
        sensitivities = {n: row.sensitivity for n, row in plan.layers.items()} if plan else None
    quantizers = layer_quantizers(functional(network), bits, parsed)
    coded = {name: quantizer.bits for name, quantizer in quantizers.items()}
    plan_stages(order, stages, coded, sensitivities, tuning.steps, tuning.learning_rate)


def _searched(
    parent: PlainModel,
    task: Task,
    widths: Widths,
    scheme: str,
    heard: RecordedInputs,
    output: pathlib.Path,
) -> Mapping[str, int]:
    """Widths whose packed file fits the budget, by the calibrated error of each layer."""
    budget = parse_budget(widths.budget)
    pairs = [(batch, np.zeros(len(batch), np.float32)) for batch in heard.batches]
    data = OwnData(pairs, lambda outputs, targets: tf.zeros(len(targets)))
    search_settings = BitSearchSettings(scheme=scheme, batches=len(pairs))
    store = output / folders.CALIBRATION / "sensitivities"
    search = BitSearch(parent, data, store, search_settings, task)
    if budget >= search.files.float_size():
        raise InputError(f"budget={widths.budget}: the float file fits already; give less")
    search.check(budget)
    found = search.sensitivities("calibrated", budget)
    plan = search.plan(found, search.choose(found, budget), budget)
    plan.write(output / PLAN)
    return plan.bits


def _claimed(
    parent: PlainModel,
    recordings: Any,
    widths: Widths,
    scheme: str,
    settings: CodeCalibration,
    tuning: LabelFreeTuning,
    heard: RecordedInputs,
    further: FurtherTraining | None,
) -> dict[str, Any]:
    """What decides the outcome: settings, and hashes of model, plan and what is heard."""
    plan = widths.bit_plan
    return {
        "model_sha256": sha256_of(parent.folder / folders.WEIGHTS),
        "recordings": dataclasses.asdict(recordings),
        "heard_sha256": sha256_of_arrays(heard.batches),
        "widths": dataclasses.asdict(widths),
        "bit_plan_sha256": None if plan is None else sha256_of(plan),
        "scheme": scheme,
        "calibration": dataclasses.asdict(settings),
        "tuning": dataclasses.asdict(tuning),
        "taught_on_sha256": None if further is None else _digest(further.data.identity()),
    }


def _digest(table: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()


def _card(
    before: ModelCard,
    layers: Sequence[CalibratedLayer],
    scheme: str,
    settings: CodeCalibration,
    tuning: LabelFreeTuning,
    heard: RecordedInputs,
) -> ModelCard:
    bits = {layer.name: layer.bits for layer in layers}
    notes = (
        f"Quantized on {len(heard.recordings)} unlabelled recordings: codes {settings.codes},"
        f" batch normalisation {settings.batch_norm}."
    )
    if tuning.steps:
        notes += f" Then {tuning.steps} steps under its float parent, without labels."
    return dataclasses.replace(
        before,
        bits=bits,
        scheme=scheme,
        measured={},
        decision={},
        versions=package_versions(),
        notes=f"{before.notes} {notes}".strip(),
    )
