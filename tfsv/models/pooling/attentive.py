"""Attentive statistics pooling: "astp", "astp_local", "astp_speechbrain"."""

import functools

import tensorflow as tf
import tf_keras as keras

from tfsv.models.norms import norm
from tfsv.models.pooling.moments import unbiased_variance
from tfsv.models.registry import POOLINGS

_LOWEST_VARIANCE = 1e-7  # WeSpeaker's since 2023, before that 1e-10
_LOWEST_VARIANCE_OF_SPEECHBRAIN = 1e-12


@keras.utils.register_keras_serializable("tfsv")
class GlobalContext(keras.layers.Layer):
    """Puts mean and standard deviation of the utterance beside every frame.

    The standard deviation is sqrt(variance + lowest variance), as in WeSpeaker's ECAPA-TDNN.

    Example:
        >>> GlobalContext()(tf.zeros([1, 100, 24])).shape
        TensorShape([1, 100, 72])

    Input: float `[batch, time, channels]`.
    Output: float32 `[batch, time, 3 * channels]`: the frame, the means, the deviations.

    Args:
        unbiased: Whether the variance is the unbiased one (WeSpeaker) or not (SpeechBrain).
        lowest_variance: Number that is added to the variance.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, unbiased: bool = True, lowest_variance: float = _LOWEST_VARIANCE, **kwargs):
        super().__init__(**kwargs)
        self.unbiased = unbiased
        self.lowest_variance = lowest_variance

    def get_config(self) -> dict:
        own = {"unbiased": self.unbiased, "lowest_variance": self.lowest_variance}
        return {**super().get_config(), **own}

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        if self.unbiased:
            variance = unbiased_variance(x, mean)
        else:
            variance = tf.reduce_mean(tf.square(x - mean), axis=1)
        deviation = tf.sqrt(variance[:, tf.newaxis] + self.lowest_variance)
        every_frame = x * 0.0  # an addition broadcasts within XNNPACK, BROADCAST_TO does not
        return tf.concat([x, every_frame + mean, every_frame + deviation], axis=2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 3 * input_shape[2])


@keras.utils.register_keras_serializable("tfsv")
class AttentiveStatistics(keras.layers.Layer):
    """Mean and standard deviation over time, each channel's frames weighted by their own softmax.

    The standard deviation is sqrt(max(variance, lowest variance)), as in the ECAPA-TDNN of
    WeSpeaker and SpeechBrain.

    Example:
        >>> frames = tf.zeros([1, 100, 24])
        >>> AttentiveStatistics()([frames, frames]).shape
        TensorShape([1, 48])

    Input: frames and scores, both float `[batch, time, channels]`.
    Output: float32 `[batch, 2 * channels]`, all means first.

    Args:
        lowest_variance: Number below which the variance counts as this number.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, lowest_variance: float = _LOWEST_VARIANCE, **kwargs):
        super().__init__(**kwargs)
        self.lowest_variance = lowest_variance

    def get_config(self) -> dict:
        return {**super().get_config(), "lowest_variance": self.lowest_variance}

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, scores = (tf.cast(tensor, tf.float32) for tensor in inputs)
        weights = tf.nn.softmax(scores, axis=1)
        mean = tf.reduce_sum(weights * x, axis=1, keepdims=True)
        variance = tf.reduce_sum(weights * tf.square(x - mean), axis=1)
        deviation = tf.sqrt(tf.maximum(variance, self.lowest_variance))
        return tf.concat([tf.reshape(mean, [-1, x.shape[2]]), deviation], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 2 * input_shape[0][2])


def flat_frames(x: tf.Tensor) -> tf.Tensor:
    """Puts the channels of an image's frequencies side by side in a functional network.

    Example:
        >>> flat_frames(keras.Input((None, 10, 256))).shape
        TensorShape([None, None, 2560])

    Args:
        x: Keras tensor `[batch, time, ...]`. All its axes but the first two are known.

    Returns:
        Keras tensor `[batch, time, features]`.
    """
    if len(x.shape) > 3:
        x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="pooling_frames")(x)
    return x


def attentive_statistics(
    x: tf.Tensor, bottleneck: int, *, context: bool = True, speechbrain: bool = False
) -> tf.Tensor:
    """Adds the channel- and context-dependent pooling of ECAPA-TDNN to a functional network.

    The form is WeSpeaker's. Frames get the mean and deviation of the utterance beside them
    (`GlobalContext`). A 1 × 1 convolution to the bottleneck, tanh and a 1 × 1 convolution back give
    scores. Statistics are weighted by their softmax over time (`AttentiveStatistics`). An image is
    first flattened to `[batch, time, features]`.

    Example:
        >>> attentive_statistics(keras.Input((None, 24)), bottleneck=16).shape
        TensorShape([None, 48])

    Args:
        x: Keras tensor `[batch, time, ...]`. All its axes but the first two are known.
        bottleneck: Number of channels between the two convolutions.
        context: Whether frames have the utterance's statistics beside them. WeSpeaker's networks
            without GLOB in their names have none.
        speechbrain: Whether the form is SpeechBrain's, with a ReLU and a batch normalisation before
            tanh and the biased variance in the context.

    Returns:
        Keras tensor float32 `[batch, 2 * features]`, all means first.
    """
    x = flat_frames(x)
    lowest = _LOWEST_VARIANCE_OF_SPEECHBRAIN if speechbrain else _LOWEST_VARIANCE
    scores = x
    if context:
        scores = GlobalContext(not speechbrain, lowest, name="pooling_context")(scores)
    scores = keras.layers.Conv1D(bottleneck, 1, name="pooling_attention1")(scores)
    if speechbrain:
        scores = keras.layers.ReLU(name="pooling_relu")(scores)
        scores = norm(scores, "pooling_attention1")
    scores = keras.layers.Activation("tanh", name="pooling_tanh")(scores)
    scores = keras.layers.Conv1D(x.shape[-1], 1, name="pooling_attention2")(scores)
    return AttentiveStatistics(lowest, name="pooling")([x, scores])


POOLINGS.add("astp", attentive_statistics)
POOLINGS.add("astp_local", functools.partial(attentive_statistics, context=False))
POOLINGS.add("astp_speechbrain", functools.partial(attentive_statistics, speechbrain=True))
