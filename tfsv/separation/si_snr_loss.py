"""The objective of separation: SI-SNR with its level fixed, and quiet where nobody speaks."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.separation.front_end import sound_of
from tfsv.training.objective import Objective

SILENCE_DB = -50.0
"""Level of a target, dB of full scale, below which it counts as silent."""

_CEILING_DB = 30.0
_LEVEL_FACTOR = 0.1
_NOTHING = 1e-12  # mean square that no sound falls below, -120 dB of full scale
_QUIET = 1e-6  # mean square below which an output that should be silent gains nothing


def si_snr_losses(
    estimates: tf.Tensor,
    targets: tf.Tensor,
    *,
    level_factor: float = _LEVEL_FACTOR,
    silence_db: float = SILENCE_DB,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Losses of waveforms, in dB.

    Let p be the part of an estimate along its target, and n the rest, both without their means. The
    SI-SNR is 10 lg(|p|² / |n|²). Its negative is the loss of paper 4. The rest is our choice:

    * 10 lg(|p|² / (|n|² + |p|² / 1000)) stands for the SI-SNR. So it ends at 30 dB, and examples
      that are near it count for little.
    * SI-SNR leaves the level open. `level_factor` times the error of the level, in dB, fixes it.
    * A target below `silence_db` has no SI-SNR. Its loss is 30 + 10 lg of the output's mean square
      and 1e-6, which ends at -30 as well.

    Example:
        >>> sound = tf.sin(tf.range(16000.0))[tf.newaxis]
        >>> losses, values = si_snr_losses(sound, sound)
        >>> round(float(losses[0]), 3)
        -30.0

    Args:
        estimates: Waveforms, float32 `[batch, samples]`.
        targets: Waveforms that are wanted, float32 `[batch, samples]`.
        level_factor: Factor on the absolute difference of the levels in dB.
        silence_db: Level below which a target is silent, dB of full scale.

    Returns:
        The losses, float32 `[batch]`, and named values, float32 `[batch]`, whose means over the
        batch mean something: "si_snr", dB, and "level_error", dB, over the examples that are not
        silent, and "silent", 1 where the target is.
    """
    power = _mean_square(targets)
    silent = tf.cast(power < 10 ** (silence_db / 10), tf.float32)
    snr = _bounded_si_snr(estimates, targets)
    level = tf.abs(_db(_mean_square(estimates) + _NOTHING) - _db(power + _NOTHING))
    quiet = _CEILING_DB + _db(_mean_square(estimates) + _QUIET)
    losses = (1.0 - silent) * (level_factor * level - snr) + silent * quiet
    share = tf.math.divide_no_nan(1.0 - silent, tf.reduce_mean(1.0 - silent))
    return losses, {"si_snr": share * snr, "level_error": share * level, "silent": silent}


@keras.utils.register_keras_serializable("tfsv")
class SeparationLoss(Objective):
    """`si_snr_losses` of the waveforms that a separator's spectra have.

    Example:
        >>> losses, values = SeparationLoss()(network(inputs), targets, tf.constant(0))

    Args:
        level_factor: Factor on the absolute difference of the levels in dB.
        silence_db: Level below which a target is silent, dB of full scale.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(
        self, level_factor: float = _LEVEL_FACTOR, silence_db: float = SILENCE_DB, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.level_factor = level_factor
        self.silence_db = silence_db

    def call(
        self, outputs: tf.Tensor, targets: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the losses of a batch.

        Args:
            outputs: Spectra, float32 `[batch, frames, 2, 257]`, real and imaginary part.
            targets: Waveforms, float32 `[batch, samples]`, of which `Spectra` has as many frames.
            step: Number of the step, which decides nothing.

        Returns:
            Losses and named values, as `si_snr_losses` gives them.
        """
        return si_snr_losses(
            sound_of(outputs, tf.shape(targets)[1]),
            targets,
            level_factor=self.level_factor,
            silence_db=self.silence_db,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        own = {"level_factor": self.level_factor, "silence_db": self.silence_db}
        return super().get_config() | own


def _bounded_si_snr(estimates: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    estimates = estimates - tf.reduce_mean(estimates, axis=1, keepdims=True)
    targets = targets - tf.reduce_mean(targets, axis=1, keepdims=True)
    across = tf.reduce_mean(estimates * targets, axis=1, keepdims=True)
    factor = across / (tf.reduce_mean(tf.square(targets), axis=1, keepdims=True) + _NOTHING)
    along = factor * targets
    wanted, rest = _mean_square(along), _mean_square(estimates - along)
    least = 10 ** (-_CEILING_DB / 10)
    return _db(wanted + _NOTHING) - _db(rest + least * wanted + _NOTHING)


def _mean_square(waveforms: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(waveforms), axis=1)


def _db(power: tf.Tensor) -> tf.Tensor:
    return np.float32(10 / np.log(10)) * tf.math.log(power)
