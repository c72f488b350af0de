"""What poolings over time have in common."""

import math

import tensorflow as tf


def unbiased_variance(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """The unbiased variance over time, which is zero for a single frame.

    Args:
        x: float32 `[batch, time, ...]`.
        mean: float32 `[batch, 1, ...]`, the mean of `x` over time.

    Returns:
        float32 `[batch, ...]`.
    """
    frames = tf.cast(tf.shape(x)[1], tf.float32)
    squares = tf.reduce_mean(tf.square(x - mean), axis=1)
    return squares * (frames / tf.maximum(frames - 1.0, 1.0))


def features_of_a_frame(shape: tf.TensorShape) -> int:
    """The number of features of a frame of `[batch, time, ...]`."""
    return math.prod(shape[2:])
