"""Normalisations of frames: over the whole utterance, and over what was heard so far.

In a stream, where frames come piece by piece, the latter is told what was heard before.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

REMEMBERED = 2**14
"""Frames that cumulative normalisation of a stream remembers, 4.4 minutes."""

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
        means, squares = self._moments(x)
        heard = tf.cumsum(tf.ones_like(means), axis=1)
        mean = tf.cumsum(means, axis=1) / heard
        return self._by_moments(x, mean, tf.cumsum(squares, axis=1) / heard)

    def _moments(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The mean and the mean square of each frame, `[batch, frames, 1, 1]`."""
        means = tf.reduce_mean(x, axis=[2, 3], keepdims=True)
        return means, tf.reduce_mean(tf.square(x), axis=[2, 3], keepdims=True)

    def _by_moments(self, x: tf.Tensor, mean: tf.Tensor, square: tf.Tensor) -> tf.Tensor:
        return self._normalised(x, mean, tf.nn.relu(square - tf.square(mean)))


@keras.utils.register_keras_serializable("tfsv")
class StreamedCumulativeLayerNorm(CumulativeLayerNorm):
    """`CumulativeLayerNorm` of frames that come piece by piece.

    Sums of a stream would grow without end. So the frames before count as `REMEMBERED` at most, and
    what was heard longer ago than that is slowly forgotten.

    Example:
        >>> frames, past = StreamedCumulativeLayerNorm()((tf.ones([1, 1, 1, 8]), tf.zeros([1, 3])))
        >>> past.shape
        TensorShape([1, 3])

    Input: frames, float32 `[1, frames, 1, channels]`, and what was heard before, float32 `[1, 3]`:
        the number of frames, their mean and their mean square. Zeros: nothing was.
    Output: float32 of the shape of the frames, and what has been heard now, float32 `[1, 3]`.

    Args:
        epsilon: Number that is added to the variance.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def build(self, input_shape: Any) -> None:
        """Makes the gains and offsets, float32 `[channels]` each."""
        super().build(input_shape[0])

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        x, past = inputs
        before, mean, square = (tf.reshape(x, [1, 1, 1, 1]) for x in tf.split(past, 3, axis=1))
        means, squares = self._moments(x)
        heard = before + tf.cumsum(tf.ones_like(means), axis=1)
        mean = (before * mean + tf.cumsum(means, axis=1)) / heard
        square = (before * square + tf.cumsum(squares, axis=1)) / heard
        last = [value[:, -1, 0] for value in (tf.minimum(heard, REMEMBERED), mean, square)]
        return self._by_moments(x, mean, square), tf.concat(last, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)
