"""Binary weights with a scale for every filter (paper 3)."""

from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.codebook import assign
from tfsv.quantization.coded import CodedWeights, relative_error
from tfsv.quantization.schemes.base import KernelQuantizer, mean
from tfsv.quantization.schemes.registry import SCHEMES

_SIGNS = np.array([-1, 1], np.float32)


def binary_weight(weights: tf.Tensor, channel_axes: int = 1) -> tf.Tensor:
    """a · sign(w) with a = mean |w| of each filter, the least-squares scale.

    The gradient is that of Binary-Weight-Networks. A weight in a filter of n weights gets
    `g · (1/n + a · [|w| <= 1])`. The sign of 0 is -1.

    Example:
        >>> binary_weight(tf.constant([[0.2], [-0.4]])).numpy().round(6)
        array([[ 0.3],
               [-0.3]], dtype=float32)

    Args:
        weights: Kernel, float32 `[..., channels]`.
        channel_axes: Number of the last axes that count the filters. It is 2 for depthwise kernels.
    """

    @tf.custom_gradient
    def binary(weights):
        scale = _scale(weights, channel_axes)
        size = np.prod(weights.shape[:-channel_axes], dtype=np.float64)

        def gradient(upstream):
            inside = tf.where(tf.abs(weights) <= 1, scale, 0.0)
            return upstream * (1 / size + inside)

        return tf.where(weights > 0, scale, -scale), gradient

    return binary(weights)


@SCHEMES.register("binary_weight")
@keras.utils.register_keras_serializable("tfsv")
class BinaryWeightQuantizer(KernelQuantizer):
    """The quantizer of paper 3's binary-weight network: `binary_weight` of every kernel.

    Example:
        >>> quantized = quantize(network, 1, "binary_weight", forward="latent")

    Args:
        bits: Width of a code, which is 1.
        forward: Weights in the forward pass of training, "binary" or "latent". Latent ones have
            their own gradient, and only inference uses binary weights. The paper says that not to
            binarize in the forward process is better, and "latent" is our reading.
        channel_axes: Number of the kernel's last axes that count the filters: 2 for depthwise
            kernels, else 1.
    """

    widths: ClassVar = (1,)
    settings: ClassVar = {"forward": ("binary", "latent")}

    def __init__(self, bits: int = 1, forward: str = "binary", channel_axes: int = 1):
        super().__init__(bits)
        self.forward_weights = forward
        self.channel_axes = channel_axes

    @classmethod
    def for_kernel(cls, bits, channel_axes, **settings):
        return cls(bits, channel_axes=channel_axes, **settings)

    def variables(self, shape):
        return {}

    def forward(self, latent, weights, training):
        if training and self.forward_weights == "latent":
            return latent
        return binary_weight(latent, self.channel_axes)

    def coded(self, latent, weights):
        scale = _scale(tf.constant(latent), self.channel_axes).numpy().reshape(-1)
        codes = assign(latent, _SIGNS)
        coded = CodedWeights(codes, _SIGNS.copy(), self.bits, scale)
        error = relative_error(latent, coded.decode())
        return CodedWeights(codes, coded.codebook, self.bits, scale, error)

    def get_config(self):
        return {
            **super().get_config(),
            "forward": self.forward_weights,
            "channel_axes": self.channel_axes,
        }


def _scale(weights: tf.Tensor, channel_axes: int) -> tf.Tensor:
    return mean(tf.abs(weights), list(range(len(weights.shape) - channel_axes)))
