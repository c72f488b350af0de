"""The mean over time alone: "mean"."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.pooling.moments import features_of_a_frame
from tfsv.models.registry import POOLINGS


@keras.utils.register_keras_serializable("tfsv")
class TemporalAveragePooling(keras.layers.Layer):
    """Mean over time of every feature.

    Example:
        >>> TemporalAveragePooling()(tf.zeros([1, 100, 24])).shape
        TensorShape([1, 24])

    Input: float `[batch, time, ...]`.
    Output: float32 `[batch, features]`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        size = features_of_a_frame(x.shape)
        return tf.reshape(tf.reduce_mean(tf.cast(x, tf.float32), axis=1), [-1, size])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], features_of_a_frame(input_shape))


@POOLINGS.register("mean")
def _mean(x: tf.Tensor, bottleneck: int) -> tf.Tensor:
    return TemporalAveragePooling(name="pooling")(x)
