"""Makes and measures the models of a comparison, beside the float model of a run."""

import contextlib
import dataclasses
import functools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv import folders
from tfsv.bitwidth.plan import BitPlan
from tfsv.card import ModelCard
from tfsv.files import sha256_of, writable_folder
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.jobs.further import Crops, FurtherTraining
from tfsv.jobs.recipe import read_recipe
from tfsv.jobs.settings import REFRESH_STEPS, FineTuning
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.quantization.network import (
    coded_weights,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.report import Report
from tfsv.run_lock import alone_in
from tfsv.study.cells import FLOAT_CELL, Cell
from tfsv.study.file_sizes import file_sizes
from tfsv.tasks.model_folder import load_model, read_folder_card, save_model
from tfsv.tasks.task import TASKS, PlainModel

_STUDY = "study"
_SCHEMA = 2
_HELD_BYTES = 2_300_000_000


class Comparison:
    """The models of a comparison under `study` in the folder of a run of `tfsv train`.

    A model's folder holds the model, its report and its bootstrap replicates. What is there is not
    made again, and further training goes on at its last checkpoint. The float model is the run's,
    or the one that the run started from, such as an imported network.

    Example:
        >>> comparison = Comparison("runs/seed0", FineTuning(epochs=5))
        >>> for cell, model in order(read_cells(["kmeans 4 2"])):
        ...     comparison.make(cell, model)

    Args:
        run: Folder of the run, with `recipe.json`.
        further: Settings of fine-tuning, which the control gets too.
        held_bytes: Most bytes of network inputs that are held in memory. If there are more, they
            are made anew for each model.

    Raises:
        InputError: The run has no float model, or its comparison was made with other settings.
    """

    def __init__(self, run: str | os.PathLike, further: FineTuning, held_bytes: int = _HELD_BYTES):
        run = pathlib.Path(run)
        self._held_bytes = held_bytes
        self.recipe = read_recipe(run)
        self.folder = writable_folder(run / _STUDY)
        self._task = TASKS.named(self.recipe.task)
        self._data = self._task.open_data(self.recipe.data, self.recipe.objective)
        self._float_folder = float_folder(run)
        self._float()
        further = dataclasses.replace(further, refresh_steps=further.refresh_steps or REFRESH_STEPS)
        self._settings = further
        claimed = {
            "schema": _SCHEMA,
            "further": dataclasses.asdict(further),
            "float_sha256": sha256_of(self._float_folder / folders.WEIGHTS),
            "input_sha256": {n: sha256_of(path) for n, path in self._data.files().items()},
        }
        folders.claim(self.folder / "study.json", claimed, lambda old: _upgraded(old, claimed))

    def plan_file(self, cell: Cell) -> pathlib.Path:
        """File of a cell's bit plan."""
        return self.folder / folders.PLANS / f"{cell.name}.json"

    def make(self, cell: Cell, model: str) -> None:
        """Makes and measures one model, unless that was done before.

        Args:
            cell: A cell of the comparison; `FLOAT_CELL` for "float" and "control".
            model: Name of the model: "float", "control", "post_training" or "fine_tuned".

        Raises:
            InputError: An input is unusable or the training fails.
        """
        folder = self.folder / cell.folder(model)
        if (folder / folders.RESULTS).exists():
            return
        keras.backend.clear_session()
        keras.utils.set_random_seed(self._data.seed)
        if (folder / folders.CARD).exists():
            network, card = load_model(folder)
        else:
            network, card = self._made(cell, model, folder)
        plain, coded = strip(network)
        report = self._measured(plain)
        if model in (FLOAT, POST_TRAINING):
            sizes = file_sizes(plain, coded, card, self._task.ends(card))
            report = report.with_details(files=sizes)
        card.measured = self._data.for_card(report)
        save_model(folder, network, card)
        shutil.rmtree(folder / folders.CHECKPOINTS, ignore_errors=True)
        report.write(folder)

    def _made(self, cell: Cell, model: str, folder: pathlib.Path) -> tuple[keras.Model, ModelCard]:
        parent = self._float()
        network = parent.network
        plan = BitPlan.read(self.plan_file(cell)) if cell.plan else None
        if cell.bits:
            bits = dict.fromkeys(self._task.coded_layers(network), cell.bits)
            network = quantize(network, plan.bits if plan else bits, cell.scheme)
        if model in (FINE_TUNED, CONTROL):
            self._train_further(network, parent, folder, cell, plan)
        elif cell.bits:
            refresh_codebooks(network)
        bits = {name: codes.bits for name, codes in coded_weights(network).items()}
        card = dataclasses.replace(
            parent.card,
            bits=bits,
            scheme=cell.scheme if bits else None,
            measured={},
            decision={},
            notes=model,
        )
        save_model(folder, network, card)
        return network, card

    def _train_further(
        self,
        network: keras.Model,
        parent: PlainModel,
        folder: pathlib.Path,
        cell: Cell,
        plan: BitPlan | None,
    ) -> None:
        """Trains the network further, in one go or in as many stages as there are widths."""
        stages = len(set(quantized_bits(network).values())) if cell.order else 1
        settings = dataclasses.replace(
            self._settings, stages=stages, stage_order=cell.order or "front"
        )
        further = dataclasses.replace(self._further, settings=settings, held=self.further_data)
        staged = further.stages(network, plan) if cell.bits else None
        further.run(network, parent, folder, f"{folder.parent.name} {folder.name}", staged)

    @functools.cached_property
    def _further(self) -> FurtherTraining:
        return FurtherTraining(self._data, self.recipe.training, self._settings)

    @functools.cached_property
    def _measured(self) -> Callable[[keras.Model], Report]:
        return self._data.measurer(self._card, self.folder)

    @functools.cached_property
    def further_data(self) -> Crops:
        """A function to network inputs and targets from a step of the further training on.

        They are the same for every model, so they are made once if they can be held in memory.
        """
        steps, first = self._further.steps, self._further.first_step
        features_of = tf.function(self._data.features_of(self._card), autograph=False)
        data = self._data.dataset(first).take(steps)
        batches: list[Any] = []
        for raw, targets in tqdm(data, desc="crops", total=steps, unit="batch"):
            batch = tf.nest.map_structure(lambda x: x.numpy(), (features_of(raw), targets))
            size = sum(part.nbytes for part in tf.nest.flatten(batch))
            if size * steps > self._held_bytes:
                return self._made_anew
            batches.append(batch)
        signature = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), batches[0])

        def from_step(step: int) -> tf.data.Dataset:
            return tf.data.Dataset.from_generator(
                lambda: iter(batches[step:]), output_signature=signature
            )

        return from_step

    def _made_anew(self, step: int) -> tf.data.Dataset:
        features_of = self._data.features_of(self._card)
        return self._data.dataset(self._further.first_step + step).map(
            lambda raw, targets: (features_of(raw), targets), num_parallel_calls=tf.data.AUTOTUNE
        )

    @property
    def _card(self) -> ModelCard:
        """Card of the float model."""
        return read_folder_card(self._float_folder)

    def _float(self) -> PlainModel:
        return PlainModel(self._float_folder, *load_model(self._float_folder))


@contextlib.contextmanager
def alone_in_studies(runs: Iterable[str | os.PathLike]) -> Iterator[None]:
    """Keeps other processes from the studies of some runs while the block runs.

    Example:
        >>> with alone_in_studies(["runs/seed0"]):
        ...     Comparison("runs/seed0", FineTuning(epochs=5)).make(FLOAT_CELL, "float")

    Args:
        runs: Folders of runs.

    Raises:
        InputError: A folder is no run, or another process makes its study.
    """
    with contextlib.ExitStack() as alone:
        for run in runs:
            read_recipe(run)
            alone.enter_context(alone_in(writable_folder(pathlib.Path(run) / _STUDY)))
        yield


def float_folder(run: str | os.PathLike) -> pathlib.Path:
    """Folder of a run's float model: the one that it trained, or that it started from.

    Example:
        >>> network, card = load_model(float_folder("runs/seed0"))

    Raises:
        InputError: The run has no recipe.
    """
    start = read_recipe(run).start
    return pathlib.Path(start) if start else pathlib.Path(run) / FLOAT


def network_name(run: str | os.PathLike) -> str:
    """Name in tables and plots of a run's network.

    Example:
        >>> network_name("runs/seed0")
        'resnet18'

    Raises:
        InputError: The run has no recipe or no float model.
    """
    card = read_folder_card(float_folder(run))
    return str(card.network.get("name", card.task))


def order(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """The models of a comparison in the order to make them: quick ones and references first.

    Example:
        >>> [model for cell, model in order(read_cells(["kmeans 2"]))]
        ['float', 'post_training', 'control', 'fine_tuned']

    Yields:
        Cell and model, as `Comparison.make` takes them.
    """
    yield FLOAT_CELL, FLOAT
    for cell in cells:
        if POST_TRAINING in cell.models:
            yield cell, POST_TRAINING
    yield FLOAT_CELL, CONTROL
    for cell in cells:
        yield cell, FINE_TUNED


def read_weights(
    folder: str | os.PathLike,
) -> tuple[dict[str, np.ndarray], dict[str, StoredWeights]]:
    """Latent weights and coded weights of a quantized model's layers, by name, in their order.

    Example:
        >>> latent, coded = read_weights("runs/seed0/fine_tuned")
        >>> latent["embedding"].shape == coded["embedding"].codes.shape
        True

    Args:
        folder: Folder of a quantized model.

    Raises:
        InputError: A file of the folder is missing, broken, or does not fit.
    """
    network, _ = load_model(folder)
    coded = coded_weights(network)
    latent = {}
    for layer in network.layers:
        name = layer.name.removeprefix("quant_")
        if name in coded:
            shape = coded[name].decode().shape
            kernel = next(w for w in layer.trainable_weights if w.shape == shape)
            latent[name] = kernel.numpy()
    return latent, coded


def _upgraded(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claim of a study of tfsv 0.1, which knew the test trials only, in today's form."""
    if "schema" in found:
        return found
    rest = dict(found)
    hashes = wanted["input_sha256"]
    if "trials_sha256" in rest:
        hashes = {**hashes, "test_trials": rest.pop("trials_sha256")}
    return {
        "schema": _SCHEMA,
        "float_sha256": rest.pop("float_sha256", None),
        "input_sha256": hashes,
        "further": {**wanted["further"], **rest},
    }
