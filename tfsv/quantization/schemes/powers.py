"""Powers of two and sums of them, on normalised weights with learned clipping (paper 2)."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.scale import best_scale
from tfsv.quantization.schemes.base import KernelQuantizer, mean, shared
from tfsv.quantization.schemes.levels import additive_power_levels, power_levels
from tfsv.quantization.schemes.registry import SCHEMES
from tfsv.quantization.schemes.scaled import nearest_scaled, scaled_codebook


class _NormalisedQuantizer(KernelQuantizer):
    """Levels times a learned clipping threshold, on (weights - mean) / deviation.

    Mean and deviation are those of the layer's latent weights in every step, without gradient. The
    public code of APoT goes on with the normalised weights, since batch normalisation takes out
    their scale. We map the levels back by deviation and mean. A layer may have no batch
    normalisation behind it, and a network must work before it is fine-tuned. For the same reason
    the threshold (in deviations) starts at the least squared error, not at a constant. Its gradient
    is that of `nearest_scaled`. All latent weights get the straight-through one, clipped ones too.

    Args:
        bits: Width of a code, one of `widths`.
    """

    _make_levels: ClassVar[Callable[[int], np.ndarray]]

    def __init__(self, bits: int):
        super().__init__(bits)
        self._levels = type(self)._make_levels(bits)

    def variables(self, shape):
        return {"clip": ([], True)}

    def codebook(self, latent, weights):
        centre, deviation = _moments(latent)
        return scaled_codebook(self._levels, deviation * tf.abs(weights["clip"]), centre)

    def forward(self, latent, weights, training):
        centre, deviation = _moments(tf.stop_gradient(latent))
        clip = deviation * shared(tf.abs(weights["clip"]), latent.shape.num_elements())
        return nearest_scaled(latent, tf.constant(self._levels), clip, centre, clip_gradient=False)

    def fit(self, latent, weights, active):
        if active:
            return
        latent = np.asarray(latent, np.float64)
        deviation = latent.std()
        normalised = (latent - latent.mean()) / deviation if deviation else latent * 0
        weights["clip"].assign(best_scale(normalised, self._levels))


@SCHEMES.register("pot")
@keras.utils.register_keras_serializable("tfsv")
class PowersOfTwoQuantizer(_NormalisedQuantizer):
    """Levels that are powers of two (`power_levels`), on normalised weights.

    Example:
        >>> quantized = quantize(network, 4, "pot")

    Args:
        bits: Width of a code, 2 to 7.
    """

    widths: ClassVar = tuple(range(2, 8))
    _make_levels = staticmethod(power_levels)


@SCHEMES.register("apot")
@keras.utils.register_keras_serializable("tfsv")
class AdditivePowersOfTwoQuantizer(_NormalisedQuantizer):
    """Levels that are sums of powers of two (`additive_power_levels`), on normalised weights.

    Example:
        >>> quantized = quantize(network, 4, "apot")

    Args:
        bits: Width of a code, 2 to 8.
    """

    widths: ClassVar = tuple(range(2, 9))
    _make_levels = staticmethod(additive_power_levels)


def _moments(latent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation, float32 scalars."""
    centre = mean(latent)
    return centre, tf.sqrt(mean(tf.square(latent - centre)))
