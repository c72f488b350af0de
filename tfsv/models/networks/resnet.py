"""Two-dimensional residual networks for speaker embeddings (r-vectors): resnet18 to resnet293."""

import functools
from collections.abc import Sequence

import tf_keras as keras

from tfsv.models.deep_graphs import allow_depth
from tfsv.models.heads import Head, one_layer, two_layers
from tfsv.models.image_layers import basic_block, conv_norm, shortcut_of, stem
from tfsv.models.pooling import pooled
from tfsv.models.registry import add_residual

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    221: (6, 16, 48, 3),
    293: (10, 20, 64, 3),
}

_WIDTHS = (1, 2, 4, 8)  # of the stages, in widths of the first
_TAPERED = (1, 2, 4, 6)
_FIRST_OF_BOTTLENECKS = 50
_EXPANSION = 4
_LAYERS_OF_A_BLOCK = 11  # of Keras, on the longest path through a bottleneck and its padding


def resnet(
    depth: int,
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "tstp",
    widths: Sequence[int] = _WIDTHS,
    head: Head = one_layer,
) -> keras.Model:
    """A ResNet over the (time, frequency) image of fbank features.

    The layout is that of WeSpeaker's ResNets, which paper 1 quantizes. A 3 × 3 stem of stride 1
    without max-pooling comes first. Four stages with 1, 2, 4 and 8 times `channels` follow, of
    which stages 2 to 4 halve both axes. Blocks are basic ones up to depth 34. From depth 50 on they
    are bottlenecks: 1 × 1, 3 × 3 with the stride, and 1 × 1 to four times the stage's width. A
    1 × 1 projection shortcut stands where stride or width changes. Convolutions have no bias, and
    batch normalisation follows each. Temporal statistics pooling and one dense layer with bias end
    the network. `resnet18_two_layers` and its kin have two dense layers there. Convolutions of
    stride 2 pad one row on every side, as PyTorch does (Keras' "same" would pad at the end only).

    Example:
        >>> resnet(18, channels=32, bins=80, embedding_size=256).output_shape
        (None, 256)

    Args:
        depth: Number in the network's name, one of `BLOCKS`.
        channels: Width of the first stage (32 in the papers).
        bins: Number of mel filters, a multiple of 8.
        embedding_size: Number of components of the embedding.
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        widths: Widths of the four stages as multiples of `channels`. Half of a ResNet's weights are
            in its last stage. 6 instead of 8 there spares a third of all (`resnet18_tapered`).
        head: Function that adds the dense layers, one of `tfsv.models.heads`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    allow_depth(_LAYERS_OF_A_BLOCK * sum(BLOCKS[depth]))
    block = _bottleneck_block if depth >= _FIRST_OF_BOTTLENECKS else basic_block
    features = keras.Input((None, bins), name="features")
    x = stem(features, channels)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for index in range(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            x = block(x, channels * widths[stage], stride, f"stage{stage + 1}_block{index + 1}")
    embedding = head(pooled(x, pooling), embedding_size)
    return keras.Model(features, embedding, name=f"resnet{depth}")


def _bottleneck_block(x, channels: int, stride: int, name: str):
    shortcut = shortcut_of(x, _EXPANSION * channels, stride, name)
    x = conv_norm(x, channels, 1, 1, f"{name}_conv1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = conv_norm(x, channels, 3, stride, f"{name}_conv2")
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = conv_norm(x, _EXPANSION * channels, 1, 1, f"{name}_conv3")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu3")(x)


for _depth in BLOCKS:
    add_residual(f"resnet{_depth}", functools.partial(resnet, _depth))
add_residual("resnet18_tapered", functools.partial(resnet, 18, widths=_TAPERED))
for _depth in BLOCKS:
    add_residual(f"resnet{_depth}_two_layers", functools.partial(resnet, _depth, head=two_layers))
