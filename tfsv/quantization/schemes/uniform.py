"""Uniform symmetric levels (papers 2 and 4)."""

from typing import ClassVar

import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.scale import best_scale
from tfsv.quantization.schemes.base import (
    KernelQuantizer,
    nearest_centroid,
    shared,
    straight_through,
)
from tfsv.quantization.schemes.levels import uniform_levels
from tfsv.quantization.schemes.registry import SCHEMES
from tfsv.quantization.schemes.scaled import nearest_scaled, scaled_codebook


@SCHEMES.register("uniform")
@keras.utils.register_keras_serializable("tfsv")
class UniformQuantizer(KernelQuantizer):
    """{0, ±a, …, ±a(2^(bits-1) - 1)} with one scale a for the layer; {-a, a} for 1 bit.

    Example:
        >>> quantized = quantize(network, 4, "uniform", scale="max")

    Args:
        bits: Width of a code, 1 to 8.
        scale: Way to find a, "learned" or "max". A learned a is a trained variable with the
            gradient of LSQ, which starts at the least squared error. Weights beyond the table then
            get no gradient. With "max" the outermost level is the largest weight, and the gradient
            is straight-through.
    """

    settings: ClassVar = {"scale": ("learned", "max")}

    def __init__(self, bits: int, scale: str = "learned"):
        super().__init__(bits)
        self.scale = scale
        self._levels = uniform_levels(bits)

    def variables(self, shape):
        return {"scale": ([], True)} if self.scale == "learned" else {}

    def codebook(self, latent, weights):
        if self.scale == "learned":
            return scaled_codebook(self._levels, tf.abs(weights["scale"]), tf.zeros([]))
        # Not largest / top * levels: graphs turn divisions by constants into multiplications,
        # and their levels would differ from those of eager mode in the last bit.
        return tf.reduce_max(tf.abs(latent)) * (self._levels / self._levels[-1])

    def forward(self, latent, weights, training):
        if self.scale == "max":
            codebook = self.codebook(latent, weights)
            return straight_through(latent, nearest_centroid(latent, codebook))
        step = shared(tf.abs(weights["scale"]), latent.shape.num_elements() * self._levels[-1])
        return nearest_scaled(
            latent, tf.constant(self._levels), step, tf.zeros([]), clip_gradient=True
        )

    def fit(self, latent, weights, active):
        if self.scale == "learned" and not active:
            weights["scale"].assign(best_scale(latent, self._levels))

    @property
    def keeps_codebook(self):
        return self.scale == "learned"

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
