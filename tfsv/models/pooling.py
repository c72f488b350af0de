"""Pooling over time: from frames of any number to one vector."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.norms import norm

POOLINGS = ("tstp", "mean", "astp", "astp_local", "astp_speechbrain")
"""Names of the poolings: statistics, mean alone, and attentive statistics: with global context,
without, and with it in SpeechBrain's form."""

_LOWEST_VARIANCE = 1e-7  # WeSpeaker's since 2023, before that 1e-10
_LOWEST_VARIANCE_OF_SPEECHBRAIN = 1e-12


def pooled(x, kind: str, bottleneck: int = 128):
    """Adds a pooling to a functional network.

    "tstp" is `TemporalStatisticsPooling` and "mean" its first half. "astp" is the channel- and
    context-dependent attentive statistics pooling of ECAPA-TDNN in WeSpeaker's form: frames with
    the mean and deviation of the utterance beside them (`GlobalContext`), a 1 × 1 convolution to
    the bottleneck, tanh, a 1 × 1 convolution back, and statistics weighted by the softmax over
    time (`AttentiveStatistics`). An image is first flattened to `[batch, time, features]` for it.
    "astp_local" is the same without the context, as WeSpeaker's networks without GLOB in their
    names have it. "astp_speechbrain" has a ReLU and a batch normalisation before tanh, and the
    biased variance in the context.

    Args:
        x: Keras tensor `[batch, time, ...]`; all axes but the first two are known.
        kind: One of `POOLINGS`.
        bottleneck: Channels between the two attention layers.

    Returns:
        Keras tensor float32 `[batch, n]`: n is the number of features a frame has for "mean",
        twice that for the others, all means first.

    Raises:
        ValueError: `kind` is unknown.
    """
    if kind == "tstp":
        return TemporalStatisticsPooling(name="pooling")(x)
    if kind == "mean":
        return TemporalAveragePooling(name="pooling")(x)
    if kind not in POOLINGS:
        raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}. Received: {kind}")
    if len(x.shape) > 3:
        size = x.shape[2] * x.shape[3]
        x = keras.layers.Reshape((-1, size), name="pooling_frames")(x)
    speechbrain = kind == "astp_speechbrain"
    lowest = _LOWEST_VARIANCE_OF_SPEECHBRAIN if speechbrain else _LOWEST_VARIANCE
    scores = x
    if kind != "astp_local":
        scores = GlobalContext(not speechbrain, lowest, name="pooling_context")(scores)
    scores = keras.layers.Conv1D(bottleneck, 1, name="pooling_attention1")(scores)
    if speechbrain:
        scores = keras.layers.ReLU(name="pooling_relu")(scores)
        scores = norm(scores, "pooling_attention1")
    scores = keras.layers.Activation("tanh", name="pooling_tanh")(scores)
    scores = keras.layers.Conv1D(x.shape[-1], 1, name="pooling_attention2")(scores)
    return AttentiveStatistics(lowest, name="pooling")([x, scores])


@keras.utils.register_keras_serializable("tfsv")
class TemporalStatisticsPooling(keras.layers.Layer):
    """Mean and standard deviation over time of every feature (TSTP).

    The variance is the unbiased one, std = sqrt(variance + 1e-7), as in the r-vector ResNets of
    WeSpeaker that papers 1 to 3 build upon. With a single frame the variance counts as zero.

    Input: float `[batch, time, ...]`, e.g. `[batch, time, frequency, channels]`.
    Output: float32 `[batch, 2 * features]`, all means first.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        size = _features(x.shape)
        deviation = tf.sqrt(tf.reshape(_unbiased_variance(x, mean), [-1, size]) + 1e-7)
        return tf.concat([tf.reshape(mean, [-1, size]), deviation], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2 * _features(input_shape))


@keras.utils.register_keras_serializable("tfsv")
class TemporalAveragePooling(keras.layers.Layer):
    """Mean over time of every feature.

    Input: float `[batch, time, ...]`. Output: float32 `[batch, features]`.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.reduce_mean(tf.cast(x, tf.float32), axis=1), [-1, _features(x.shape)])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], _features(input_shape))


@keras.utils.register_keras_serializable("tfsv")
class GlobalContext(keras.layers.Layer):
    """Puts mean and standard deviation of the utterance beside every frame.

    std = sqrt(variance + lowest variance), as in WeSpeaker's ECAPA-TDNN.

    Input: float `[batch, time, channels]`.
    Output: float32 `[batch, time, 3 * channels]`: the frame, the means, the deviations.

    Args:
        unbiased: Whether the variance is the unbiased one (WeSpeaker) or not (SpeechBrain).
        lowest_variance: What is added to it.
        **kwargs: As for any Keras layer.
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
            variance = _unbiased_variance(x, mean)
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

    std = sqrt(max(variance, lowest variance)), as in the ECAPA-TDNN of WeSpeaker and SpeechBrain.

    Input: frames and scores, both float `[batch, time, channels]`.
    Output: float32 `[batch, 2 * channels]`, all means first.

    Args:
        lowest_variance: The variance counts as no less.
        **kwargs: As for any Keras layer.
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


def _unbiased_variance(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """`[batch, ...]`: the variance over time, zero for a single frame; `mean` has a time of 1."""
    frames = tf.cast(tf.shape(x)[1], tf.float32)
    squares = tf.reduce_mean(tf.square(x - mean), axis=1)
    return squares * (frames / tf.maximum(frames - 1.0, 1.0))


def _features(shape) -> int:
    """Features of a frame of `[batch, time, ...]`."""
    size = 1
    for axis in shape[2:]:
        size *= axis
    return size
