"""Temporal statistics pooling, mean and deviation: "tstp", "tstp_3dspeaker"."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.pooling.moments import features_of_a_frame, unbiased_variance
from tfsv.models.registry import POOLINGS

_ADDED_VARIANCE = 1e-7
_LOWEST_VARIANCE = 1e-12


@keras.utils.register_keras_serializable("tfsv")
class TemporalStatisticsPooling(keras.layers.Layer):
    """Mean and standard deviation over time of every feature (TSTP).

    The variance is the unbiased one, and the standard deviation is sqrt(variance + 1e-7). The
    r-vector ResNets of WeSpeaker, which papers 1 to 3 build upon, have the same. The variance of a
    single frame counts as zero.

    The CAM++ of 3D-Speaker adds nothing to the variance, which is told from 1e-7 where a channel is
    always zero. A lowest variance of 1e-12 comes as near and leaves such a channel a gradient.

    Example:
        >>> TemporalStatisticsPooling()(tf.zeros([1, 100, 10, 256])).shape
        TensorShape([1, 5120])

    Input: float `[batch, time, ...]`, such as `[batch, time, frequency, channels]`.
    Output: float32 `[batch, 2 * features]`, all means first.

    Args:
        lowest_variance: Number below which the variance counts as this number, to which then
            nothing is added. None: 1e-7 is added.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, lowest_variance: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self.lowest_variance = lowest_variance

    def get_config(self) -> dict:
        return {**super().get_config(), "lowest_variance": self.lowest_variance}

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        size = features_of_a_frame(x.shape)
        variance = tf.reshape(unbiased_variance(x, mean), [-1, size])
        if self.lowest_variance is None:
            variance += _ADDED_VARIANCE
        else:
            variance = tf.maximum(variance, self.lowest_variance)
        return tf.concat([tf.reshape(mean, [-1, size]), tf.sqrt(variance)], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * features_of_a_frame(input_shape))


@POOLINGS.register("tstp")
def _statistics(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    return TemporalStatisticsPooling(name="pooling")(x)


@POOLINGS.register("tstp_3dspeaker")
def _statistics_of_3dspeaker(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    return TemporalStatisticsPooling(_LOWEST_VARIANCE, name="pooling")(x)
