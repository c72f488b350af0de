"""A training step of the fit loop on made-up crops, for the benchmarks of training."""

import dataclasses
import time

import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.features import SAMPLE_RATE, LogMel
from tfsv.models import build_network
from tfsv.quantization.network import quantize, refresh_codebooks
from tfsv.quantization.schemes import Scheme
from tfsv.training import loop
from tfsv.training.objectives.aam_softmax import AAMSoftmax
from tfsv.training.schedules import LearningRate

FLOAT = "float"
_RATE, _MARGIN = 1e-3, 0.2


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What the step works on.

    Attributes:
        network: One of `tfsv.models.NETWORKS`.
        channels: Its width.
        batch_size: Crops of a step.
        crop_seconds: Length of a crop.
        classes: Speakers.
    """

    network: str
    channels: int
    batch_size: int
    crop_seconds: float
    classes: int


def parse(text: str) -> tuple[Scheme, int]:
    """The scheme and the bits that "kmeans@4" names.

    Raises:
        InputError: The scheme is unknown or has not so many bits.
    """
    name, _, bits = text.rpartition("@")
    if not bits.isdigit():
        raise InputError(f"scheme={text}: expected a scheme, @ and bits, such as kmeans@4")
    scheme = Scheme.parse(name)
    scheme.check_bits(int(bits))
    return scheme, int(bits)


class TrainingStep:
    """One network with what trains it; called, it takes a step.

    Attributes:
        network: The network, quantized and with fitted codebooks unless it is the float one's.
        fit_seconds: How long the first fit of all codebooks took; 0 for the float network.
    """

    network: keras.Model
    fit_seconds: float

    def __init__(self, scheme: str, sizes: Sizes):
        """Builds all of it.

        Args:
            scheme: `FLOAT`, or a scheme and its bits: "kmeans@4".
            sizes: What it works on. The same sizes give the same weights and crops.

        Raises:
            InputError: See `parse`.
        """
        keras.utils.set_random_seed(0)
        self.network = build_network(sizes.network, channels=sizes.channels)
        self.fit_seconds = 0.0
        if scheme != FLOAT:
            parsed, bits = parse(scheme)
            self.network = quantize(self.network, bits, parsed)
            start = time.perf_counter()
            refresh_codebooks(self.network)
            self.fit_seconds = time.perf_counter() - start
        objective = AAMSoftmax(sizes.classes, _MARGIN)
        objective.build(self.network.output_shape)
        settings = loop.FitSettings(1, LearningRate(_RATE, _RATE, 1))
        front_end = LogMel()
        self._step = loop.TrainingStep(
            self.network, objective, settings, inputs_of=lambda crops, step: front_end(crops)
        )
        samples = round(sizes.crop_seconds * SAMPLE_RATE)
        self._waveforms = 0.1 * tf.random.stateless_normal([sizes.batch_size, samples], [0, 0])
        self._labels = tf.range(sizes.batch_size) % sizes.classes

    def __call__(self) -> float:
        """Takes a step; returns its loss."""
        return self._step(self._waveforms, self._labels, 0, _RATE)["loss"]

    def refresh(self) -> None:
        """Fits the codebooks to the weights as they are now, from where they were."""
        refresh_codebooks(self.network)
