"""Self-attention over frames, as transformers have it."""

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class HeadAttention(keras.layers.Layer):
    """Gives each frame the values of all frames, weighed by how well it asks for them.

    Channels are cut into heads of equal width. In each head, the softmax over all frames of
    query · key / sqrt(width) weighs the values (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).

    Example:
        >>> frames = tf.zeros([1, 100, 24])
        >>> HeadAttention(4)([frames, frames, frames]).shape
        TensorShape([1, 100, 24])

    Input: queries, keys and values, all float `[batch, frames, channels]`.
    Output: float `[batch, frames, channels]`, head by head.

    Args:
        heads: Number of heads, which divides the number of channels.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, heads: int, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        channels = inputs[0].shape[2]
        width = channels // self.heads
        queries, keys, values = (self._by_head(x, width) for x in inputs)
        scores = tf.matmul(queries * width**-0.5, keys, transpose_b=True)
        weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), values.dtype)
        heard = tf.transpose(tf.matmul(weights, values), [0, 2, 1, 3])
        return tf.reshape(heard, [tf.shape(heard)[0], -1, channels])

    def _by_head(self, x: tf.Tensor, width: int) -> tf.Tensor:
        """`[batch, frames, channels]` to `[batch, heads, frames, width]`."""
        x = tf.reshape(x, [tf.shape(x)[0], -1, self.heads, width])
        return tf.transpose(x, [0, 2, 1, 3])

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads}


@keras.utils.register_keras_serializable("tfsv")
class TanhGELU(keras.layers.Layer):
    """GELU by its approximation with tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    Example:
        >>> round(float(TanhGELU()(tf.constant([1.0]))[0]), 4)
        0.8412

    Input: float of any shape.
    Output: of the same shape and type.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.gelu(x, approximate=True)

    def compute_output_shape(self, input_shape):
        return input_shape
