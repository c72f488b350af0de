"""ReDimNet2: stages over the image and over time, between which maps are only reshaped."""

import functools
import math

import tf_keras as keras

from tfsv.models.feature_maps import Mixture, WholeGroups
from tfsv.models.heads import one_layer
from tfsv.models.networks.xvector import RepeatedFrames
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry
from tfsv.models.self_attention import HeadAttention, TanhGELU

BLOCKS = (2, 3, 4, 5, 4, 3)
"""Number of image blocks in each stage."""

POOLED_FRAMES = (1, 1, 2, 2, 4, 4)
"""Frames that each stage takes as one."""

CONTEXTS = (7, 19, 31, 59)
"""Frames that each convolution over time sees."""

HEADS = 4
"""Heads of each attention, of whose number widths over time are multiples."""

_GROUP = max(POOLED_FRAMES)
_HALVING = (1, 2, 1, 2, 1, 2)  # filters that each stage takes as one
_HALVING_AND_THIRD = (1, 2, 1, 3, 1, 2)
_WIDENED_ONCE = (2, 1, 1, 1, 1, 1)
_WIDENED = (4, 3, 2, 1, 1, 1)
_EPSILON = 1e-6  # of normalisations over channels and of those behind widened stages


def redimnet2(
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "astp",
    reductions: tuple[int, ...],
    widenings: tuple[int, ...] = _WIDENED_ONCE,
    strides: tuple[int, ...] = _HALVING,
    outputs: int | None = None,
    image_head: bool = False,
    name: str = "redimnet2",
) -> keras.Model:
    """A ReDimNet2, in PalabraAI's layout, which WeSpeaker shares.

    The map of an utterance has `channels` times `bins` features a frame in every stage. Over the
    image, a stage with fewer frequencies has more channels; over time, all are channels. To go
    from one to the other is to reshape.

    A stage mixes all maps before it (`Mixture`). A depthwise convolution whose kernel is its stride
    takes neighbouring frequencies as one, and 1, 2 or 4 frames. Blocks over the image follow, each
    of two depthwise-separable 3 × 3 convolutions with a shortcut. Where the stage is widened, a
    1 × 1 convolution narrows it again. Behind them, with a shortcut, come the layers over time: a
    1 × 1 convolution, four depthwise convolutions over 7, 19, 31 and 59 frames, one transformer
    layer of four heads, and a 1 × 1 convolution back. Frames are repeated until there are as many
    as before the stage.

    The mixture of all maps, a 1 × 1 convolution ("head"), attentive statistics pooling, batch
    normalisation and one dense layer end the network.

    Published networks have 72 mel filters of a front end of their own,
    `tfsv.normalised_mel.NormalisedMel`. The last frames are dropped until their number is a
    multiple of 4. Utterances of less than 4 frames are repeated, which is our choice: the original
    has no embedding of them. So is the width over time in narrow networks: it is rounded down to a
    multiple of `HEADS`, and at least that.

    Example:
        >>> sizes = {"channels": 12, "bins": 72, "embedding_size": 192}
        >>> redimnet2(**sizes, reductions=(36, 36, 36, 36, 18, 18)).output_shape
        (None, 192)

    Args:
        channels: Width of the stem.
        bins: Number of mel filters, a multiple of the product of all `strides`.
        embedding_size: Number of components of the embedding (192 there).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        reductions: How often the width over time goes into the features, stage by stage.
        widenings: How often the image blocks' width has that of the stage, stage by stage.
        strides: Frequencies that the stage takes as one, stage by stage.
        outputs: Width of the head. None: there is no head.
        image_head: Whether the head is a convolution over the image instead of over time.
        name: Name of the network.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    size = channels * bins
    x = RepeatedFrames(_GROUP, name="repeated")(features)
    x = WholeGroups(_GROUP, name="whole_groups")(x)
    x = keras.layers.Reshape((-1, bins, 1), name="image")(x)
    x = keras.layers.Conv2D(
        channels, 3, padding="same", kernel_initializer="he_normal", name="stem"
    )(x)
    x = keras.layers.Reshape((-1, size), name="stem_map")(_layer_norm(x, "stem"))
    maps = [x]
    for stage, (reduction, widening, stride) in enumerate(
        zip(reductions, widenings, strides, strict=True), start=1
    ):
        bins //= stride
        width = _width_over_time(size, reduction)
        x = _mixed(maps, f"stage{stage}_mixture")
        x = _stage(x, (stage, bins, size // bins, stride, widening), width)
        maps.append(_repeated(x, POOLED_FRAMES[stage - 1], f"stage{stage}_repeated"))
    x = _mixed(maps, "mixture")
    if image_head:
        x = keras.layers.Reshape((-1, bins, size // bins), name="head_image")(x)
        x = keras.layers.Conv2D(outputs, 1, kernel_initializer="he_normal", name="head")(x)
    elif outputs is not None:
        x = _conv(x, outputs, "head")
    x = norm(pooled(x, pooling), "pooling")
    return keras.Model(features, one_layer(x, embedding_size), name=name)


def _width_over_time(size: int, reduction: int) -> int:
    return max(1, size // reduction // HEADS) * HEADS


def _mixed(maps: list, name: str):
    return Mixture(name=name)(maps) if len(maps) > 1 else maps[0]


def _stage(x, image: tuple[int, int, int, int, int], width: int):
    stage, bins, channels, stride, widening = image
    name = f"stage{stage}"
    frames, wide = POOLED_FRAMES[stage - 1], channels * widening
    x = _downsampled(x, (frames, stride), channels // stride, wide, f"{name}_downsampling")
    x = keras.layers.Reshape((-1, bins, wide), name=f"{name}_image")(x)
    for block in range(1, BLOCKS[stage - 1] + 1):
        x = _image_block(x, f"{name}_block{block}")
    if widening != 1:
        x = keras.layers.Conv2D(
            channels, 1, kernel_initializer="he_normal", name=f"{name}_narrowing"
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=_EPSILON, name=f"{name}_narrowing_norm"
        )(x)
    x = keras.layers.Reshape((-1, bins * channels), name=f"{name}_map")(x)
    return _over_time(x, width, name)


def _downsampled(x, strides: tuple[int, int], inputs: int, outputs: int, name: str):
    """A convolution of frames and frequencies that do not overlap, each channel by itself.

    TensorFlow has depthwise convolutions of one stride for both axes only. So the frames that
    become one are put above one another, and nothing remains to stride over but frequencies.
    """
    frames, stride = strides
    if frames > 1:
        x = keras.layers.Reshape((-1, frames, x.shape[-1]), name=f"{name}_groups")(x)
        x = keras.layers.Permute((2, 1, 3), name=f"{name}_rows")(x)
    x = keras.layers.Reshape((frames, -1, inputs), name=f"{name}_image")(x)
    return keras.layers.DepthwiseConv2D(
        (frames, stride), stride, depth_multiplier=outputs // inputs,
        depthwise_initializer="he_normal", name=name,
    )(x)  # fmt: skip


def _image_block(x, name: str):
    y = _separable(x, f"{name}_depthwise1", f"{name}_conv1")
    y = norm(keras.layers.ReLU(name=f"{name}_relu1")(y), f"{name}_conv1")
    y = norm(_separable(y, f"{name}_depthwise2", f"{name}_conv2"), f"{name}_conv2")
    y = keras.layers.Add(name=f"{name}_add")([y, x])
    return keras.layers.ReLU(name=f"{name}_relu2")(y)


def _separable(x, depthwise: str, pointwise: str):
    y = keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer="he_normal", name=depthwise
    )(x)
    return keras.layers.Conv2D(x.shape[-1], 1, kernel_initializer="he_normal", name=pointwise)(y)


def _over_time(x, width: int, name: str):
    y = _layer_norm(_conv(x, width, f"{name}_reduction"), f"{name}_reduction")
    for index, frames in enumerate(CONTEXTS, start=1):
        y = _context(y, frames, f"{name}_context{index}")
    y = _conv(_transformer(y, width, name), x.shape[-1], f"{name}_expansion")
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _context(x, frames: int, name: str):
    channels = x.shape[-1]
    # Frames stand in a column and are padded first: with oneDNN, TensorFlow 2.16 writes beyond its
    # memory in a depthwise convolution over a row of frames, or one that pads a wide kernel itself.
    y = keras.layers.Reshape((-1, 1, channels), name=f"{name}_column")(x)
    y = keras.layers.ZeroPadding2D((frames // 2, 0), name=f"{name}_pad")(y)
    y = keras.layers.DepthwiseConv2D(
        (frames, 1), depthwise_initializer="he_normal", name=f"{name}_depthwise"
    )(y)
    y = keras.layers.Activation("gelu", name=f"{name}_gelu")(norm(y, f"{name}_depthwise"))
    y = keras.layers.Reshape((-1, channels), name=f"{name}_frames")(y)
    return keras.layers.Add(name=f"{name}_add")([x, _conv(y, channels, f"{name}_conv")])


def _transformer(x, width: int, name: str):
    asked = [_conv(x, width, f"{name}_{part}") for part in ("query", "key", "value")]
    heard = HeadAttention(HEADS, name=f"{name}_heads")(asked)
    y = _conv(heard, width, f"{name}_heard")
    y = keras.layers.Add(name=f"{name}_heard_add")([x, y])
    y = _layer_norm(y, f"{name}_heard")
    z = TanhGELU(name=f"{name}_inner_gelu")(_conv(y, width, f"{name}_inner"))
    z = _conv(z, width, f"{name}_outer")
    z = keras.layers.Add(name=f"{name}_outer_add")([y, z])
    return _layer_norm(z, f"{name}_outer")


def _repeated(x, times: int, name: str):
    """Each frame so many times."""
    if times == 1:
        return x
    beside = keras.layers.Concatenate(name=f"{name}_beside")([x] * times)
    return keras.layers.Reshape((-1, x.shape[-1]), name=name)(beside)


def _conv(x, channels: int, name: str):
    return keras.layers.Conv1D(channels, 1, kernel_initializer="he_normal", name=name)(x)


def _layer_norm(x, name: str):
    return keras.layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)


_LARGE = {"widenings": _WIDENED}
_B0 = {"reductions": (36, 36, 36, 36, 18, 18)}
_B1 = {"reductions": (32, 32, 32, 32, 16, 16)}
_B2 = {"reductions": (40, 30, 30, 20, 20, 10), "strides": _HALVING_AND_THIRD}
_B5 = {**_LARGE, "reductions": (48, 48, 48, 48, 32, 32), "outputs": 256}
for _name, _channels, _sizes in (
    ("redimnet2_b0", 12, {**_B0, "outputs": 64, "image_head": True}),
    ("redimnet2_b1", 16, _B1),
    ("redimnet2_b2", 20, _B2),
    ("redimnet2_b3", 24, {**_LARGE, "reductions": (24,) * 6}),
    ("redimnet2_b4", 32, {**_LARGE, "reductions": (24,) * 6}),
    ("redimnet2_b5", 48, {**_B5, "image_head": True}),
    ("wespeaker_redimnet2_b0", 12, {**_B0, "outputs": 64}),
    ("wespeaker_redimnet2_b1", 16, {**_B1, "outputs": 64}),
    ("wespeaker_redimnet2_b2", 20, {**_B2, "outputs": 64}),
    ("wespeaker_redimnet2_b3", 24, {**_B0, "outputs": 64}),
    ("wespeaker_redimnet2_b5", 48, _B5),
):
    NETWORKS.add(
        _name,
        NetworkEntry(
            functools.partial(redimnet2, name=_name, **_sizes),
            channels=_channels,
            embedding_size=192,
            pooling="astp",
            bins_multiple=math.prod(_sizes.get("strides", _HALVING)),
        ),
    )
