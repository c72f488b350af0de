"""Speech of nobody knows whom, as the data of a further training that only a parent teaches."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.audio.channels import OneChannel
from tfsv.audio.crops import tell_passed_over
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.pipeline import steps_per_epoch, training_dataset
from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.audio.soundfiles import sound_info
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.front_ends import front_end_layer
from tfsv.report import Report
from tfsv.tasks.task import Measured, PlainModel, TaskData
from tfsv.training.objective import Objective
from tfsv.verification.model_card import front_end_of

_ANY_LENGTH = 1e6  # seconds
_NOBODY = "unknown"  # the speaker of every recording


class UnlabelledSpeech(TaskData):
    """Crops of recordings without speakers, for `FurtherTraining` with a parent as the teacher.

    Example:
        >>> data = UnlabelledSpeech(["a.wav", "b.flac"], [3.1, 60.0], PipelineSettings())
        >>> crops, _ = next(iter(data.dataset(0)))

    Args:
        paths: Sound files, or channels of them (`OneChannel`).
        seconds: Duration of each file.
        pipeline: How crops are made of them. Its speeds and its `visit_seconds` hold too.
    """

    unit = "crops"

    def __init__(
        self,
        paths: Sequence[str | os.PathLike],
        seconds: Sequence[float],
        pipeline: PipelineSettings,
    ):
        self.pipeline = pipeline
        self.seed = pipeline.seed
        self._manifest = Manifest(
            pathlib.Path("recordings"),
            [
                _row(number, path, duration)
                for number, (path, duration) in enumerate(zip(paths, seconds, strict=True))
            ],
        )

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches that hold each recording once, or as often as its length asks."""
        return steps_per_epoch(self._manifest, self.pipeline)

    def identity(self) -> Mapping[str, Any]:
        """The recordings with the hashes of their files, and how crops are made of them.

        The first call reads every file once, whole and in blocks, and keeps the hashes. That is
        what it costs with hundreds of thousands of files too. Size and date would cost less, but
        a copied folder has other dates, and a changed file may have the same.

        Raises:
            InputError: A file cannot be read any more.
        """
        return {
            "recordings": [
                [u.path, u.channel, u.seconds, self._hashes[u.path]] for u in self._manifest
            ],
            "pipeline": dataclasses.asdict(self.pipeline),
        }

    @functools.cached_property
    def _hashes(self) -> dict[str, str]:
        """The sha256 of each file, by path; several channels of a file are hashed once."""
        files = {u.path: self._manifest.absolute(u) for u in self._manifest}
        bar = tqdm(files.items(), desc="hashing", unit="file", dynamic_ncols=True)
        return {path: sha256_of(file) for path, file in bar}

    def dataset(self, first_step: int) -> tf.data.Dataset:
        """Endless batches of crops, float32 `[batch, samples]`, and zeros, int32 `[batch]`."""
        return training_dataset(self._manifest, self.pipeline, first_step)

    def features_of(self, card: ModelCard) -> Callable[[Any], Any]:
        """The front end of a card, as quick as it can be."""
        return front_end_layer(front_end_of(card), training=True)

    def objective(self, network: keras.Model, steps: int) -> Objective:
        """There is none: nobody knows who speaks."""
        raise NotImplementedError("recordings without labels have no objective of their own")

    def further_objective(self, network: keras.Model, parent: PlainModel, steps: int = 0) -> None:
        """Nothing but the parent's teaching."""
        return

    def measure(self, model: PlainModel) -> Measured:
        """An empty report, since without labels nothing can be measured."""
        return Measured(Report("", ()))


def usable(
    recordings: Sequence[str | os.PathLike],
) -> tuple[list[str | os.PathLike], list[float]]:
    """The recordings that can be used, and their durations in seconds. The log names the others.

    Example:
        >>> usable(["a.wav", "notes.txt"])
        (['a.wav'], [3.1])

    Raises:
        InputError: None can be used; the message has the reason of the first one.
    """
    paths, seconds, skipped = [], [], []
    for path in tqdm(recordings, desc="checking", unit="file", dynamic_ncols=True):
        try:
            seconds.append(sound_info(path, maximum_seconds=_ANY_LENGTH).seconds)
            paths.append(path)
        except InputError as error:
            skipped.append(str(error))
    tell_passed_over(skipped, len(recordings), paths)
    return paths, seconds


def _row(number: int, path: str | os.PathLike, seconds: float) -> Utterance:
    channel = path.channel if isinstance(path, OneChannel) else None
    extra = {"channel": str(channel)} if channel else {}
    return Utterance(str(number), _NOBODY, _NOBODY, str(path), seconds, "train", extra)
