"""Pooling over time: from a map of any length to one vector."""

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class TemporalStatisticsPooling(keras.layers.Layer):
    """Mean and standard deviation over time of every (frequency, channel) pair (TSTP).

    The variance is the unbiased one, std = sqrt(variance + 1e-7), as in the r-vector ResNets of
    WeSpeaker that papers 1 to 3 build upon. With a single frame the variance counts as zero.

    Input: float `[batch, time, frequency, channels]`.
    Output: float32 `[batch, 2 * frequency * channels]`, all means first.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        frames = tf.cast(tf.shape(x)[1], tf.float32)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        squares = tf.reduce_mean(tf.square(x - mean), axis=1)
        variance = squares * (frames / tf.maximum(frames - 1.0, 1.0))
        size = x.shape[2] * x.shape[3]
        mean = tf.reshape(mean, [-1, size])
        deviation = tf.sqrt(tf.reshape(variance, [-1, size]) + 1e-7)
        return tf.concat([mean, deviation], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * input_shape[2] * input_shape[3])
