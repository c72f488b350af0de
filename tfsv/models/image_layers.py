"""Layers that all networks over the (time, frequency) image have."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tfsv.models.norms import norm

# The filter gradient of a strided 1 × 1 convolution with fewer input channels overwrites the heap
# in TensorFlow 2.16 with oneDNN on AVX-512 machines; picking every second pixel first is the same
# function without that gradient.
_ONEDNN_NARROW = 16


def stem(features: tf.Tensor, channels: int) -> tf.Tensor:
    """Adds the first convolution over the image, with normalisation and ReLU.

    Example:
        >>> stem(keras.Input((None, 80)), 32).shape
        TensorShape([None, None, 80, 32])

    Args:
        features: Keras tensor `[batch, frames, bins]`.
        channels: Number of filters of the convolution, which is called "stem".

    Returns:
        Keras tensor `[batch, frames, bins, channels]`.
    """
    x = keras.layers.Reshape((-1, features.shape[-1], 1), name="image")(features)
    x = conv_norm(x, channels, 3, 1, "stem")
    return keras.layers.ReLU(name="stem_relu")(x)


def conv_norm(
    x: tf.Tensor, channels: int, size: int, stride: int | tuple[int, int], name: str
) -> tf.Tensor:
    """Adds a convolution without bias and its normalisation.

    A kernel of odd size is padded as PyTorch does, with one row on every side for 3 × 3.

    Example:
        >>> image = keras.Input((100, 80, 16))
        >>> conv_norm(image, 32, 3, 2, "downsampling").shape
        TensorShape([None, 50, 40, 32])

    Args:
        x: Keras tensor `[batch, frames, frequencies, channels]`.
        channels: Number of filters of the convolution.
        size: Height and width of the kernel.
        stride: Stride of both axes, or one for time and one for frequency.
        name: Name of the convolution. The normalisation is called `{name}_norm`.

    Returns:
        Keras tensor `[batch, frames / stride, frequencies / stride, channels]`, rounded up.
    """
    padding = "same"
    if stride != 1 and size == 1 and x.shape[-1] < _ONEDNN_NARROW:
        x = keras.layers.MaxPooling2D(1, stride, name=f"{name}_pick")(x)
        stride = 1
    if stride != 1 and size % 2 and size > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    x = keras.layers.Conv2D(
        channels, size, stride, padding, use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return norm(x, name)


def shortcut_of(x: tf.Tensor, channels: int, stride: int, name: str) -> tf.Tensor:
    """Adds the shortcut around a block: a 1 × 1 projection where its stride or width changes.

    Example:
        >>> shortcut_of(keras.Input((100, 80, 16)), 32, 2, "block").shape
        TensorShape([None, 50, 40, 32])

    Args:
        x: Keras tensor `[batch, frames, frequencies, channels]` that the block takes.
        channels: Number of channels that the block gives.
        stride: Stride of the block on both axes.
        name: Name of the block. The projection is called `{name}_shortcut`.

    Returns:
        Keras tensor of the shape that the block gives.
    """
    if stride != 1 or x.shape[-1] != channels:
        return conv_norm(x, channels, 1, stride, f"{name}_shortcut")
    return x


def basic_block(
    x: tf.Tensor,
    channels: int,
    stride: int,
    name: str,
    attention: Callable[..., keras.layers.Layer] | None = None,
) -> tf.Tensor:
    """Adds a residual block of two 3 × 3 convolutions, as ResNets up to depth 34 have them.

    Example:
        >>> basic_block(keras.Input((100, 80, 16)), 32, 2, "block").shape
        TensorShape([None, 50, 40, 32])

    Args:
        x: Keras tensor `[batch, frames, frequencies, channels]`.
        channels: Number of channels that the block gives.
        stride: Stride of the first convolution and of the shortcut, on both axes.
        name: Name with which the names of the layers begin.
        attention: Layer, made with its name, between the second normalisation and the sum with the
            shortcut. None: there is none.

    Returns:
        Keras tensor `[batch, frames / stride, frequencies / stride, channels]`, rounded up.
    """
    shortcut = shortcut_of(x, channels, stride, name)
    x = conv_norm(x, channels, 3, stride, f"{name}_conv1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = conv_norm(x, channels, 3, 1, f"{name}_conv2")
    if attention is not None:
        x = attention(name=f"{name}_attention")(x)
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)
