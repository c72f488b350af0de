"""Makes and measures the models of a comparison, beside the float model of a run."""

import dataclasses
import functools
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.audio.pipeline import (
    PipelineSettings,
    class_count,
    steps_per_epoch,
    training_dataset,
)
from tfsv.bitwidth.plan import BitPlan
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.files import replacing, sha256_of, writable_folder
from tfsv.jobs.recipe import Recipe
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import (
    coded_weights,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.study.cells import CONTROL, FINE_TUNED, FLOAT, FLOAT_CELL, POST_TRAINING, Cell
from tfsv.study.file_sizes import file_sizes
from tfsv.study.trial_features import TrialFeatures
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.training.fit import FitSettings, fit
from tfsv.training.losses import AAMSoftmax
from tfsv.training.schedules import LearningRate, Margin
from tfsv.training.stages import StagedFineTuning, plan_stages
from tfsv.verification.class_vectors import HEAD
from tfsv.verification.ends import speaker_ends
from tfsv.verification.evaluation import (
    error_rates,
    recording_paths,
)
from tfsv.verification.metrics import bootstrap_interval
from tfsv.verification.scoring import cosine_scores
from tfsv.verification.trials import read_trials

METRICS = ("eer", "min_dcf_0.01")
"""Keys of the record that have replicates, in the order of the columns of `REPLICATES`."""

PLANS = "plans"
"""Folder of bit plans in that of a comparison."""

RECORD = "results.json"
REPLICATES = "replicates.npy"
"""Bootstrap replicates, float32 `[draws, metrics]`. Draw n draws the same speakers for every model
of a trial list, so that differences between models can be resampled pairwise."""

_DRAWS = 1000

_HELD_SECONDS = 72_000
"""Longest training crops whose features are held in memory, 2.3 GB with 80 filters; longer ones are
made anew for each model."""


@dataclasses.dataclass(frozen=True)
class Further:
    """How the models of a comparison are trained further: all alike, the control too.

    Attributes:
        epochs: May be a fraction.
        optimizer: "sgd" or "adamw".
        learning_rate: First learning rate; it decays to a tenth.
        weight_decay: See `FitSettings`.
        refresh_steps: Steps between two refreshes of the codebooks.
    """

    epochs: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    refresh_steps: int


class Comparison:
    """The models of a comparison under `study` in the folder of a run of `tools/train.py`.

    A model's folder holds the model, its record and its bootstrap replicates; what is there is not
    made again, and further training goes on at its last checkpoint.

    Args:
        run: Folder of the run, with `recipe.json` and the model folder `float`.
        further: How to fine-tune.

    Raises:
        InputError: The run has no float model, or its comparison was made with other settings.
    """

    def __init__(self, run: str | os.PathLike, further: Further):
        self.run = pathlib.Path(run)
        self.further = further
        self.recipe = read_recipe(self.run)
        self.folder = writable_folder(self.run / "study")
        voices = self.recipe.corpus == "voices"  # which the run has written
        self._manifest = read_manifest(
            self.run / "corpus" / "manifest.tsv" if voices else self.recipe.corpus
        )
        self._train = self._manifest.split("train")
        trials = pathlib.Path(self._manifest.root) / "trials" / "test.txt"
        self._trials_file = self.recipe.test_trials or trials
        self._trials = read_trials(self._trials_file)
        self._float()
        claim(self.folder / "study.json", dataclasses.asdict(further) | self._inputs())

    def plan_file(self, cell: Cell) -> pathlib.Path:
        """Where a cell's bit plan is."""
        return self.folder / PLANS / f"{cell.name}.json"

    def make(self, cell: Cell, model: str) -> None:
        """Makes and measures one model, unless that was done before.

        Args:
            cell: Of the comparison; `FLOAT_CELL` for `model` "float" and "control".
            model: "post_training" or "fine_tuned".

        Raises:
            InputError: An input is unusable or the training fails.
        """
        folder = self.folder / cell.folder(model)
        if (folder / RECORD).exists():
            return
        keras.backend.clear_session()
        keras.utils.set_random_seed(self.recipe.pipeline.seed)
        if (folder / "card.json").exists():
            network, card = load_model(folder)
        else:
            network, card = self._made(cell, model, folder)
        plain, coded = strip(network)
        record = self._measured(folder, plain)
        if model in (FLOAT, POST_TRAINING):
            ends = speaker_ends(card.front_end, card.embedding_size)
            record["files"] = file_sizes(plain, coded, card, ends)
        card.eer, card.min_dcf = record["eer"], record["min_dcf_0.01"]
        save_model(folder, network, card)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        _write_json(folder / RECORD, record)

    def _made(self, cell: Cell, model: str, folder: pathlib.Path) -> tuple[keras.Model, ModelCard]:
        network, card = self._float()
        plan = BitPlan.read(self.plan_file(cell)) if cell.plan else None
        if cell.bits:
            network = quantize(network, plan.bits if plan else cell.bits, cell.scheme)
        if model == FINE_TUNED:
            self._fine_tune(network, folder, cell, plan)
        elif model == CONTROL:
            rate = self.further.learning_rate
            self._train_further(
                network, folder, learning_rate=LearningRate(rate, rate / 10, self._steps)
            )
        elif cell.bits:
            refresh_codebooks(network)
        bits = {name: codes.bits for name, codes in coded_weights(network).items()}
        scheme = cell.scheme if bits else None
        card = dataclasses.replace(
            card, bits=bits, scheme=scheme, thresholds={}, eer=None, min_dcf=None, notes=model
        )
        save_model(folder, network, card)
        return network, card

    def _measured(self, folder: pathlib.Path, network: keras.Model) -> dict[str, Any]:
        """The record of a network without quantizers; its replicates go into the folder."""
        embeddings = self._features.embed(network)
        scores = cosine_scores(embeddings, self._trials.enrol, self._trials.test)
        replicates, intervals = self._bootstrap(scores)
        with replacing(folder / REPLICATES) as part:
            np.save(part, replicates)
        record = error_rates(scores, self._trials, self._test_manifest)
        record |= {f"{name}_interval": list(ends) for name, ends in intervals.items()}
        return record | {"interval_by": "speaker" if self._test_manifest else "trial"}

    def _bootstrap(self, scores: np.ndarray) -> tuple[np.ndarray, dict[str, tuple]]:
        """Replicates `[draws, metrics]` and the 95 % interval of each metric.

        Speakers are drawn, or trials where their names are files outside the manifest.
        """
        speakers = None
        if self._test_manifest:
            speaker_of = {u.path: u.speaker for u in self._manifest}
            speaker_of |= {u.utterance: u.speaker for u in self._manifest}
            names = np.array([speaker_of[name] for name in self._trials.names])
            speakers = names[self._trials.enrol], names[self._trials.test]
        replicates: list[tuple[float, float]] = []

        def eer(points) -> float:
            replicates.append((points.eer(), points.min_dcf(0.01)))
            return replicates[-1][0]

        bootstrap_interval(
            scores,
            self._trials.labels,
            eer,
            speakers=speakers,
            replicates=_DRAWS,
        )
        drawn = np.array(replicates, np.float32)
        ends = np.quantile(drawn, [0.025, 0.975], axis=0).tolist()
        return drawn, dict(zip(METRICS, zip(*ends, strict=True), strict=True))

    def _fine_tune(self, network, folder: pathlib.Path, cell: Cell, plan: BitPlan | None) -> None:
        """In one go, or in as many stages as there are widths."""
        bits = quantized_bits(network)
        sensitivities = {n: x.sensitivity for n, x in plan.layers.items()} if plan else None
        stages = plan_stages(
            cell.order or "front", len(set(bits.values())) if cell.order else 1, bits,
            sensitivities, self._steps, self.further.learning_rate,
        )  # fmt: skip
        staged = StagedFineTuning(network, stages, self.further.refresh_steps)
        self._train_further(
            network, folder,
            learning_rate=staged.learning_rate, on_step=staged.on_step, state=staged,
        )  # fmt: skip

    def _train_further(self, network, folder: pathlib.Path, **settings: Any) -> None:
        """Fixed margin, small learning rate, the crops that follow those of the float training."""
        recipe, further = self.recipe, self.further
        head = AAMSoftmax(class_count(self._train, recipe.pipeline))
        head.build([None, network.output_shape[-1]])
        head_file = self.run / FLOAT / HEAD
        try:
            head.kernel.assign(np.load(head_file, allow_pickle=False))
        except (OSError, ValueError) as error:
            raise InputError(f"{head_file}: missing or broken; train the run again") from error

        fit_settings = FitSettings(
            self._steps,
            margin=Margin(recipe.margin),
            optimizer=further.optimizer,
            weight_decay=further.weight_decay,
            spec_augment=recipe.spec_augment,
            seed=recipe.pipeline.seed + 1,
            checkpoint_steps=recipe.checkpoint_steps,
            **settings,
        )
        name = f"{folder.parent.name} {folder.name}"
        folder = writable_folder(folder)
        fit(network, head, tf.identity, self._crops_from, fit_settings, folder, name)

    @functools.cached_property
    def _steps(self) -> int:
        per_epoch = steps_per_epoch(self._train, self.recipe.pipeline)
        return max(1, round(self.further.epochs * per_epoch))

    @property
    def _test_manifest(self) -> Manifest | None:
        return None if self.recipe.test_root else self._manifest

    @functools.cached_property
    def _crops(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Features and classes of all batches: the same for every model, so made once."""
        features_of = tf.function(self._front_end, autograph=False)
        data = self._waveforms(0).take(self._steps)
        return [
            (features_of(waveforms).numpy(), labels.numpy())
            for waveforms, labels in tqdm(data, desc="crops", total=self._steps, unit="batch")
        ]

    def _waveforms(self, step: int) -> tf.data.Dataset:
        """What follows the float training in the stream of crops."""
        pipeline = self.recipe.pipeline
        before = round(self.recipe.epochs * steps_per_epoch(self._train, pipeline))
        return training_dataset(self._train, pipeline, max(1, before) + step)

    def _crops_from(self, step: int) -> tf.data.Dataset:
        pipeline = self.recipe.pipeline
        seconds = self._steps * pipeline.batch_size * pipeline.crop_seconds
        if seconds > _HELD_SECONDS:
            return self._waveforms(step).map(
                lambda waveforms, labels: (self._front_end(waveforms), labels),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        features, labels = self._crops[0]

        def rest() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            yield from self._crops[step:]

        return tf.data.Dataset.from_generator(
            rest,
            output_signature=(
                tf.TensorSpec(features.shape, tf.float32),
                tf.TensorSpec(labels.shape, tf.int32),
            ),
        )

    @functools.cached_property
    def _front_end(self) -> LogMel:
        return LogMel(**self._float()[1].front_end)

    @functools.cached_property
    def _features(self) -> TrialFeatures:
        root = self.recipe.test_root
        paths = recording_paths(self._trials, root, None if root else self._manifest)
        return TrialFeatures(paths, self._front_end)

    def _float(self) -> tuple[keras.Model, ModelCard]:
        return load_model(self.run / FLOAT)

    def _inputs(self) -> dict[str, Any]:
        return {
            "float_sha256": sha256_of(self.run / FLOAT / "network.weights.h5"),
            "trials_sha256": sha256_of(self._trials_file),
        }


def order(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """The models of a comparison in the order to make them: what is quick and compared with first.

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
) -> tuple[dict[str, np.ndarray], dict[str, CodedWeights]]:
    """Latent weights and coded weights of a quantized model's layers, by name, in their order."""
    network, _ = load_model(folder)
    coded = coded_weights(network)
    latent = {}
    for layer in network.layers:
        name = layer.name.removeprefix("quant_")
        if name in coded:
            shape = coded[name].codes.shape
            kernel = next(w for w in layer.trainable_weights if w.shape == shape)
            latent[name] = kernel.numpy()
    return latent, coded


def read_recipe(run: str | os.PathLike) -> Recipe:
    """Reads the recipe of a run of `tools/train.py`.

    Raises:
        InputError: The folder has none, or one of another version.
    """
    file = pathlib.Path(run) / "recipe.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        values.pop("input_sha256", None)
        pipeline = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.pop("pipeline").items()
        }
        return Recipe(pipeline=PipelineSettings(**pipeline), **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file}: no recipe of this version; run tools/train.py first") from error


def claim(file: pathlib.Path, settings: dict[str, Any]) -> None:
    """Writes the settings into a fresh folder; in a used one they must be the same.

    Raises:
        InputError: They are not.
    """
    if not file.exists():
        _write_json(file, settings)
    elif json.loads(file.read_text(encoding="utf-8")) != settings:
        raise InputError(f"{file.parent}: holds other settings or inputs; use them or delete it")


def _write_json(file: pathlib.Path, content: dict[str, Any]) -> None:
    with replacing(file) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
