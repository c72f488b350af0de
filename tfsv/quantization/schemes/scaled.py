"""A table of levels with a scale that is learned."""

import tensorflow as tf

from tfsv.quantization.schemes.base import nearest_centroid


def scaled_codebook(levels: tf.Tensor, scale: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
    """centre + scale · levels, float32 `[k]`."""
    return centre + scale * levels


def nearest_scaled(
    weights: tf.Tensor,
    levels: tf.Tensor,
    scale: tf.Tensor,
    centre: tf.Tensor,
    *,
    clip_gradient: bool,
) -> tf.Tensor:
    """Nearest levels of a scaled table, with the gradients of learned step sizes (LSQ, PACT).

    With x = weights - centre and q the level (unscaled) that is nearest, the gradient to the
    scale is Σ g · (q - x / scale) over the weights within the table and Σ g · q over those beyond
    its ends; LSQ and the public APoT code agree on it. `centre` gets no gradient.

    Args:
        weights: float32, any shape.
        levels: float32 `[k]`, ascending and symmetric about 0.
        scale: float32 scalar, at least 0.
        centre: float32 scalar.
        clip_gradient: Whether weights beyond the ends of the table get no gradient (LSQ); else the
            straight-through gradient goes to all of them (APoT).
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
