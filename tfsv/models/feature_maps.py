"""Maps of features over time: mixtures of several, and their frames in whole groups."""

import functools

import numpy as np
import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class Mixture(keras.layers.Layer):
    """The weighted mean of maps of one shape, with weights of its own for each feature.

    The weights of a feature are a softmax over the maps. All maps weigh alike at first.

    Example:
        >>> one = tf.ones([1, 100, 24])
        >>> Mixture()([one, 3 * one])[0, 0, 0].numpy()
        2.0

    Input: n maps, each float `[batch, frames, features]`.
    Output: float `[batch, frames, features]`.
    """

    def build(self, input_shape):
        sizes = (len(input_shape), input_shape[0][-1])
        self.logits = self.add_weight("logits", sizes, initializer="zeros")
        super().build(input_shape)

    def call(self, maps: list[tf.Tensor]) -> tf.Tensor:
        weights = tf.unstack(tf.nn.softmax(self.logits, axis=0))
        weighted = [x * weight for x, weight in zip(maps, weights, strict=True)]
        return functools.reduce(tf.add, weighted)  # tf.add_n is an operator of its own in a file

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.utils.register_keras_serializable("tfsv")
class WholeGroups(keras.layers.Layer):
    """Drops the last frames, so that the number of frames is a multiple of a group's.

    A slice to a computed length has no static shape in an exported file. So a strided convolution
    with a 0/1 kernel picks the frames, which is exact.

    Example:
        >>> WholeGroups(4)(tf.zeros([1, 103, 72])).shape
        TensorShape([1, 100, 72])

    Input: float `[batch, frames, features]`.
    Output: float `[batch, frames // group * group, features]`.

    Args:
        group: Frames of a group.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, group: int, **kwargs):
        super().__init__(**kwargs)
        self.group = group

    def call(self, x: tf.Tensor) -> tf.Tensor:
        group = self.group
        pick = tf.constant(np.eye(group).reshape(group, 1, 1, group), x.dtype)
        groups = tf.nn.conv2d(tf.expand_dims(x, 3), pick, [1, group, 1, 1], "VALID")
        frames = tf.transpose(groups, [0, 1, 3, 2])  # [batch, groups, group, features]
        return tf.reshape(frames, [tf.shape(x)[0], -1, x.shape[2]])

    def compute_output_shape(self, input_shape):
        batch, frames, features = input_shape
        whole = None if frames is None else frames // self.group * self.group
        return (batch, whole, features)

    def get_config(self) -> dict:
        return {**super().get_config(), "group": self.group}
