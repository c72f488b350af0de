"""Attentive statistics pooling whose scores come through a ReLU: "asp"."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.norms import norm
from tfsv.models.pooling.attentive import AttentiveStatistics, flat_frames
from tfsv.models.registry import POOLINGS

_LOWEST_VARIANCE = 1e-5


@POOLINGS.register("asp")
def rectified_attention(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    """Adds the pooling of WeSpeaker's SimAM-ResNets (ASP) to a functional network.

    It differs from "astp_local" in what stands between its two 1 × 1 convolutions: ReLU and batch
    normalisation in place of tanh. No variance counts as less than 0.00001.

    Example:
        >>> rectified_attention(keras.Input((None, 24)), bottleneck=16).shape
        TensorShape([None, 48])

    Args:
        x: Keras tensor `[batch, time, ...]`. All its axes but the first two are known.
        bottleneck: Number of channels between the two convolutions.

    Returns:
        Keras tensor float32 `[batch, 2 * features]`, all means first.
    """
    x = flat_frames(x)
    scores = keras.layers.Conv1D(bottleneck, 1, name="pooling_attention1")(x)
    scores = keras.layers.ReLU(name="pooling_relu")(scores)
    scores = norm(scores, "pooling_attention1")
    scores = keras.layers.Conv1D(x.shape[-1], 1, name="pooling_attention2")(scores)
    return AttentiveStatistics(_LOWEST_VARIANCE, name="pooling")([x, scores])
