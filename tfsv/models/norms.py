"""Batch normalisation as PyTorch has it."""

import tensorflow as tf
import tf_keras as keras


def norm(x: tf.Tensor, name: str, *, affine: bool = True, dtype: str | None = None) -> tf.Tensor:
    """Adds the batch normalisation of a layer to a functional network, with PyTorch's constants.

    Example:
        >>> norm(keras.Input((None, 80)), "features").shape
        TensorShape([None, None, 80])

    Args:
        x: Keras tensor that the layer gives.
        name: Name of the layer. The normalisation is called `{name}_norm`.
        affine: Whether the normalisation has a gain and an offset.
        dtype: Type of the numbers that it computes and gives. None: that of the whole network.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=affine, scale=affine, name=f"{name}_norm", dtype=dtype
    )(x)
