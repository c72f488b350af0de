"""Mixtures of talkers in rooms as the data of a run."""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras
from absl import logging

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.manifest import read_manifest
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.report import Report
from tfsv.separation.batches import mixture_batches
from tfsv.separation.evaluation import (
    Measures,
    Scored,
    Separate,
    score_mixtures,
    separation_report,
)
from tfsv.separation.frames import HOP, frames_of
from tfsv.separation.measured_mixtures import measured_mixtures
from tfsv.separation.mixture_settings import SeparationData, SeparationObjective
from tfsv.separation.model_card import array_of, separator_card, separator_of
from tfsv.separation.pasts import block_dilations
from tfsv.separation.recognition import Recogniser
from tfsv.separation.response_bank import CARD, ResponseBank
from tfsv.separation.si_snr_loss import SeparationLoss
from tfsv.separation.talkers import Talkers
from tfsv.separation.tcn import hidden_network
from tfsv.separation.transcripts import read_transcripts, sentences_of
from tfsv.tasks.separating import front_end_of, separator
from tfsv.tasks.task import Measured, PlainModel, TaskData
from tfsv.training.objective import Objective

_TRAIN = "train"


class SeparationTraining(TaskData):
    """The `TaskData` of separation.

    Example:
        >>> data = SeparationTraining(SeparationData("manifest.tsv"), SeparationObjective())
        >>> (heard, angles), wanted = next(iter(data.dataset(0)))

    Args:
        data: Settings of talkers, rooms and mixtures.
        objective: Settings of the loss.

    Raises:
        InputError: The manifest or a bank cannot be read, talkers of the test split train too, or
            both banks are of one seed.
    """

    unit = "mixtures"

    def __init__(self, data: SeparationData, objective: SeparationObjective):
        self.settings = data
        self._objective = objective
        self.manifest = read_manifest(data.corpus)
        self.seed = data.mixtures.seed
        self.bank = ResponseBank(data.bank)
        self.test_bank = ResponseBank(data.test_bank, self.bank.array)
        if self.bank.settings.seed == self.test_bank.settings.seed:
            raise InputError(
                f"test_bank={data.test_bank}: has the seed of {data.bank}, so the same rooms; make "
                "one with another seed"
            )
        train, test = self.manifest.split(_TRAIN), self.manifest.split(data.test_split)
        if both := sorted(set(train.speakers) & set(test.speakers)):
            raise InputError(
                f"{data.corpus}: {both[0]} talks in {_TRAIN} and in {data.test_split}; hold talkers"
                " out"
            )

    @functools.cached_property
    def talkers(self) -> Talkers:
        """The talkers of the train split."""
        return Talkers(self.manifest.split(_TRAIN))

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches that hold as much sound as the train split has speech."""
        seconds = sum(utterance.seconds for utterance in self.manifest.split(_TRAIN))
        mixtures = self.settings.mixtures
        return math.ceil(seconds / (mixtures.crop_seconds * mixtures.batch_size))

    def files(self) -> Mapping[str, str | pathlib.Path]:
        """The manifest, both banks' cards and the transcripts."""
        files = {
            "manifest": self.manifest.path,
            "bank": self.bank.path / CARD,
            "test_bank": self.test_bank.path / CARD,
        }
        if self.settings.transcripts is not None:
            files["transcripts"] = self.settings.transcripts
        return files

    def identity(self) -> Mapping[str, Any]:
        """The manifest, the bank and how mixtures are drawn of them."""
        return {
            "manifest": sha256_of(self.manifest.path),
            "bank": sha256_of(self.bank.path / CARD),
            "mixtures": dataclasses.asdict(self.settings.mixtures),
        }

    def completed(self, card: ModelCard) -> ModelCard:
        """The card with the array of the rooms; a warning where crops are too short to learn from.

        What stands farther before a frame than a crop is long was never heard in training. Kernels
        of a block that reaches there keep random weights, which whole recordings meet.
        """
        settings = separator_of(card)
        heard = frames_of(self.settings.mixtures.crop_samples)
        reach = max(block_dilations(settings).values()) * (2 if settings.causal else 1)
        if reach >= heard:
            logging.warning(
                "blocks=%d: the last ones reach %.1f s, and crops have %.1f s; their kernels learn "
                "nothing of that; take fewer blocks or longer crops",
                settings.blocks, reach * HOP / SAMPLE_RATE, self.settings.mixtures.crop_seconds,
            )  # fmt: skip
        return separator_card(settings, self.bank.array)

    def trained_on(self) -> str:
        """Names of the corpora, their sizes, the number of rooms, and what is wanted."""
        train = self.manifest.split(_TRAIN)
        named = {u.extra["corpus"] for u in train if u.extra.get("corpus")}
        corpora = ", ".join(sorted(named)) or pathlib.Path(self.manifest.path).stem
        hours = sum(utterance.seconds for utterance in train) / 3600
        return (
            f"mixtures of {len(train.speakers)} talkers ({corpora}: {hours:.1f} h) in "
            f"{len(self.bank.rooms)} rooms; target: {self.settings.mixtures.wanted}"
        )

    def folder(self) -> pathlib.Path:
        """Folder of the manifest."""
        return self.manifest.root

    def dataset(self, first_step: int) -> tf.data.Dataset:
        """Endless batches as `mixture_batches` gives them."""
        return mixture_batches(self.talkers, self.bank, self.settings.mixtures, first_step)

    def features_of(self, card: ModelCard) -> Callable[[Any], Any]:
        """The front end of a card, whose array is that of the rooms."""
        if array_of(card) != self.bank.array:
            raise InputError(
                f"{self.bank.path}: was made for another array than the model hears with; make "
                "rooms for the model's, or train a new one"
            )
        return front_end_of(card)

    def objective(self, network: keras.Model, steps: int) -> Objective:
        """The loss that the settings describe; it has no schedule."""
        return SeparationLoss(self._objective.level_factor, self._objective.silence_db)

    def compared_network(self, network: keras.Model) -> keras.Model:
        """The layers up to the last block's output, as in paper 4."""
        return hidden_network(network)

    def measure(self, model: PlainModel) -> Measured:
        """SI-SNR, its gain and more of the test mixtures."""
        return Measured(self.measurer(model.card, model.folder)(model.network))

    def measurer(self, card: ModelCard, folder: pathlib.Path) -> Callable[[Any], Report]:
        """Measures networks on the same mixtures, which are made anew for each."""
        front_end = front_end_of(card)
        return lambda network: separation_report(self.scored(separator(network, front_end)))

    def scored(self, separate: Separate) -> list[Scored]:
        """What is measured of each test mixture that a system has separated.

        Args:
            separate: Function from what is heard and an angle to sound.
        """
        mixtures, count = self._test_mixtures, self.settings.test_mixtures
        return score_mixtures(separate, mixtures(), self._measures, 4 * count)

    @functools.cached_property
    def _measures(self) -> Measures:
        recogniser = None
        if self.settings.transcripts is not None:
            told = read_transcripts(self.settings.transcripts)
            recogniser = Recogniser(sentences_of(told, _TRAIN))
        return Measures(self.settings.perceptual, recogniser)

    @functools.cached_property
    def _test_talkers(self) -> Talkers:
        return Talkers(self.manifest.split(self.settings.test_split))

    def _test_mixtures(self):
        told = self.settings.transcripts
        return measured_mixtures(
            self._test_talkers, self.test_bank, self.settings.mixtures,
            self.settings.test_mixtures, read_transcripts(told) if told else (),
        )  # fmt: skip
