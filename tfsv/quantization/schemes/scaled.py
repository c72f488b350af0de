"""Tables of levels with a scale that is learned."""

import tensorflow as tf

from tfsv.quantization.schemes.base import nearest_centroid


def scaled_codebook(levels: tf.Tensor, scale: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
    """The codebook centre + scale · levels, float32 `[k]`.

    Example:
        >>> scaled_codebook(tf.constant([-1.0, 0.0, 1.0]), 0.5, 0.25).numpy()
        array([-0.25,  0.25,  0.75], dtype=float32)
    """
    return centre + scale * levels


def nearest_scaled(
    weights: tf.Tensor,
    levels: tf.Tensor,
    scale: tf.Tensor,
    centre: tf.Tensor,
    *,
    clip_gradient: bool,
) -> tf.Tensor:
    """The nearest levels of a scaled table, with the gradients of learned step sizes (LSQ, PACT).

    Let x = weights - centre and q be the nearest level, unscaled. The scale's gradient is
    `Σ g · (q - x / scale)` over the weights within the table, plus `Σ g · q` over those beyond its
    ends. LSQ and the public APoT code agree on it. `centre` gets no gradient.

    Example:
        >>> weights, levels = tf.constant([0.3, -2.0]), tf.constant([-1.0, 0.0, 1.0])
        >>> scale, centre = tf.constant(0.5), tf.constant(0.0)
        >>> nearest_scaled(weights, levels, scale, centre, clip_gradient=True).numpy()
        array([ 0.5, -0.5], dtype=float32)

    Args:
        weights: Weights of any shape, float32.
        levels: Ascending levels that are symmetric about 0, float32 `[k]`.
        scale: Factor on the levels, float32 scalar, at least 0.
        centre: Offset of the levels, float32 scalar.
        clip_gradient: Whether weights beyond the ends of the table get no gradient (LSQ). If not,
            the straight-through gradient goes to all weights (APoT).
    """

    @tf.custom_gradient
    def nearest(weights, scale):
        quantized = nearest_centroid(weights, scaled_codebook(levels, scale, centre))

        def gradient(upstream):
            x = weights - centre
            within = tf.abs(x) <= scale * levels[-1]
            off = quantized - centre - tf.where(within, x, 0.0)
            to_scale = tf.math.divide_no_nan(tf.reduce_sum(upstream * off), scale)
            return tf.where(within, upstream, 0.0) if clip_gradient else upstream, to_scale

        return quantized, gradient

    return nearest(weights, scale)
