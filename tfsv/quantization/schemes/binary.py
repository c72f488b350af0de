"""1-bit codebooks of a layer, static and adaptive (paper 1)."""

from typing import ClassVar

import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.schemes.base import (
    KernelQuantizer,
    mean,
    nearest_centroid,
    nearest_learned,
    shared,
    straight_through,
)
from tfsv.quantization.schemes.registry import SCHEMES


def binary_codebook(weights: tf.Tensor) -> tf.Tensor:
    """[m - a, m + a] with m the mean of the weights and a = mean |weights - m|, float32 `[2]`.

    Given m as the boundary and the middle, a is the least-squares distance.

    Example:
        >>> binary_codebook(tf.constant([-1.0, 0.0, 1.0, 2.0])).numpy()
        array([-0.5,  1.5], dtype=float32)
    """
    middle, distance = _middle_and_distance(weights)
    return tf.stack([middle - distance, middle + distance])


@SCHEMES.register("static_binary")
@keras.utils.register_keras_serializable("tfsv")
class StaticBinaryQuantizer(KernelQuantizer):
    """m + a · sign(w - m), with m and a in closed form from the latent weights in every step.

    Paper 1's formula could not be read. This is the closed form that its name and citations
    suggest. The gradient is straight-through, not clipped.

    Example:
        >>> quantized = quantize(network, 1, "static_binary")

    Args:
        bits: Width of a code, which is 1.
    """

    widths: ClassVar = (1,)

    def __init__(self, bits: int = 1):
        super().__init__(bits)

    def variables(self, shape):
        return {}

    def codebook(self, latent, weights):
        return binary_codebook(latent)

    def forward(self, latent, weights, training):
        return straight_through(latent, nearest_centroid(latent, binary_codebook(latent)))


@SCHEMES.register("adaptive_binary")
@keras.utils.register_keras_serializable("tfsv")
class AdaptiveBinaryQuantizer(KernelQuantizer):
    """b + a · sign(w - b), with a and b trained from the static values on.

    Paper 1's formula could not be read. This is our reading of its name. Let g be the gradient of a
    weight. Then a gets Σ g · sign(w - b) and b gets Σ g, both divided by the root of the number of
    weights (see `shared`). The latent weights get g.

    Example:
        >>> quantized = quantize(network, 1, "adaptive_binary")

    Args:
        bits: Width of a code, which is 1.
    """

    widths: ClassVar = (1,)
    keeps_codebook = free_centroids = True

    def __init__(self, bits: int = 1):
        super().__init__(bits)

    def variables(self, shape):
        return {"scale": ([], True), "offset": ([], True)}

    def codebook(self, latent, weights):
        scale = tf.abs(weights["scale"])
        return tf.stack([weights["offset"] - scale, weights["offset"] + scale])

    def forward(self, latent, weights, training):
        members = latent.shape.num_elements()
        weights = {key: shared(weights[key], members) for key in ("scale", "offset")}
        return nearest_learned(latent, self.codebook(latent, weights))

    def fit(self, latent, weights, active):
        if not active:
            middle, distance = _middle_and_distance(tf.constant(latent))
            weights["offset"].assign(middle)
            weights["scale"].assign(distance)

    def set_codebook(self, codebook, weights):
        low, high = codebook[0], codebook[-1]
        weights["offset"].assign((low + high) / 2)
        weights["scale"].assign((high - low) / 2)


def _middle_and_distance(weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    middle = mean(weights)
    return middle, mean(tf.abs(weights - middle))
