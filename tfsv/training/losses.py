"""Losses over speakers."""

import math

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class AAMSoftmax(keras.layers.Layer):
    """Additive angular margin softmax (AAM-softmax, ArcFace), the loss of papers 1 to 3.

    logit of the target class: scale · cos(θ + margin); of the others: scale · cos θ, where θ is
    the angle between the embedding and the class's weight vector. Where θ + margin would pass π,
    cos θ - (1 + cos(π - margin)) takes the target's place, as in WeSpeaker's recipe. The
    weight vectors are dropped after training and never quantized.

    Args:
        classes: Number of training classes (speakers × speed factors).
        scale: Factor on the cosines; 32 in the recipe.
    """

    def __init__(self, classes: int, scale: float = 32.0, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.classes = classes
        self.scale = scale

    def build(self, input_shape):
        self.kernel = self.add_weight(
            "kernel", shape=[self.classes, input_shape[-1]], initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(self, embeddings: tf.Tensor, labels: tf.Tensor, margin: tf.Tensor):
        """Loss and accuracy of a batch.

        Args:
            embeddings: float32 `[batch, size]`, of any length.
            labels: int32 `[batch]`, 0 to classes - 1.
            margin: float32 scalar, radians.

        Returns:
            float32 `[batch]` cross-entropies, and float32 `[batch]`: 1 where the nearest class
            (without margin) is the right one.
        """
        cosine = tf.matmul(
            tf.math.l2_normalize(embeddings, axis=1),
            tf.math.l2_normalize(self.kernel, axis=1),
            transpose_b=True,
        )
        hit = tf.one_hot(labels, self.classes)
        target = tf.reduce_sum(cosine * hit, axis=1)
        sine = tf.sqrt(tf.maximum(1.0 - tf.square(target), 1e-12))
        margined = target * tf.cos(margin) - sine * tf.sin(margin)
        margined = tf.where(
            target > tf.cos(math.pi - margin), margined, target - (1.0 + tf.cos(math.pi - margin))
        )
        logits = self.scale * (cosine + hit * (margined - target)[:, None])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        right = tf.cast(tf.equal(tf.argmax(cosine, 1, tf.int32), labels), tf.float32)
        return loss, right

    def get_config(self) -> dict:
        return super().get_config() | {"classes": self.classes, "scale": self.scale}
