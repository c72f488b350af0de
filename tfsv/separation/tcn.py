"""The separator: stacks of dilated convolutions that make a complex mask (paper 4)."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.separation.norms import CumulativeLayerNorm, GlobalLayerNorm
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.spectra import BINS

_KERNEL = 3  # frames of a dilated convolution
_BLOCK = re.compile(r"(stack\d+_block\d+)_(in|depthwise|out)")
_SLOPE = 0.25  # of PReLU at the beginning, as PyTorch has it
_SMALL = 0.01  # variance of the mask's weights at the beginning, of Glorot's
_HALF_OPEN = 0.5  # the mask at the beginning


@keras.utils.register_keras_serializable("tfsv")
class ComplexMask(keras.layers.Layer):
    """The product of a complex mask and the spectrum of microphone 1 (complex ratio mask).

    Example:
        >>> ComplexMask()((tf.zeros([1, 9, 1, 514]), tf.zeros([1, 9, 2, 257]))).shape
        TensorShape([1, 9, 2, 257])

    Input: the mask, float32 `[batch, frames, 1, 2 · 257]` with the real part first, and the
        spectrum, float32 `[batch, frames, 2, 257]`, real and imaginary part.
    Output: the spectrum of the target, float32 `[batch, frames, 2, 257]`.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        mask, spectrum = inputs
        real, imaginary = mask[..., :BINS], mask[..., BINS:]
        a, b = spectrum[:, :, :1], spectrum[:, :, 1:]
        return tf.concat([real * a - imaginary * b, real * b + imaginary * a], axis=2)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[1]


def build_separator(settings: SeparatorSettings, features: int) -> keras.Model:
    """A temporal convolutional network from features and a spectrum to the target's spectrum.

    A 1 × 1 convolution takes the features to `channels`. `stacks` stacks follow. Each has `blocks`
    blocks, which are dilated by 1, 2, 4 and so on. A block is a 1 × 1 convolution to `hidden`
    channels, PReLU and a normalisation, a depthwise convolution over 3 frames, PReLU and a
    normalisation, and a 1 × 1 convolution back to `channels`, to which the block's input is added.
    These are paper 4's seven sublayers. A linear 1 × 1 convolution makes the mask of the last
    block's output.

    The paper is silent on biases and slopes. Ours are those that make its size: slopes for each
    channel, a gain and an offset in each normalisation, and a bias only in the convolution back.

    At the beginning the mask is nearly 0.5, and blocks add little to what they hear. With Glorot's
    weights everywhere the mask was so strong that levels were 14 dB too high after 200 steps.

    Layers are two-dimensional on `[batch, frames, 1, channels]`, for TFLite reshapes others.

    Example:
        >>> network = build_separator(SIZES["small"], features=11 * 257)
        >>> network.output_shape
        (None, None, 2, 257)

    Args:
        settings: Sizes and form.
        features: Number of features of a frame, such as `SpatialFeatures.count * 257`.

    Returns:
        A network named "separator" with the inputs "features", float32 `[batch, frames, 1,
        features]`, and "spectrum", float32 `[batch, frames, 2, 257]`: the real and imaginary part
        of microphone 1. Its output has the shape of the latter.
    """
    given = keras.Input((None, 1, features), name="features")
    spectrum = keras.Input((None, 2, BINS), name="spectrum")
    norm = _NORMS[settings.chosen_norm]
    x = keras.layers.Conv2D(settings.channels, 1, name="bottleneck")(given)
    for stack in range(1, settings.stacks + 1):
        for block in range(1, settings.blocks + 1):
            name = f"stack{stack}_block{block}"
            x = _block(x, settings, 2 ** (block - 1), name, norm)
    mask = keras.layers.Conv2D(2 * BINS, 1, kernel_initializer=_weak(_SMALL), name="mask")
    target = ComplexMask(name="target")([mask(x), spectrum])
    mask.bias.assign([_HALF_OPEN] * BINS + [0.0] * BINS)
    return keras.Model([given, spectrum], target, name="separator")


def block_layers(names: Iterable[str]) -> list[str]:
    """The layers with kernels that stand in blocks. Only these get bits in paper 4.

    Example:
        >>> block_layers(["bottleneck", "stack1_block1_in", "stack1_block1_in_norm"])
        ['stack1_block1_in']

    Args:
        names: Names of layers of a separator.
    """
    return [name for name in names if _BLOCK.fullmatch(name)]


def hidden_network(network: keras.Model) -> keras.Model:
    """The same layers up to the last block's output, whose sigmoid paper 4's divergence compares.

    Example:
        >>> hidden_network(build_separator(SIZES["small"], 11 * 257)).output_shape
        (None, None, 1, 96)

    Args:
        network: A separator without quantizers.
    """
    return keras.Model(network.inputs, network.get_layer("mask").input, name="hidden")


def _block(
    x: tf.Tensor,
    settings: SeparatorSettings,
    dilation: int,
    name: str,
    norm: Callable[..., keras.layers.Layer],
) -> tf.Tensor:
    layers = keras.layers

    def bent(y: tf.Tensor, part: str) -> tf.Tensor:
        slope = keras.initializers.Constant(_SLOPE)
        y = layers.PReLU(slope, shared_axes=[1, 2], name=f"{name}_{part}_slope")(y)
        return norm(name=f"{name}_{part}_norm")(y)

    y = layers.Conv2D(settings.hidden, 1, use_bias=False, name=f"{name}_in")(x)
    y = bent(y, "in")
    if settings.causal:
        past = (_KERNEL - 1) * dilation
        y = layers.ZeroPadding2D(((past, 0), (0, 0)), name=f"{name}_past")(y)
    y = layers.DepthwiseConv2D(
        (_KERNEL, 1),
        padding="valid" if settings.causal else "same",
        dilation_rate=(dilation, 1),
        use_bias=False,
        name=f"{name}_depthwise",
    )(y)
    y = bent(y, "depthwise")
    weak = _weak(1 / (settings.stacks * settings.blocks))
    y = layers.Conv2D(settings.channels, 1, kernel_initializer=weak, name=f"{name}_out")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def _weak(scale: float) -> keras.initializers.Initializer:
    """Glorot's initial weights with their variances scaled."""
    return keras.initializers.VarianceScaling(scale, "fan_avg", "uniform")


def _batch_norm(name: str) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-5, name=name)


_NORMS: dict[str, Callable[..., keras.layers.Layer]] = {
    "global": GlobalLayerNorm,
    "cumulative": CumulativeLayerNorm,
    "batch": _batch_norm,
}
