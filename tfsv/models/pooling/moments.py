"""Moments over time, which poolings have in common."""

import math

import tensorflow as tf


def unbiased_variance(x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
    """The unbiased variance over time, which is zero for a single frame.

    Example:
        >>> x = tf.constant([[[0.0], [2.0]]])
        >>> unbiased_variance(x, tf.reduce_mean(x, axis=1, keepdims=True)).numpy()
        array([[2.]], dtype=float32)

    Args:
        x: Frames, float32 `[batch, time, ...]`.
        mean: Mean of `x` over time, float32 `[batch, 1, ...]`.

    Returns:
        The variance, float32 `[batch, ...]`.
    """
    frames = tf.cast(tf.shape(x)[1], tf.float32)
    squares = tf.reduce_mean(tf.square(x - mean), axis=1)
    return squares * (frames / tf.maximum(frames - 1.0, 1.0))


def features_of_a_frame(shape: tf.TensorShape) -> int:
    """The number of features of a frame in a tensor `[batch, time, ...]`.

    Example:
        >>> features_of_a_frame(tf.TensorShape([None, None, 10, 256]))
        2560
    """
    return math.prod(shape[2:])
