"""Binary activations, of paper 3's full binary network."""

import tensorflow as tf
import tf_keras as keras


@tf.custom_gradient
def binary_sign(x: tf.Tensor) -> tf.Tensor:
    """1 where x >= 0, else -1. The gradient passes where |x| <= 1 (clipped straight-through).

    Example:
        >>> binary_sign(tf.constant([-0.5, 0.0, 2.0])).numpy()
        array([-1.,  1.,  1.], dtype=float32)
    """

    def gradient(upstream):
        return tf.where(tf.abs(x) <= 1, upstream, tf.zeros_like(upstream))

    return tf.where(x >= 0, tf.ones_like(x), -tf.ones_like(x)), gradient


@keras.utils.register_keras_serializable("tfsv")
class BinaryActivation(keras.layers.Layer):
    """A layer that computes `binary_sign`.

    Example:
        >>> BinaryActivation()(tf.constant([-0.5, 2.0])).numpy()
        array([-1.,  1.], dtype=float32)
    """

    def call(self, inputs):
        return binary_sign(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape
