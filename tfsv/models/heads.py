"""The dense layers behind the pooling."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tfsv.models.norms import norm

Head = Callable[[tf.Tensor, int], tf.Tensor]
"""A function that adds dense layers to what a pooling gives, up to the embedding."""


def one_layer(x: tf.Tensor, embedding_size: int) -> tf.Tensor:
    """Adds a dense layer, which is called "embedding", to a functional network.

    Example:
        >>> one_layer(keras.Input((5120,)), 256).shape
        TensorShape([None, 256])

    Args:
        x: Keras tensor `[batch, n]` that the pooling gives.
        embedding_size: Number of components of the embedding.

    Returns:
        Keras tensor float32 `[batch, embedding_size]`.
    """
    return keras.layers.Dense(embedding_size, name="embedding", dtype="float32")(x)


def two_layers(x: tf.Tensor, embedding_size: int) -> tf.Tensor:
    """Adds two dense layers, "segment1" and "embedding", to a functional network.

    Between them stand ReLU and batch normalisation without gain and offset. Kaldi's x-vector and
    WeSpeaker's networks with `two_emb_layer` have this head. WeSpeaker scores what the second layer
    gives, and so do we.

    Example:
        >>> two_layers(keras.Input((5120,)), 256).shape
        TensorShape([None, 256])

    Args:
        x: Keras tensor `[batch, n]` that the pooling gives.
        embedding_size: Number of components of the embedding, and width of the layer before it.

    Returns:
        Keras tensor float32 `[batch, embedding_size]`.
    """
    x = keras.layers.Dense(embedding_size, kernel_initializer="he_normal", name="segment1")(x)
    x = keras.layers.ReLU(name="segment1_relu")(x)
    return one_layer(norm(x, "segment1", affine=False), embedding_size)


def normalised_layer(x: tf.Tensor, embedding_size: int) -> tf.Tensor:
    """Adds a dense layer, "embedding", and its batch normalisation to a functional network.

    WeSpeaker's ECAPA-TDNNs with `emb_bn` have this head, which its training without labels prefers.

    Example:
        >>> normalised_layer(keras.Input((3072,)), 192).shape
        TensorShape([None, 192])

    Args:
        x: Keras tensor `[batch, n]` that the pooling gives.
        embedding_size: Number of components of the embedding.

    Returns:
        Keras tensor float32 `[batch, embedding_size]`.
    """
    return norm(one_layer(x, embedding_size), "embedding", dtype="float32")
