"""Temporal statistics pooling, mean and deviation: "tstp"."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.pooling.moments import features_of_a_frame, unbiased_variance
from tfsv.models.registry import POOLINGS


@keras.utils.register_keras_serializable("tfsv")
class TemporalStatisticsPooling(keras.layers.Layer):
    """Mean and standard deviation over time of every feature (TSTP).

    The variance is the unbiased one, and the standard deviation is sqrt(variance + 1e-7). The
    r-vector ResNets of WeSpeaker, which papers 1 to 3 build upon, have the same. The variance of a
    single frame counts as zero.

    Example:
        >>> TemporalStatisticsPooling()(tf.zeros([1, 100, 10, 256])).shape
        TensorShape([1, 5120])

    Input: float `[batch, time, ...]`, such as `[batch, time, frequency, channels]`.
    Output: float32 `[batch, 2 * features]`, all means first.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        size = features_of_a_frame(x.shape)
        deviation = tf.sqrt(tf.reshape(unbiased_variance(x, mean), [-1, size]) + 1e-7)
        return tf.concat([tf.reshape(mean, [-1, size]), deviation], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * features_of_a_frame(input_shape))


@POOLINGS.register("tstp")
def _statistics(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    return TemporalStatisticsPooling(name="pooling")(x)
