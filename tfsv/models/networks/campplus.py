"""CAM++: a densely connected TDNN whose layers gate their outputs by the context of a segment."""

import tf_keras as keras

from tfsv.models.image_layers import conv_norm, stem
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry
from tfsv.models.segments import SegmentContext, SegmentGate, Segments

BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Number of layers and dilation of each block, as published."""

WIDTHS_IN_GROWTH = 4
"""How often the growth of a layer goes into the network's width."""

_SEGMENT = 100  # frames behind the strided convolution: 2 s
_HALF_FREQUENCY = (1, 2)  # strides of time and frequency


def campplus(
    *, channels: int, bins: int, embedding_size: int, pooling: str = "tstp_3dspeaker"
) -> keras.Model:
    """CAM++ (Wang et al. 2023, arXiv:2303.00332), in 3D-Speaker's layout, which WeSpeaker shares.

    Convolutions over the image come first: a 3 × 3 stem, two residual stages of two basic blocks
    and one more convolution. The two stages and that convolution halve frequency; time stays. A
    convolution over 5 frames of stride 2 makes the frames of three blocks with 12, 24 and 16
    layers. Each layer puts its outputs beside its inputs. Behind each block, a layer without
    context halves the channels. Statistics pooling, one dense layer without bias, and batch
    normalisation without gain and offset end the network.

    A layer normalises its inputs and takes them to four times its growth, and a convolution over 3
    frames takes these to the growth. Gates multiply the result. They are made of the mean over the
    utterance plus the mean over a segment of 100 frames. The last segment averages over the frames
    that it has. Gates are computed once a segment, not once a frame, which gives the same.

    3D-Speaker's pooling is "tstp_3dspeaker". WeSpeaker's is "tstp" or "astp_local".

    Narrow networks scale down, which is our choice: a layer's growth and the width of the image
    convolutions are a quarter of `channels`.

    Example:
        >>> campplus(channels=128, bins=80, embedding_size=512).output_shape
        (None, 512)

    Args:
        channels: Width of the convolution in front of the blocks (128 in the paper), a multiple of
            `WIDTHS_IN_GROWTH`.
        bins: Number of mel filters, a multiple of 8.
        embedding_size: Number of components of the embedding (512 in the paper).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    growth = channels // WIDTHS_IN_GROWTH
    features = keras.Input((None, bins), name="features")
    x = _image_convolutions(features, growth)
    x = keras.layers.ZeroPadding1D(2, name="tdnn_pad")(x)  # as PyTorch; "same" would pad one end
    x = _relu(norm(_conv(x, channels, 5, "tdnn", strides=2), "tdnn"), "tdnn")
    segments = Segments(_SEGMENT, name="segments", dtype="float32")(x)
    for block, (layers, dilation) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            name = f"block{block}_layer{layer}"
            y = _gated_layer(x, segments, growth, dilation, name)
            x = keras.layers.Concatenate(name=f"{name}_beside")([x, y])
        x = _norm_relu(x, f"transit{block}_input")
        x = _conv(x, x.shape[-1] // 2, 1, f"transit{block}")
    x = pooled(_norm_relu(x, "frames"), pooling)
    x = keras.layers.Dense(
        embedding_size, use_bias=False, kernel_initializer="he_normal", name="embedding",
        dtype="float32",
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=False, scale=False, name="embedding_norm",
        dtype="float32",
    )(x)  # fmt: skip
    return keras.Model(features, x, name="campplus")


def _image_convolutions(features, channels: int):
    x = stem(features, channels)
    for stage in (1, 2):
        for block in (1, 2):
            x = _basic_block(x, _HALF_FREQUENCY if block == 1 else 1, f"stage{stage}_block{block}")
    x = _relu(conv_norm(x, channels, 3, _HALF_FREQUENCY, "downsampling"), "downsampling")
    return keras.layers.Reshape((-1, x.shape[2] * channels), name="image_frames")(x)


def _basic_block(x, stride: int | tuple[int, int], name: str):
    shortcut, channels = x, x.shape[-1]
    if stride != 1:
        shortcut = conv_norm(x, channels, 1, stride, f"{name}_shortcut")
    x = _relu(conv_norm(x, channels, 3, stride, f"{name}_conv1"), f"{name}_conv1")
    x = conv_norm(x, channels, 3, 1, f"{name}_conv2")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return _relu(x, name)


def _gated_layer(x, segments, growth: int, dilation: int, name: str):
    averaging, members = segments
    width = WIDTHS_IN_GROWTH * growth
    x = _conv(_norm_relu(x, f"{name}_input"), width, 1, f"{name}_bottleneck")
    x = _norm_relu(x, f"{name}_bottleneck")
    gates = SegmentContext(name=f"{name}_context")([x, averaging])
    gates = _relu(_conv(gates, width // 2, 1, f"{name}_squeeze", bias=True), f"{name}_squeeze")
    gates = _conv(gates, growth, 1, f"{name}_excitation", bias=True)
    gates = keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(gates)
    x = _conv(x, growth, 3, f"{name}_local", dilation=dilation)
    return SegmentGate(name=f"{name}_gated")([x, gates, members])


def _conv(
    x, channels: int, size: int, name: str, *, strides: int = 1, dilation: int = 1, bias=False
):
    return keras.layers.Conv1D(
        channels, size, strides, "valid" if strides > 1 else "same", dilation_rate=dilation,
        use_bias=bias, kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip


def _norm_relu(x, name: str):
    return _relu(norm(x, name), name)


def _relu(x, name: str):
    return keras.layers.ReLU(name=f"{name}_relu")(x)


NETWORKS.add(
    "campplus",
    NetworkEntry(
        campplus,
        channels=128,
        embedding_size=512,
        pooling="tstp_3dspeaker",
        channels_multiple=WIDTHS_IN_GROWTH,
        bins_multiple=8,
    ),
)
