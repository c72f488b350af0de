"""The main job: train float, quantize, fine-tune, measure each."""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras
from absl import logging

from tfsv import folders
from tfsv.bitwidth.plan import BitPlan
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.files import sha256_of, writable_folder
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.jobs.calibrating import calibration_batches
from tfsv.jobs.further import FurtherTraining, training_inputs
from tfsv.jobs.recipe_record import Recipe
from tfsv.json_files import read_json
from tfsv.kernel_layers import check_quantizable
from tfsv.quantization.calibration import check_scheme, quantize_on
from tfsv.quantization.functional_networks import functional
from tfsv.quantization.network import (
    coded_weights,
    layer_quantizers,
    quantizable_layers,
    quantize,
    refresh_codebooks,
    strip,
    switch_off,
)
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.size import model_bytes
from tfsv.report import Report, heading_and_rows
from tfsv.run_lock import alone_in
from tfsv.tasks.model_folder import load_model, read_folder_card, save_model
from tfsv.tasks.task import TASKS, PlainModel
from tfsv.text_tables import aligned
from tfsv.training.loop import FitSettings, fit
from tfsv.training.optimizers import OPTIMIZERS
from tfsv.training.schedules import LearningRate
from tfsv.training.stages import StagedFineTuning


def run(
    recipe: Recipe, folder: str | os.PathLike, strategy: tf.distribute.Strategy | None = None
) -> dict[str, Report]:
    """Runs the recipe, or what is left of it when the folder holds a part of it.

    The folder gets `recipe.json`, a link `corpus` to the folder of the data, and model folders
    with a `results.json` each. These are `float` (unless the recipe starts from one),
    `post_training`, `fine_tuned` and `control`. What is there already is not done again; a fit goes
    on from its last checkpoint.

    Example:
        >>> recipe = Recipe(training=FloatTraining(epochs=5), quantization=Quantization(bits=2))
        >>> run(recipe, "runs/two_bits")["fine_tuned"]["eer"].value
        0.137

    Args:
        recipe: The recipe to run.
        folder: Folder of the run; it is made when absent.
        strategy: Distribution strategy of the training. None: the current one, which is one device
            of one machine unless it was changed.

    Returns:
        The report of each model by its name, with `bytes` in its details.

    Raises:
        InputError: The folder is another recipe's or cannot be written, another process works in
            it, or an input is unusable.
        KeyboardInterrupt: Ctrl-C stopped the run, which goes on when it is started again.
    """
    folder = writable_folder(folder)
    with alone_in(folder):
        return _Run(recipe, folder, strategy or tf.distribute.get_strategy()).all()


def summary(reports: Mapping[str, Report]) -> str:
    """The reports as a table, one model a line: bytes, and what was measured of all models.

    Example:
        >>> print(summary(run(recipe, "runs/two_bits")))

    Args:
        reports: Reports that `run` returned, by the model's name.
    """
    first, *others = ([measurement.name for measurement in report] for report in reports.values())
    shared = [name for name in first if all(name in names for names in others)]
    heading, *rows = heading_and_rows(reports, shared)
    sizes = (f"{report.details['bytes'] / 1000:.1f}" for report in reports.values())
    rows = [[*row, size] for row, size in zip(rows, sizes, strict=True)]
    return aligned([[*heading, "kB"], *rows])


class _Run:
    """One run in one folder, of which `all` does what is left to do."""

    def __init__(self, recipe: Recipe, folder: pathlib.Path, strategy: tf.distribute.Strategy):
        self.recipe = recipe
        self.folder = folder
        self.strategy = strategy
        self.task = TASKS.named(recipe.task)
        self.data = self.task.open_data(recipe.data, recipe.objective)
        self.float_folder = pathlib.Path(recipe.start) if recipe.start else folder / FLOAT
        self.further = FurtherTraining(self.data, recipe.training, recipe.finetuning, self.strategy)
        self.plan = (
            BitPlan.read(recipe.quantization.bit_plan) if recipe.quantization.bit_plan else None
        )
        self._check_settings()
        self.files = self.data.files()
        self._check_network()
        keras.utils.set_random_seed(self.data.seed)
        folders.claim(folder / folders.RECIPE, self._claimed(), _in_todays_form)
        if data_folder := self.data.folder():
            _link(folder / "corpus", data_folder)
        if tf.config.list_physical_devices("GPU"):  # on CPUs the steps repeat without it, and
            tf.config.experimental.enable_op_determinism()  # it would run the pipeline in series

    def all(self) -> dict[str, Report]:
        """Makes and measures every model of the recipe."""
        recipe, wanted = self.recipe, {}
        if not recipe.start:
            wanted[FLOAT] = self._train_float
        if recipe.quantization.wanted:
            wanted[POST_TRAINING] = self._post_training
            if recipe.finetuning.epochs:
                wanted[FINE_TUNED] = self._fine_tune
        if recipe.finetuning.control and recipe.finetuning.epochs:
            wanted[CONTROL] = self._control
        return {name: self._model(name, make) for name, make in wanted.items()}

    def _check_settings(self) -> None:
        """Finds before hours of training what would spoil them."""
        recipe = self.recipe
        for optimizer in (recipe.training.optimizer, recipe.finetuning.optimizer):
            if optimizer:
                OPTIMIZERS.named(optimizer)
        scheme = Scheme.parse(recipe.quantization.scheme)
        if recipe.quantization.bits:
            scheme.check_bits(recipe.quantization.bits)
        calibrated = recipe.quantization.wanted and recipe.quantization.calibrated
        refresh_steps = recipe.finetuning.refresh_steps or self.further.steps
        if calibrated and refresh_steps < self.further.steps:
            logging.warning(
                "refreshes every %d steps lose calibrated codes; leave refresh_steps out for none",
                refresh_steps,
            )

    def _check_network(self) -> None:
        """Finds whether there is a float network to quantize, and whether the stages fit it."""
        recipe = self.recipe
        given = self._float() if recipe.start else self._initial()
        network = given.network if given else self.task.build(self._new_card())
        if recipe.quantization.wanted:
            check_quantizable(network, "bits")
            if recipe.quantization.calibrated:
                scheme = Scheme.parse(recipe.quantization.scheme)
                check_scheme(
                    scheme, layer_quantizers(functional(network), self._bits(network), scheme)
                )
        if self.plan or recipe.finetuning.stages > 1:
            self.further.stages(self._quantized(network), self.plan)

    def _claimed(self) -> dict[str, Any]:
        """What decides the outcome: settings with their sizes filled in, and hashes of inputs."""
        inputs = dict(self.files)
        if self.recipe.start:
            inputs["start"] = self.float_folder / folders.WEIGHTS
        elif initial := self.recipe.training.initial_model:
            inputs["initial_model"] = pathlib.Path(initial) / folders.WEIGHTS
        if self.plan:
            inputs["bit_plan"] = self.recipe.quantization.bit_plan
        return self.recipe.resolved().to_dict() | {
            "input_sha256": {name: sha256_of(path) for name, path in inputs.items()}
        }

    def _model(self, name: str, make: Callable[[pathlib.Path], keras.Model]) -> Report:
        """Makes the model and measures it, unless that was done before."""
        folder = self.folder / name
        if (folder / folders.RESULTS).exists():
            return Report.read(folder)
        if not (folder / folders.CARD).exists():
            network = make(folder)
            save_model(folder, network, self._card(name, network))
        network, card = load_model(folder)
        measured = self.data.measure(PlainModel(folder, strip(network)[0], card))
        card.measured = self.data.for_card(measured.report)
        card.decision = dict(measured.decision)
        save_model(folder, network, card)
        shutil.rmtree(folder / folders.CALIBRATION, ignore_errors=True)
        report = measured.report.with_details(bytes=model_bytes(network))
        report.write(folder)
        return report

    def _train_float(self, folder: pathlib.Path) -> keras.Model:
        self.data.prepare(self.folder)
        training = self.recipe.training
        steps = max(1, round(training.epochs * self.data.steps_per_epoch))
        with self.strategy.scope():
            if initial := self._initial():
                network, card = initial.network, initial.card
                objective = self.data.further_objective(network, initial, steps)
            else:
                card = self._new_card()
                network = self.task.build(card)
                objective = self.data.objective(network, steps)
        settings = FitSettings(
            steps,
            LearningRate(
                training.learning_rate,
                training.last_learning_rate,
                steps,
                round(training.warmup * steps),
            ),
            optimizer=training.optimizer,
            weight_decay=training.weight_decay,
            checkpoint_steps=training.checkpoint_steps,
            unit=self.data.unit,
            clip_norm=training.clip_norm,
            bfloat16=training.bfloat16,
        )
        features_of = self.data.features_of(card)
        fit(
            network, objective, self.data.dataset, settings, folder, folder.name,
            inputs_of=training_inputs(self.data, features_of, self.data.seed),
            strategy=self.strategy,
        )  # fmt: skip
        self.data.save_objective(folder, objective)
        return network

    def _post_training(self, folder: pathlib.Path) -> keras.Model:
        parent, quantization = self._float(), self.recipe.quantization
        if quantization.calibrated:
            return quantize_on(
                parent.network,
                self._bits(parent.network),
                calibration_batches(self.data, parent.card),
                quantization.scheme,
                folder=folder / folders.CALIBRATION,
            ).network
        network = self._quantized(parent.network)
        refresh_codebooks(network)
        return network

    def _fine_tune(self, folder: pathlib.Path) -> keras.Model:
        calibrated = self.recipe.quantization.calibrated
        with self.strategy.scope():
            parent = self._float()
            if calibrated:
                network, _ = load_model(self.folder / POST_TRAINING)
                switch_off(network)
            else:
                network = self._quantized(parent.network)
        staged = self.further.stages(network, self.plan, calibrated=calibrated)
        self._train_further(network, parent, folder, staged)
        return network

    def _control(self, folder: pathlib.Path) -> keras.Model:
        with self.strategy.scope():
            parent = self._float()
        self._train_further(parent.network, parent, folder)
        return parent.network

    def _train_further(
        self,
        network: keras.Model,
        parent: PlainModel,
        folder: pathlib.Path,
        staged: StagedFineTuning | None = None,
    ) -> None:
        self.data.prepare(self.folder)
        self.further.run(network, parent, folder, folder.name, staged)

    def _quantized(self, network: keras.Model) -> keras.Model:
        return quantize(network, self._bits(network), self.recipe.quantization.scheme)

    def _bits(self, network: keras.Model) -> Mapping[str, int]:
        """Width of each layer that is to be quantized."""
        quantization = self.recipe.quantization
        if not self.plan:
            return dict.fromkeys(self.task.coded_layers(network), quantization.bits)
        self.plan.check([layer.name for layer in quantizable_layers(network)])
        if not self.plan.bits:
            raise InputError(f"bit_plan={quantization.bit_plan}: all its layers stay float")
        return self.plan.bits

    def _float(self) -> PlainModel:
        return self._opened(self.float_folder, f"start={self.recipe.start}")

    def _initial(self) -> PlainModel | None:
        """The model that float training begins with, if any."""
        folder = self.recipe.training.initial_model
        return self._opened(pathlib.Path(folder), f"initial_model={folder}") if folder else None

    def _opened(self, folder: pathlib.Path, source: str) -> PlainModel:
        network, card = load_model(folder)
        if card.bits:
            raise InputError(f"{source}: is quantized already; give a float one")
        if card.task != self.task.name:
            raise InputError(f"{source}: a model of the task {card.task}, not {self.task.name}")
        return PlainModel(folder, network, card)

    def _new_card(self) -> ModelCard:
        return self.data.completed(self.task.new_card(self.recipe.network))

    def _card(self, name: str, network: keras.Model) -> ModelCard:
        coded = coded_weights(network)
        trained_on = self.data.trained_on()
        if source := self.recipe.start or self.recipe.training.initial_model:
            before = read_folder_card(source)
            if before.trained_on and before.trained_on != trained_on:
                trained_on = f"{before.trained_on}; then {trained_on}"
        else:
            before = self._new_card()
        return dataclasses.replace(
            before,
            bits={layer: weights.bits for layer, weights in coded.items()},
            scheme=str(Scheme.parse(self.recipe.quantization.scheme)) if coded else None,
            trained_on=trained_on,
            versions=package_versions(),
            notes=name,
        )


def _in_todays_form(claimed: Mapping[str, Any]) -> dict[str, Any]:
    """A claim of a run of an earlier version as this version writes it."""
    hashes = {"input_sha256": claimed.get("input_sha256")}
    return Recipe.from_dict(claimed).resolved().to_dict() | hashes


def _link(link: pathlib.Path, target: pathlib.Path) -> None:
    """Lets the run's folder show where its data are."""
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve(), target_is_directory=True)


def read_recipe(run_folder: str | os.PathLike) -> Recipe:
    """Reads the recipe of a run, of this version or an earlier one.

    Example:
        >>> read_recipe("runs/two_bits").quantization.bits
        2

    Raises:
        InputError: The folder has no recipe, or the recipe cannot be read.
    """
    file = pathlib.Path(run_folder) / folders.RECIPE
    try:
        fields = read_json(file)
    except InputError as error:
        raise InputError(f"{file}: no recipe of a run; run `tfsv train` first") from error
    return Recipe.from_dict(fields, file)
