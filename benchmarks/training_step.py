"""A training step of the fit loop on made-up crops, for the benchmarks of training."""

import dataclasses
import time

import tensorflow as tf
import tf_keras as keras
from tfsv.training.losses import AAMSoftmax

from tfsv.errors import InputError
from tfsv.features import SAMPLE_RATE, LogMel
from tfsv.models import build_network
from tfsv.quantization.network import quantize, refresh_codebooks
from tfsv.quantization.schemes import Scheme
from tfsv.training.fit import OPTIMIZERS, FitSettings, _train_step
from tfsv.training.schedules import LearningRate, Margin

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
        raise InputError(f"--scheme={text}: expected a scheme, @ and bits, such as kmeans@4")
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
        head = AAMSoftmax(sizes.classes)
        head.build(self.network.output_shape)
        settings = FitSettings(1, LearningRate(_RATE, _RATE, 1), Margin(_MARGIN))
        optimizer = OPTIMIZERS[settings.optimizer](settings.weight_decay)
        optimizer.build(self.network.trainable_variables + head.trainable_variables)
        optimizer.learning_rate.assign(_RATE)
        self._step = _train_step(
            self.network, head, LogMel(), optimizer, settings, tf.distribute.get_strategy()
        )
        samples = round(sizes.crop_seconds * SAMPLE_RATE)
        self._waveforms = 0.1 * tf.random.stateless_normal([sizes.batch_size, samples], [0, 0])
        self._labels = tf.range(sizes.batch_size) % sizes.classes

    def __call__(self) -> float:
        """Takes a step; returns its loss."""
        loss, _ = self._step(self._waveforms, self._labels, _MARGIN, 0)
        return float(loss)

    def refresh(self) -> None:
        """Fits the codebooks to the weights as they are now, from where they were."""
        refresh_codebooks(self.network)
