"""ERes2Net and ERes2NetV2: residual networks of small scales that attention fuses."""

import functools

import tensorflow as tf
import tf_keras as keras

from tfsv.models.image_layers import conv_norm, stem
from tfsv.models.networks.ecapa import ChannelGroups
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry

BLOCKS = (3, 4, 6, 3)
"""Number of blocks in each stage, as published."""

CHANNELS_MULTIPLE = 4
"""Number of which widths are multiples, so that the narrowest attention has a channel."""

_HIGHEST = 20.0  # where the ReLU within blocks ends
_ATTENTION = 4  # how often the attention's inner width goes into the outer one
_OF_64 = 64  # `base_width` counts channels where a stage has so many


def eres2net(
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "tstp",
    base_width: int = 32,
    scale: int = 2,
    expansion: int = 2,
    fused_stages: int = 4,
    name: str = "eres2net",
) -> keras.Model:
    """An ERes2Net (Chen et al. 2023, arXiv:2305.12838), in the layout of 3D-Speaker and WeSpeaker.

    A 3 × 3 stem and four stages of Res2Net blocks come first. A block's 1 × 1 convolution has the
    stride and makes `scale` groups of channels. Each group is convolved together with the result of
    the one before, and a 1 × 1 convolution joins them. In the first two stages, the two are added.
    In the last two, attention fuses them: it weighs one against the other, channel by channel and
    pixel by pixel. The ReLUs of blocks end at 20.

    Outputs of stages are fused as well. A 3 × 3 convolution of stride 2 takes what was fused so far
    to the size of the next stage's output. Attention fuses both. Statistics pooling and one dense
    layer with bias end the network.

    ERes2NetV2 (arXiv:2406.02167) fuses the last two stages only. Its blocks have wider groups.

    Example:
        >>> eres2net(channels=32, bins=80, embedding_size=192).output_shape
        (None, 192)

    Args:
        channels: Width of the stem and the first stage, a multiple of `CHANNELS_MULTIPLE`. It is 32
            for the base network in the paper and 64 for the large one.
        bins: Number of mel filters, a multiple of 8.
        embedding_size: Number of components of the embedding (192 or 512 there).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        base_width: Channels of a group in a stage of 64.
        scale: Number of groups in a block.
        expansion: Width of a block's output in widths of its stage.
        fused_stages: Number of last stages whose outputs are fused, from 2 to 4.
        name: Name of the network.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x, fused = stem(features, channels), None
    for stage, blocks in enumerate(BLOCKS, start=1):
        width = channels * 2 ** (stage - 1)
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _block(
                x, (width * base_width // _OF_64, scale, width * expansion), stride,
                attentive=stage > 2, name=f"stage{stage}_block{block}",
            )  # fmt: skip
        if fused is not None:
            fused = _downsampled(fused, x.shape[-1], f"stage{stage - 1}_downsampling")
            fused = attentive_fusion(x, fused, f"stage{stage}_fusion")
        elif stage == 1 + len(BLOCKS) - fused_stages:
            fused = x
    x = pooled(fused, pooling)
    embedding = keras.layers.Dense(embedding_size, name="embedding", dtype="float32")(x)
    return keras.Model(features, embedding, name=name)


def attentive_fusion(x: tf.Tensor, other: tf.Tensor, name: str) -> tf.Tensor:
    """Adds the attentional feature fusion of two images to a functional network.

    Two 1 × 1 convolutions with batch normalisation, SiLU between and tanh behind, see both images.
    They give a weight between 0 and 2 of the first image. The second one has 2 less the weight.

    Example:
        >>> image = keras.Input((100, 10, 16))
        >>> attentive_fusion(image, image, "fusion").shape
        TensorShape([None, 100, 10, 16])

    Args:
        x: Keras tensor `[batch, frames, frequencies, channels]`.
        other: Keras tensor of the same shape.
        name: Name with which the names of the layers begin.
    """
    channels = x.shape[-1]
    y = keras.layers.Concatenate(name=f"{name}_both")([x, other])
    y = _biased_conv_norm(y, channels // _ATTENTION, f"{name}_squeeze")
    y = keras.layers.Activation("swish", name=f"{name}_swish")(y)
    y = _biased_conv_norm(y, channels, f"{name}_excitation")
    y = keras.layers.Activation("tanh", name=f"{name}_tanh")(y)
    return WeighedSum(name=name)([x, other, y])


@keras.utils.register_keras_serializable("tfsv")
class WeighedSum(keras.layers.Layer):
    """The sum of two tensors, weighed against each other.

    Example:
        >>> one = tf.ones([1])
        >>> WeighedSum()([one, 3 * one, one / 2]).numpy()
        array([3.], dtype=float32)

    Input: x, y and weights from -1 to 1, all float of one shape.
    Output: (1 + weights) x + (1 - weights) y, of the same shape.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, y, weights = inputs
        return x + y + weights * (x - y)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def _block(x, widths: tuple[int, int, int], stride: int, *, attentive: bool, name: str):
    group_width, scale, outputs = widths
    shortcut = x
    if stride != 1 or x.shape[-1] != outputs:
        shortcut = conv_norm(x, outputs, 1, stride, f"{name}_shortcut")
    x = _relu20(conv_norm(x, group_width * scale, 1, stride, f"{name}_conv1"), f"{name}_relu1")
    groups = []
    for index, group in enumerate(ChannelGroups(scale, name=f"{name}_groups")(x), start=1):
        if groups and attentive:
            group = attentive_fusion(groups[-1], group, f"{name}_fusion{index - 1}")
        elif groups:
            group = keras.layers.Add(name=f"{name}_res{index}_add")([groups[-1], group])
        group = conv_norm(group, group_width, 3, 1, f"{name}_res{index}")
        groups.append(_relu20(group, f"{name}_res{index}_relu"))
    x = keras.layers.Concatenate(name=f"{name}_res")(groups)
    x = conv_norm(x, outputs, 1, 1, f"{name}_conv3")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return _relu20(x, f"{name}_relu3")


def _downsampled(x, channels: int, name: str):
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        channels, 3, 2, use_bias=False, kernel_initializer="he_normal", name=name
    )(x)


def _biased_conv_norm(x, channels: int, name: str):
    x = keras.layers.Conv2D(channels, 1, kernel_initializer="he_normal", name=name)(x)
    return norm(x, name)


def _relu20(x, name: str):
    return keras.layers.ReLU(_HIGHEST, name=name)(x)


_V2 = {"fused_stages": 2, "base_width": 26}
for _name, _channels, _sizes in (
    ("eres2net", 32, {}),
    ("eres2net_huge", 64, {"base_width": 24, "scale": 3, "expansion": 4}),
    ("eres2netv2", 64, _V2),
    ("eres2netv2_w24s4ep4", 64, _V2 | {"base_width": 24, "scale": 4, "expansion": 4}),
):
    NETWORKS.add(
        _name,
        NetworkEntry(
            functools.partial(eres2net, name=_name, **_sizes),
            channels=_channels,
            embedding_size=192,
            pooling="tstp",
            channels_multiple=CHANNELS_MULTIPLE,
            bins_multiple=8,
        ),
    )
