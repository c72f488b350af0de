"""The standard deviation over time alone: "tsdp"."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.pooling.moments import features_of_a_frame, unbiased_variance
from tfsv.models.registry import POOLINGS


@keras.utils.register_keras_serializable("tfsv")
class TemporalDeviationPooling(keras.layers.Layer):
    """Standard deviation over time of every feature (WeSpeaker's TSDP).

    It is the second half of `TemporalStatisticsPooling`: sqrt(unbiased variance + 1e-7), where the
    variance of a single frame counts as zero.

    Example:
        >>> TemporalDeviationPooling()(tf.zeros([1, 100, 24])).shape
        TensorShape([1, 24])

    Input: float `[batch, time, ...]`.
    Output: float32 `[batch, features]`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        variance = unbiased_variance(x, tf.reduce_mean(x, axis=1, keepdims=True))
        return tf.sqrt(tf.reshape(variance, [-1, features_of_a_frame(x.shape)]) + 1e-7)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], features_of_a_frame(input_shape))


@POOLINGS.register("tsdp")
def _deviation(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    return TemporalDeviationPooling(name="pooling")(x)
