"""Speech as the data of a run: crops, speakers to tell apart, trials to measure with."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv import folders
from tfsv.audio.augment import spec_augment
from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline import class_count, steps_per_epoch, training_dataset
from tfsv.audio.voices import named_corpus
from tfsv.card import ModelCard
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.front_ends import front_end_layer
from tfsv.report import Report
from tfsv.settings import named_settings
from tfsv.tasks.task import Measured, PlainModel, TaskData
from tfsv.tasks.teachers import Teacher, read_projection, save_projection
from tfsv.training.distillation import RecordedTeacher, TaughtSpeakers
from tfsv.training.objective import Objective
from tfsv.training.objectives import OBJECTIVES
from tfsv.training.schedules import Margin
from tfsv.verification.class_vectors import class_vectors, save_class_vectors
from tfsv.verification.evaluation import evaluate_trials, speaker_report, weights_file
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import front_end_of, speaker_figures
from tfsv.verification.posteriors import speaker_posteriors
from tfsv.verification.recordings import listed, recording_paths
from tfsv.verification.scoring import trial_scores
from tfsv.verification.settings import SpeakerObjective, SpeechData
from tfsv.verification.trial_features import TrialFeatures
from tfsv.verification.trials import Trials, read_trials

_REPLICATES = 1000  # draws of the bootstrap in a study


class SpeechTraining(TaskData):
    """The `TaskData` of speaker verification.

    Example:
        >>> data = SpeechTraining(SpeechData(corpus="manifest.tsv"), SpeakerObjective())
        >>> crops, classes = next(iter(data.dataset(0)))

    Args:
        data: Settings of the corpus, the trials and the pipeline.
        objective: Settings of what is learned from the training speakers.

    Raises:
        InputError: The corpus cannot be read.
    """

    unit = "crops"

    def __init__(self, data: SpeechData, objective: SpeakerObjective):
        self.settings = data
        self._objective = objective
        self.manifest = named_corpus(
            data.corpus, speakers=data.speakers, utterances=data.utterances
        )
        self.seed = data.pipeline.seed
        self._teacher: Teacher | None = None
        self._lists: dict[str, tuple[Trials, list[str]]] = {}

    @functools.cached_property
    def train(self) -> Manifest:
        """The train split."""
        return self.manifest.split("train")

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches that hold each utterance of the train split once at every speed."""
        return steps_per_epoch(self.train, self.settings.pipeline)

    def trials_file(self, split: str) -> pathlib.Path:
        """File of the trial list of "dev" or "test"."""
        given = getattr(self.settings, f"{split}_trials")
        return pathlib.Path(given or pathlib.Path(self.manifest.root) / "trials" / f"{split}.txt")

    def files(self) -> Mapping[str, str | pathlib.Path]:
        """The manifest and the trial lists, whose recordings and speakers are checked first."""
        files: dict[str, str | pathlib.Path] = {"manifest": self.manifest.path}
        for split in ("dev", "test"):
            files[f"{split}_trials"] = self.trials_file(split)
            trials, paths = self._listed(split)
            _check_trials(trials, paths, self.manifest, self.train)
            if trials.enrolment_list is not None:
                files[f"{split}_enrolments"] = trials.enrolment_list.path
        if self._objective.teacher is not None:
            files["teacher"] = weights_file(located(self._objective.teacher))
        return files

    def identity(self) -> Mapping[str, Any]:
        """The manifest and how crops are made of it."""
        pipeline = dataclasses.asdict(self.settings.pipeline)
        return {"manifest": sha256_of(self.manifest.path), "pipeline": pipeline}

    def trained_on(self) -> str:
        """Names of the corpora and their sizes, not where they lie on this machine."""
        named = {u.extra["corpus"] for u in self.train if u.extra.get("corpus")}
        corpora = ", ".join(sorted(named)) or pathlib.Path(self.manifest.path).stem
        recordings = {(u.path, u.channel) for u in self.train}
        return f"{corpora}: {len(self.train.speakers)} speakers, {len(recordings)} utterances"

    def folder(self) -> pathlib.Path:
        """Folder of the manifest."""
        return pathlib.Path(self.manifest.root)

    def prepare(self, folder: pathlib.Path) -> None:
        """Lets the teacher, if there is one, embed the train split.

        Without this call, as in studies, training learns from labels only.
        """
        if self._objective.teacher is not None and self._teacher is None:
            self._teacher = Teacher(
                self._objective.teacher,
                self.train,
                folder / folders.TEACHER,
                self.settings.pipeline.speed_factors,
            )

    def dataset(self, first_step: int) -> tf.data.Dataset:
        """Endless batches of crops, float32 `[batch, samples]`, and classes, int32 `[batch]`.

        With a teacher the classes become the pair (classes, the teacher's embeddings).
        """
        vectors = self._teacher.vectors if self._teacher else None
        return training_dataset(self.train, self.settings.pipeline, first_step, vectors=vectors)

    def features_of(self, card: ModelCard) -> Callable[[Any], Any]:
        """The front end of a card, as quick as it can be."""
        return front_end_layer(front_end_of(card), training=True)

    def masks(self, seed: int) -> Callable[[Any, tf.Tensor], Any]:
        """SpecAugment, where the settings ask for it."""
        if not self.settings.spec_augment:
            return super().masks(seed)

        def masked(features: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return spec_augment(features, tf.stack([seed, step * 1024 + replica]))

        return masked

    def objective(self, network: keras.Model, steps: int) -> Objective:
        """The objective that the settings name, its margin on schedule."""
        settings = self._objective
        start, end = (round(part * steps) for part in (settings.margin_start, settings.margin_end))
        return self._made_objective(network, Margin(settings.margin, start, end))

    def further_objective(
        self, network: keras.Model, parent: PlainModel, steps: int = 0
    ) -> Objective:
        """The objective with the parent's class vectors, or mean embeddings in their place."""
        objective = self.objective(network, steps)
        vectors = class_vectors(
            parent.folder,
            parent.network,
            self.features_of(parent.card),
            self.train,
            self.settings.pipeline,
        )
        objective.kernel.assign(vectors)
        if isinstance(objective, TaughtSpeakers):
            read_projection(parent.folder, objective.teacher)
        return objective

    def save_objective(self, folder: pathlib.Path, objective: Objective) -> None:
        """Keeps the class vectors, and the projection to the teacher's embeddings if any."""
        vectors = objective.kernel.numpy()
        save_class_vectors(folder, vectors, self.train, self.settings.pipeline)
        if isinstance(objective, TaughtSpeakers):
            save_projection(folder, objective.teacher)

    def log_probabilities(self, objective: Objective) -> Callable[[Any], tf.Tensor]:
        """Log posteriors of the training speakers, as `speaker_posteriors` gives them."""
        return speaker_posteriors(objective.kernel.numpy())

    def measure(self, model: PlainModel) -> Measured:
        """EER and minDCF on the test trials, thresholds from the dev trials."""
        embedder = KerasEmbedder(model.network, model.card)
        dev, test = (self._evaluated(embedder, model.folder, split) for split in ("dev", "test"))
        report = test.with_details(dev_eer=dev["eer"].value)
        return Measured(report, {"thresholds": dev.details["thresholds"]})

    def for_card(self, report: Report) -> dict[str, float]:
        """EER and minDCF at a target prior of 0.01."""
        return speaker_figures(report)

    def measurer(self, card: ModelCard, folder: pathlib.Path) -> Callable[[Any], Report]:
        """Holds the features of the test trials; intervals are over speakers where known."""
        (trials, paths), manifest = self._listed("test"), self._manifest_of("test")
        features = TrialFeatures(paths, self.features_of(card))

        def report(network: keras.Model) -> Report:
            scores = trial_scores(features.embed(network), trials)
            return speaker_report(scores, trials, manifest, _REPLICATES)

        return report

    def dev_trials(
        self, trials: str | None = None, root: str | None = None
    ) -> tuple[Trials, Manifest | None, str | None]:
        """Development trials, for methods that measure with them.

        Args:
            trials: File of the trials. None: the list of the settings.
            root: Folder of the trials' recordings. None: the folder of the settings, or the
                manifest.

        Returns:
            The list, and the manifest or else the folder that tells where its recordings are.
        """
        root = root or self._root("dev")
        found = read_trials(trials or self.trials_file("dev"))
        return found, None if root else self.manifest, root

    def _made_objective(self, network: keras.Model, margin: Margin) -> Objective:
        name, settings = named_settings(self._objective.objective)
        kind = OBJECTIVES.named(name)
        try:
            values = {key: float(value) for key, value in settings.items()}
            objective = kind(
                class_count(self.train, self.settings.pipeline), margin=margin, **values
            )
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"objective={self._objective.objective}: has no such setting ({error})"
            ) from error
        if self._teacher:
            teacher = RecordedTeacher(
                self._teacher.size,
                self._objective.teacher_weight,
                self._objective.relation_weight,
                self._teacher.baseline,
            )
            objective = TaughtSpeakers(objective, teacher)
        objective.build(network.output_shape)
        return objective

    def _root(self, split: str) -> str | None:
        return getattr(self.settings, f"{split}_root")

    def _manifest_of(self, split: str) -> Manifest | None:
        """The manifest that has the recordings of a trial list; None where a folder has them."""
        return None if self._root(split) else self.manifest

    def _listed(self, split: str) -> tuple[Trials, list[str]]:
        """A trial list, and the paths of its recordings, read once."""
        if split not in self._lists:
            trials = read_trials(self.trials_file(split))
            paths = recording_paths(trials, self._root(split), self._manifest_of(split))
            self._lists[split] = trials, paths
        return self._lists[split]

    def _evaluated(self, embedder: KerasEmbedder, folder: pathlib.Path, split: str) -> Report:
        trials, paths = self._listed(split)
        return evaluate_trials(
            embedder, trials, manifest=self._manifest_of(split), trial_list=trials.source,
            model=folder, paths=paths,
        )  # fmt: skip


def _check_trials(
    trials: Trials, paths: Sequence[str], manifest: Manifest, train: Manifest
) -> None:
    """Finds before the training what would spoil the evaluation after it."""
    if set(trials.labels.tolist()) != {0, 1}:
        raise InputError(f"{trials.source}: needs target and non-target trials, labelled 1 and 0")
    trained = set(train.speakers)
    utterances = (utterance for utterance in manifest if utterance.speaker in trained)
    if heard := listed(utterances, manifest, trials, paths):
        raise InputError(
            f"{trials.source}: speaker {heard.speaker} is in the train split; hold speakers out"
        )
