"""From a float model, a corpus and a budget of bytes to a bit plan."""

import dataclasses
import functools
import hashlib
import itertools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsv.audio import soundfiles
from tfsv.audio.manifest import read_manifest
from tfsv.audio.pipeline import PipelineSettings, training_dataset
from tfsv.bitwidth.allocation import smallest
from tfsv.bitwidth.candidates import (
    candidate_quantizers,
    candidate_weights,
    chosen,
    replaced,
)
from tfsv.bitwidth.controls import Random, WeightNorm
from tfsv.bitwidth.front import pareto_front, plot_front, uniform_points
from tfsv.bitwidth.methods.architecture import Architecture, MixingSettings
from tfsv.bitwidth.methods.curvature import Curvature, Loss, mean_loss
from tfsv.bitwidth.methods.kl import Divergence, speaker_posteriors
from tfsv.bitwidth.plan import BitPlan, LayerPlan
from tfsv.bitwidth.search import (
    Choice,
    check_budget,
    explained,
    predicted_size,
    search,
    shortcut_ties,
)
from tfsv.bitwidth.sensitivity import Method, Sensitivities, measure, store_file
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.files import sha256_of
from tfsv.jobs.plan_files import TABLES, PlanFiles
from tfsv.quantization.network import quantizable_layers
from tfsv.quantization.schemes import Scheme
from tfsv.tasks.model_folder import load_model
from tfsv.training.losses import AAMSoftmax
from tfsv.verification.class_vectors import class_vectors
from tfsv.verification.ends import speaker_ends
from tfsv.verification.evaluation import recording_paths
from tfsv.verification.perturbation import Perturbation
from tfsv.verification.trials import read_trials, some_trials

METHODS = ("curvature", "kl", "perturbation", "architecture", "random", "norm")
"""How the sensitivity of a layer can be told; the last two are baselines."""


@dataclasses.dataclass(frozen=True)
class BitSearchSettings:
    """What decides a plan beside model, corpus, method and budget.

    Attributes:
        pipeline: How training crops are made.
        scheme: Quantizer and its settings.
        widths: To choose from; empty: all that the scheme has.
        tie_shortcuts: Whether a shortcut gets the bits of its block's main branch.
        compute: What the packed file computes with; see `tfsv.export.forms.COMPUTE_FORMS`.
        batches: Of training crops, for curvature, kl and the front.
        margin: Of the AAM-softmax loss, radians; for curvature, architecture and the front.
        vectors: Random vectors of the Hessian trace.
        steps: Of the architecture search, a batch each.
        trials: Dev trials of perturbation; None: `trials/dev.txt` beside the manifest.
        root: Folder of their recordings; None: the manifest has them.
        recordings: Most of them.
        dev_seconds: Longest part of one.
        score: What perturbation measures.
        seed: Of vectors, trials and the random baseline.
    """

    pipeline: PipelineSettings
    scheme: str = "kmeans"
    widths: tuple[int, ...] = ()
    tie_shortcuts: bool = False
    compute: str = "int8_weights"
    batches: int = 2
    margin: float = 0.2
    vectors: int = 50
    steps: int = 200
    trials: str | None = None
    root: str | None = None
    recordings: int = 200
    dev_seconds: float = 20.0
    score: str = "drift"
    seed: int = 0


class BitSearch:
    """Plans for one float model: many methods and budgets, what they share made once.

    Args:
        model: Folder of a float model.
        corpus: Manifest with the train split of the model.
        store: Folder that keeps what was measured; see `tfsv.bitwidth.sensitivity.measure`.
        settings: See there.

    Attributes:
        card: The model's.
        candidates: Coded weights by layer and width.
        files: The packed files that plans make.

    Raises:
        InputError: The model is quantized already, or the scheme leaves every layer float.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        corpus: str | os.PathLike,
        store: pathlib.Path,
        settings: BitSearchSettings,
    ):
        self._model = model
        self._store = store
        self._settings = settings
        self._network, self.card = load_model(model)
        if self.card.bits:
            raise InputError(f"--model={model}: is quantized already; give a float one")
        self._manifest = read_manifest(corpus)
        self._front_end = LogMel(**self.card.front_end)
        self._scheme = Scheme.parse(settings.scheme)
        self.candidates = candidate_weights(self._network, self._scheme, settings.widths)
        if not self.candidates:
            raise InputError(f"--scheme={self._scheme}: leaves every layer float")
        self.files = PlanFiles(
            self._network,
            self.card,
            speaker_ends(self.card.front_end, self.card.embedding_size),
            self.candidates,
            str(self._scheme),
            settings.compute,
        )
        self._tied = shortcut_ties(self.candidates) if settings.tie_shortcuts else []

    def check(self, budget: int) -> None:
        """Raises InputError if no file is so small; nothing slow was measured then."""
        check_budget(budget, self.files.size(self._smallest))

    def sensitivities(self, method: str, budget: int) -> Sensitivities:
        """Measures, or reads what was measured before.

        Args:
            method: One of `METHODS`.
            budget: Bytes of the file; only the architecture search depends on it.
        """
        made, data = {
            "curvature": self._curvature,
            "kl": self._divergence,
            "perturbation": self._perturbation,
            "architecture": lambda: self._architecture(budget),
            "random": lambda: (Random(seed=self._settings.seed), {}),
            "norm": lambda: (WeightNorm(self._network), {}),
        }[method]()
        widths = sorted({bits for row in self.candidates.values() for bits in row})
        scheme = f"{self._scheme} {widths}"
        store = store_file(self._store, self._network, self.candidates, made, scheme, data)
        return measure(made, self.candidates, store)

    def choose(self, found: Sensitivities, budget: int) -> Choice:
        """The widths of least predicted loss whose file fits the budget."""
        return search(
            found.table, self.files.sizes, budget, self.files.size, tied=self._tied, tables=TABLES
        )

    def plan(self, found: Sensitivities, choice: Choice, budget: int) -> BitPlan:
        """The plan of a choice, with reasons."""
        layers = explained(choice, found.rows, self.files.sizes)
        return self._plan(found.method, budget, layers, "float by --scheme")

    def float_plan(self, method: str, budget: int, reason: str) -> BitPlan:
        """The plan that leaves every layer float."""
        return self._plan(method, budget, {}, reason)

    def draw_front(
        self,
        path: str | os.PathLike,
        found: Sensitivities,
        choice: Choice,
        budget: int,
        points: int,
    ) -> int:
        """Draws predicted and measured loss over size for other budgets; returns the points."""
        before = mean_loss(self._network, self._batches, self._loss)
        rest = choice.size - predicted_size(self.files.sizes, choice.bits, TABLES)

        def measured(bits: Mapping[str, int]) -> float:
            with replaced(self._network, chosen(self.candidates, bits)):
                return mean_loss(self._network, self._batches, self._loss) - before

        front = pareto_front(found.table, self.files.sizes, points, tied=self._tied, tables=TABLES)
        uniform = uniform_points(found.table, self.files.sizes, TABLES)
        lines = {
            name: [(p.size + rest, p.predicted, measured(p.bits)) for p in points]
            for name, points in (("mixed", front), ("uniform", uniform))
        }
        lines["chosen"] = [(choice.size, choice.loss, measured(choice.bits))]
        plot_front(path, f"{self.card.network}, {found.method}", lines, budget)
        return len(front)

    def _plan(
        self, method: str, budget: int, layers: Mapping[str, LayerPlan], otherwise: str
    ) -> BitPlan:
        rows = {}
        for layer in quantizable_layers(self._network):
            size = self.files.others.get(layer.name, 4 * layer.count_params())
            rows[layer.name] = layers.get(layer.name, LayerPlan(32, size, 0.0, otherwise))
        return BitPlan(self.card.network, method, budget, rows)

    @functools.cached_property
    def _smallest(self) -> dict[str, int]:
        return smallest(self.files.sizes, self._tied, TABLES)

    def _divergence(self) -> tuple[Method, dict[str, Any]]:
        inputs = [features for features, _ in self._batches]
        posteriors = speaker_posteriors(self._class_vectors)
        return Divergence(self._network, inputs, posteriors), self._crops_digest

    def _curvature(self) -> tuple[Method, dict[str, Any]]:
        options = {"vectors": self._settings.vectors, "seed": self._settings.seed}
        made = Curvature(self._network, self._batches, self._loss, **options)
        return made, self._crops_digest | {"margin": self._settings.margin}

    def _architecture(self, budget: int) -> tuple[Method, dict[str, Any]]:
        quantizers = candidate_quantizers(self._network, self._scheme, self._settings.widths)
        least = self._smallest
        rest = self.files.size(least) - predicted_size(self.files.sizes, least, TABLES)
        made = Architecture(
            self._network, quantizers, self._crops(), self._loss, self.files.sizes, budget - rest,
            tables=TABLES, settings=MixingSettings(steps=self._settings.steps),
        )  # fmt: skip
        data = {
            "manifest": sha256_of(self._manifest.path),
            "pipeline": dataclasses.asdict(self._settings.pipeline),
            "class_vectors": _digest([self._class_vectors]),
            "margin": self._settings.margin,
        }
        return made, data

    def _perturbation(self) -> tuple[Method, dict[str, Any]]:
        settings = self._settings
        beside = pathlib.Path(self._manifest.root) / "trials" / "dev.txt"
        listed = read_trials(settings.trials or beside)
        trials = some_trials(listed, settings.recordings, settings.seed)
        longest = round(settings.dev_seconds * soundfiles.SAMPLE_RATE)
        manifest = None if settings.root else self._manifest
        features = [
            self._front_end(soundfiles.read(path)[None, :longest])[0].numpy()
            for path in recording_paths(trials, settings.root, manifest)
        ]
        data = {"dev": _digest([trials.labels, trials.enrol, trials.test, *features])}
        return Perturbation(self._network, features, trials, settings.score), data

    def _crops(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features and labels as training has them, without end."""
        features_of = tf.function(self._front_end, autograph=False)
        train = self._manifest.split("train")
        for waveforms, labels in training_dataset(train, self._settings.pipeline):
            yield features_of(waveforms).numpy(), labels.numpy()

    @functools.cached_property
    def _batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(itertools.islice(self._crops(), self._settings.batches))

    @functools.cached_property
    def _class_vectors(self) -> np.ndarray:
        train = self._manifest.split("train")
        pipeline = self._settings.pipeline
        return class_vectors(self._model, self._network, self._front_end, train, pipeline)

    @property
    def _crops_digest(self) -> dict[str, str]:
        arrays = [self._class_vectors, *(part for batch in self._batches for part in batch)]
        return {"crops": _digest(arrays)}

    @functools.cached_property
    def _loss(self) -> Loss:
        head = AAMSoftmax(len(self._class_vectors))
        head.build([None, self._class_vectors.shape[1]])
        head.kernel.assign(self._class_vectors)
        margin = tf.constant(self._settings.margin, tf.float32)
        return lambda embeddings, labels: head(embeddings, labels, margin)[0]


def _digest(arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
