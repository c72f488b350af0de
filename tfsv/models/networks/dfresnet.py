"""Depth-first residual networks: many thin layers instead of few wide ones."""

import functools

import tf_keras as keras

from tfsv.models.heads import Head, one_layer, two_layers
from tfsv.models.image_layers import conv_norm, stem
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import add_residual

BLOCKS = {56: (3, 3, 9, 3), 110: (3, 3, 27, 3), 179: (3, 8, 45, 3), 233: (3, 8, 63, 3)}
GEMINI_BLOCKS = {60: BLOCKS[56], 114: BLOCKS[110], 183: BLOCKS[179], 237: BLOCKS[233]}

_GEMINI_STRIDES = ((1, 2), (2, 2), (1, 2), (1, 2))  # time, frequency

_EXPANSION = 4


def dfresnet(
    depth: int,
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "tstp",
    downsampling: int = 2,
) -> keras.Model:
    """A DF-ResNet over the (time, frequency) image of fbank features, as paper 1 quantizes it.

    A 3 × 3 stem comes first, and four stages with 1, 2, 4 and 8 times `channels` follow. They are
    made of inverted bottlenecks: convolutions of 1 × 1 to four times the width, depthwise 3 × 3,
    and 1 × 1 back. Each convolution has batch normalisation. The first two have a ReLU; the third
    is added to the block's input before a ReLU. Between the stages stands a convolution of stride 2
    with batch normalisation and no ReLU. No convolution has a bias. Statistics pooling and one
    dense layer with bias end the network. The depth in the name counts stem, blocks (three layers
    each) and embedding, not the downsampling layers.

    The papers leave these open, so they are our choices:

    - Downsampling convolutions are 2 × 2 or 3 × 3. Only 2 × 2 give depths 56 and 110 the published
      multiply-accumulates (2.66 G, 5.15 G). For depths 179 and 233 only 3 × 3 give the published
      parameters (9.84 M, 12.3 M). They also give 233 the published multiply-accumulates, as newer
      tools count (11.17 G). There 2 × 2 fall short of both, hence the option.
    - A 2 × 2 convolution over an odd number of frames sees a frame of zeros behind the last one. So
      utterances of any length have an embedding. A 3 × 3 one pads one row on every side.
    - The stages' numbers of blocks are those in the public code of the Gemini variants. Their names
      count four downsampling layers too (60, 114, 183, 237).

    Example:
        >>> dfresnet(56, channels=32, bins=80, embedding_size=256).output_shape
        (None, 256)

    Args:
        depth: Number in the network's name, one of `BLOCKS`.
        channels: Width of the first stage (32 in the papers).
        bins: Number of mel filters, a multiple of 8.
        embedding_size: Number of components of the embedding.
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        downsampling: Size of the downsampling convolutions, 2 or 3.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = stem(features, channels)
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        if stage > 1:
            x = conv_norm(x, 2 * x.shape[-1], downsampling, 2, f"stage{stage}_downsampling")
        for block in range(1, blocks + 1):
            x = _inverted_bottleneck(x, f"stage{stage}_block{block}")
    embedding = one_layer(pooled(x, pooling), embedding_size)
    return keras.Model(features, embedding, name=f"dfresnet{depth}")


def gemini(
    depth: int,
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "tstp",
    head: Head = one_layer,
) -> keras.Model:
    """A DF-ResNet with the strides of "Golden Gemini" (arXiv:2312.03620), in WeSpeaker's layout.

    It differs from `dfresnet` in its downsampling convolutions only. All are 3 × 3. A further one
    stands before the first stage and keeps the width. Each halves the frequency axis, but only the
    second one halves time. The depth in the name counts them.

    Example:
        >>> gemini(60, channels=32, bins=80, embedding_size=256).output_shape
        (None, 256)

    Args:
        depth: Number in the network's name, one of `GEMINI_BLOCKS`.
        channels: Width of the stem and of the first stage (32 in WeSpeaker).
        bins: Number of mel filters, a multiple of 16.
        embedding_size: Number of components of the embedding.
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        head: Function that adds the dense layers, one of `tfsv.models.heads`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = stem(features, channels)
    stages = zip(GEMINI_BLOCKS[depth], _GEMINI_STRIDES, strict=True)
    for stage, (blocks, strides) in enumerate(stages, start=1):
        x = conv_norm(x, channels * 2 ** (stage - 1), 3, strides, f"stage{stage}_downsampling")
        for block in range(1, blocks + 1):
            x = _inverted_bottleneck(x, f"stage{stage}_block{block}")
    embedding = head(pooled(x, pooling), embedding_size)
    return keras.Model(features, embedding, name=f"gemini{depth}")


def _inverted_bottleneck(x, name: str):
    shortcut, channels = x, x.shape[-1]
    x = conv_norm(x, _EXPANSION * channels, 1, 1, f"{name}_expand")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = _depthwise_norm(x, f"{name}_depthwise")
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = conv_norm(x, channels, 1, 1, f"{name}_reduce")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu3")(x)


def _depthwise_norm(x, name: str):
    # He's initialisation: a depthwise filter sees as many inputs as Keras counts outputs.
    initializer = keras.initializers.VarianceScaling(2.0, mode="fan_out")
    x = keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer=initializer, name=name
    )(x)
    return norm(x, name)


for _size, _suffix in ((2, ""), (3, "_3x3")):
    for _depth in BLOCKS:
        add_residual(
            f"dfresnet{_depth}{_suffix}", functools.partial(dfresnet, _depth, downsampling=_size)
        )

for _head, _suffix in ((one_layer, ""), (two_layers, "_two_layers")):
    for _depth in GEMINI_BLOCKS:
        add_residual(
            f"gemini{_depth}{_suffix}",
            functools.partial(gemini, _depth, head=_head),
            bins_multiple=16,
        )
