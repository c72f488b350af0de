"""The separator: stacks of dilated convolutions that make a complex mask (paper 4)."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.separation.frames import BINS
from tfsv.separation.norms import CumulativeLayerNorm, GlobalLayerNorm
from tfsv.separation.pasts import KERNEL, block_dilations, past_frames
from tfsv.separation.separator_settings import SeparatorSettings

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
    target = separated(given, spectrum, settings, Utterances(settings))
    return keras.Model([given, spectrum], target, name="separator")


def separated(
    features: tf.Tensor, spectrum: tf.Tensor, settings: SeparatorSettings, time: "Utterances"
) -> tf.Tensor:
    """The layers of a separator, from tensors of a Keras network to another one.

    Example:
        >>> target = separated(features, spectrum, settings, Utterances(settings))

    Args:
        features: Float32 `[batch, frames, 1, features]`.
        spectrum: Float32 `[batch, frames, 2, 257]`.
        settings: Sizes and form.
        time: What stands where frames meet earlier ones.

    Returns:
        The spectrum of the target, float32 `[batch, frames, 2, 257]`.
    """
    x = keras.layers.Conv2D(settings.channels, 1, name="bottleneck")(features)
    for name, dilation in block_dilations(settings).items():
        x = _block(x, settings, dilation, name, time)
    mask = keras.layers.Conv2D(2 * BINS, 1, kernel_initializer=_weak(_SMALL), name="mask")
    target = ComplexMask(name="target")([mask(x), spectrum])
    mask.bias.assign([_HALF_OPEN] * BINS + [0.0] * BINS)
    return target


class Utterances:
    """What stands in a network of whole utterances where frames meet earlier ones.

    Example:
        >>> time = Utterances(SIZES["small"])
        >>> y = time.normalised(x, "stack1_block1_in_norm")

    Args:
        settings: Sizes and form of the network.
    """

    def __init__(self, settings: SeparatorSettings):
        self._norm = _NORMS[settings.chosen_norm]

    def normalised(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """Frames behind a layer of normalisation of this name."""
        return self._norm(name=name)(x)

    def with_past(self, x: tf.Tensor, frames: int, name: str) -> tf.Tensor:
        """Frames with so many earlier ones in front, by a layer of this name."""
        return keras.layers.ZeroPadding2D(((frames, 0), (0, 0)), name=name)(x)


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
    time: Utterances,
) -> tf.Tensor:
    layers = keras.layers

    def bent(y: tf.Tensor, part: str) -> tf.Tensor:
        slope = keras.initializers.Constant(_SLOPE)
        y = layers.PReLU(slope, shared_axes=[1, 2], name=f"{name}_{part}_slope")(y)
        return time.normalised(y, f"{name}_{part}_norm")

    y = layers.Conv2D(settings.hidden, 1, use_bias=False, name=f"{name}_in")(x)
    y = bent(y, "in")
    if settings.causal:
        y = time.with_past(y, past_frames(dilation), f"{name}_past")
    y = layers.DepthwiseConv2D(
        (KERNEL, 1),
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
