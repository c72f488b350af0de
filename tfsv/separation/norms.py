"""Normalisations of frames: over the whole utterance, and over what was heard so far."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

_EPSILON = 1e-5


class _LayerNorm(keras.layers.Layer):
    """Removes mean and deviation, and gives each channel a gain and an offset."""

    def __init__(self, epsilon: float = _EPSILON, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Makes the gains and offsets, float32 `[channels]` each."""
        channels = input_shape[-1]
        self.gain = self.add_weight("gain", shape=[channels], initializer="ones")
        self.offset = self.add_weight("offset", shape=[channels], initializer="zeros")
        super().build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        return super().get_config() | {"epsilon": self.epsilon}

    def _normalised(self, x: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
        return (x - mean) * tf.math.rsqrt(variance + self.epsilon) * self.gain + self.offset


@keras.utils.register_keras_serializable("tfsv")
class GlobalLayerNorm(_LayerNorm):
    """Global layer normalisation (gLN) of Conv-TasNet, over all frames and channels together.

    Every frame's output depends on all frames, so it is for whole utterances.

    Example:
        >>> GlobalLayerNorm()(tf.ones([1, 100, 1, 8])).shape
        TensorShape([1, 100, 1, 8])

    Input: float32 `[batch, frames, 1, channels]`.
    Output: float32, of the same shape.

    Args:
        epsilon: Number that is added to the variance.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
        variance = tf.reduce_mean(
            tf.math.squared_difference(x, mean), axis=[1, 2, 3], keepdims=True
        )
        return self._normalised(x, mean, variance)


@keras.utils.register_keras_serializable("tfsv")
class CumulativeLayerNorm(_LayerNorm):
    """Cumulative layer normalisation (cLN) of Conv-TasNet, over the frames up to the present one.

    Example:
        >>> CumulativeLayerNorm()(tf.ones([1, 100, 1, 8])).shape
        TensorShape([1, 100, 1, 8])

    Input: float32 `[batch, frames, 1, channels]`.
    Output: float32, of the same shape.

    Args:
        epsilon: Number that is added to the variance.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        means = tf.reduce_mean(x, axis=[2, 3], keepdims=True)
        squares = tf.reduce_mean(tf.square(x), axis=[2, 3], keepdims=True)
        heard = tf.cumsum(tf.ones_like(means), axis=1)
        mean = tf.cumsum(means, axis=1) / heard
        variance = tf.nn.relu(tf.cumsum(squares, axis=1) / heard - tf.square(mean))
        return self._normalised(x, mean, variance)
