"""Binary activations (paper 3's full binary network)."""

import tensorflow as tf
import tf_keras as keras


@tf.custom_gradient
def binary_sign(x: tf.Tensor) -> tf.Tensor:
    """1 where x >= 0, else -1; the gradient passes where |x| <= 1 (clipped straight-through)."""

    def gradient(upstream):
        return tf.where(tf.abs(x) <= 1, upstream, tf.zeros_like(upstream))

    return tf.where(x >= 0, tf.ones_like(x), -tf.ones_like(x)), gradient


@keras.utils.register_keras_serializable("tfsv")
class BinaryActivation(keras.layers.Layer):
    """`binary_sign` as a layer."""

    def call(self, inputs):
        return binary_sign(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape
