"""Weights of 16 bits, which every scheme has beside its codes."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.coded import relative_error
from tfsv.quantization.float16_weights import Float16Weights, check_range, rounded
from tfsv.quantization.schemes.base import KernelQuantizer, straight_through
from tfsv.widths import FLOAT16, LARGEST_FLOAT16


@keras.utils.register_keras_serializable("tfsv")
class Float16Quantizer(KernelQuantizer):
    """A kernel rounded to float16, with the straight-through gradient (paper 4's 16 bits).

    Forwards, weights beyond float16's range are its largest. `refresh` refuses them.

    Example:
        >>> quantized = quantize(network, {"stem": 16, "embedding": 4})
        >>> refresh_codebooks(quantized)
        >>> coded_weights(quantized)["stem"].values.dtype
        dtype('float16')
    """

    widths = (FLOAT16,)

    def __init__(self, bits: int = FLOAT16):
        super().__init__(bits)

    def variables(self, shape):
        return {}

    def forward(self, latent, weights, training):
        limited = tf.clip_by_value(latent, -LARGEST_FLOAT16, LARGEST_FLOAT16)
        halves = tf.cast(limited, tf.float16)
        return straight_through(latent, tf.cast(halves, latent.dtype))

    def refresh(self, latent, weights, name):
        check_range(latent, name)
        super().refresh(latent, weights, name)

    def coded(self, latent: np.ndarray, weights: dict[str, tf.Variable]) -> Float16Weights:
        """The latent weights in float16."""
        values = rounded(latent)
        return Float16Weights(values, relative_error(latent, values.astype(np.float32)))
