"""Embeddings as probabilities of the training speakers."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def speaker_posteriors(
    class_vectors: np.ndarray, scale: float = 32.0
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Embeddings as probabilities: softmax over scale · cosine to each training speaker's vector.

    AAM-softmax without margin makes the same of an embedding. Paper 4 passes the hidden outputs of
    a separation network through a sigmoid. An embedding has no such reading, and it is to tell
    speakers apart, so this form is our choice.

    Example:
        >>> posteriors = speaker_posteriors(vectors)
        >>> posteriors(embeddings).shape
        TensorShape([32, 100])

    Args:
        class_vectors: Vector of each training speaker, float `[speakers, size]`, of any length.
        scale: Scale of the cosines in training.

    Returns:
        A function from embeddings `[batch, size]` to log probabilities `[batch, speakers]`.
    """
    unit = tf.math.l2_normalize(tf.constant(class_vectors, tf.float32), axis=1)

    def posteriors(embeddings: tf.Tensor) -> tf.Tensor:
        cosines = tf.matmul(tf.math.l2_normalize(embeddings, axis=1), unit, transpose_b=True)
        return tf.nn.log_softmax(scale * cosines)

    return posteriors
