"""ECAPA-TDNN: one-dimensional convolutions with channel attention, the other network of paper 2."""

import functools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.models.heads import Head, normalised_layer, one_layer
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry

SCALE = 8
"""Number of channel groups in a Res2 block. Widths are multiples of it."""

_DILATIONS = (2, 3, 4)
_BOTTLENECK = 128
_AGGREGATED = 1536


@keras.utils.register_keras_serializable("tfsv")
class ChannelGroups(keras.layers.Layer):
    """Splits the channels into groups of equal size.

    Example:
        >>> [group.shape for group in ChannelGroups(2)(tf.zeros([1, 100, 24]))]
        [TensorShape([1, 100, 12]), TensorShape([1, 100, 12])]

    Input: `[batch, time, channels]` or `[batch, time, frequency, channels]`.
    Output: a list of `count` tensors of the same axes with `channels / count` channels.

    Args:
        count: Number of groups, a divisor of the number of channels.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(x, self.count, axis=-1)

    def compute_output_shape(self, input_shape):
        return [(*input_shape[:-1], input_shape[-1] // self.count)] * self.count

    def get_config(self) -> dict:
        return {**super().get_config(), "count": self.count}


@keras.utils.register_keras_serializable("tfsv")
class ReflectPadding1D(keras.layers.Layer):
    """Mirrors the first and last frames outwards, without repeating the outermost ones.

    An utterance may have no more than `size` frames, which PyTorch refuses. Then the frame at its
    other end stands for those that are missing, which is our choice.

    Example:
        >>> ReflectPadding1D(2)(tf.zeros([1, 100, 24])).shape
        TensorShape([1, 104, 24])

    Input: `[batch, time, channels]`.
    Output: `[batch, time + 2 * size, channels]`.

    Args:
        size: Number of frames to add at each end.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: tf.Tensor) -> tf.Tensor:
        last = tf.shape(x)[1] - 1
        distances = np.arange(1, self.size + 1, dtype=np.int32)
        before = tf.gather(x, tf.minimum(distances[::-1], last), axis=1)
        after = tf.gather(x, tf.maximum(last - distances, 0), axis=1)
        return tf.concat([before, x, after], axis=1)

    def compute_output_shape(self, input_shape):
        batch, time, channels = input_shape
        return (batch, None if time is None else time + 2 * self.size, channels)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


def ecapa(
    *,
    channels: int,
    bins: int,
    embedding_size: int,
    pooling: str = "astp",
    speechbrain: bool = False,
    head: Head = one_layer,
) -> keras.Model:
    """An ECAPA-TDNN in WeSpeaker's or SpeechBrain's layout.

    A convolution over 5 frames comes first, and three SE-Res2 blocks over 3 frames follow, dilated
    by 2, 3 and 4. A 1 × 1 convolution with ReLU takes the three blocks' outputs to 1536 channels.
    Attentive statistics pooling with global context, batch normalisation and one dense layer end
    the network. Every convolution has a bias and is followed by ReLU and only then by batch
    normalisation.

    SpeechBrain's layout differs in four things. Convolutions see the utterance mirrored at its
    ends, not zeros. The 1 × 1 convolution over the blocks' outputs keeps their number of channels
    (3072 of 1024) and is followed by batch normalisation. The pooling is "astp_speechbrain". In a
    Res2 block the first group of channels is not convolved, where it is the last one in
    WeSpeaker's. This is a matter of their order and not kept here.

    In pooling "astp" frames see the utterance's statistics, as in WeSpeaker's networks with GLOB
    in the name. Its others have "astp_local". `ecapa512_norm` and `ecapa1024_norm` have batch
    normalisation behind the dense layer too (`emb_bn`).

    Narrow networks scale down, which is our choice. The 1536 channels are never more than the
    blocks' outputs together. The 128 channels of squeeze and attention layers are never more than
    `channels`.

    Example:
        >>> ecapa(channels=512, bins=80, embedding_size=192).output_shape
        (None, 192)

    Args:
        channels: Width of the blocks (512 or 1024 in the papers), a multiple of `SCALE`.
        bins: Number of mel filters.
        embedding_size: Number of components of the embedding (192 in the papers).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        speechbrain: Whether the layout is SpeechBrain's.
        head: Function that adds the dense layer, such as `tfsv.models.heads.normalised_layer`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    padding = "reflect" if speechbrain else "same"
    features = keras.Input((None, bins), name="features")
    x = _conv_relu_norm(features, channels, 5, 1, "layer1", padding)
    blocks = []
    for index, dilation in enumerate(_DILATIONS, start=1):
        x = _se_res2_block(x, dilation, f"block{index}", padding)
        blocks.append(x)
    x = keras.layers.Concatenate(name="blocks")(blocks)
    if speechbrain:
        x = _conv_relu_norm(x, x.shape[-1], 1, 1, "aggregation")
    else:
        x = _conv_relu(x, min(_AGGREGATED, x.shape[-1]), 1, 1, "aggregation")
    x = norm(pooled(x, pooling, min(_BOTTLENECK, channels)), "pooling")
    return keras.Model(features, head(x, embedding_size), name="ecapa")


def _se_res2_block(x, dilation: int, name: str, padding: str):
    channels, shortcut = x.shape[-1], x
    x = _conv_relu_norm(x, channels, 1, 1, f"{name}_conv1")
    x = res2(x, dilation, name, padding)
    x = _conv_relu_norm(x, channels, 1, 1, f"{name}_conv2")
    x = _squeeze_excitation(x, name)
    return keras.layers.Add(name=f"{name}_add")([x, shortcut])


def res2(x, dilation: int, name: str, padding: str = "same"):
    """Adds the Res2 convolutions of a block to a functional network.

    Every group of channels but the last is convolved, each together with the result of the one
    before.

    Example:
        >>> res2(keras.Input((None, 64)), dilation=2, name="block1").shape
        TensorShape([None, None, 64])

    Args:
        x: Keras tensor `[batch, time, channels]`.
        dilation: Dilation of the convolutions.
        name: Name of the block, with which the names of its layers begin.
        padding: Padding of the convolutions, "same" or "reflect".
    """
    # In halves, since XNNPACK splits into four tensors at most and joins no more than five.
    halves = ChannelGroups(2, name=f"{name}_halves")(x)
    groups = []
    for index, half in enumerate(halves, start=1):
        groups += ChannelGroups(SCALE // 2, name=f"{name}_groups{index}")(half)
    outputs = []
    for index, group in enumerate(groups[:-1], start=1):
        if outputs:
            group = keras.layers.Add(name=f"{name}_res{index}_add")([group, outputs[-1]])
        group = _conv_relu_norm(group, group.shape[-1], 3, dilation, f"{name}_res{index}", padding)
        outputs.append(group)
    outputs.append(groups[-1])
    halves = [
        keras.layers.Concatenate(name=f"{name}_half{index}")(half)
        for index, half in enumerate((outputs[: SCALE // 2], outputs[SCALE // 2 :]), start=1)
    ]
    return keras.layers.Concatenate(name=f"{name}_res")(halves)


def _squeeze_excitation(x, name: str):
    channels = x.shape[-1]
    gate = keras.layers.GlobalAveragePooling1D(name=f"{name}_mean")(x)
    gate = keras.layers.Dense(min(_BOTTLENECK, channels), name=f"{name}_squeeze")(gate)
    gate = keras.layers.ReLU(name=f"{name}_squeeze_relu")(gate)
    gate = keras.layers.Dense(channels, name=f"{name}_excitation")(gate)
    gate = keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    gate = keras.layers.Reshape((1, channels), name=f"{name}_gate")(gate)
    return keras.layers.Multiply(name=f"{name}_gated")([x, gate])


def _conv_relu_norm(x, channels: int, size: int, dilation: int, name: str, padding: str = "same"):
    return norm(_conv_relu(x, channels, size, dilation, name, padding), name)


def _conv_relu(x, channels: int, size: int, dilation: int, name: str, padding: str = "same"):
    if padding == "reflect":
        x = ReflectPadding1D(dilation * (size // 2), name=f"{name}_pad")(x)
        padding = "valid"
    x = keras.layers.Conv1D(
        channels, size, padding=padding, dilation_rate=dilation,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return keras.layers.ReLU(name=f"{name}_relu")(x)


for _layout, _name, _pooling in (
    (ecapa, "ecapa{}", "astp"),
    (functools.partial(ecapa, head=normalised_layer), "ecapa{}_norm", "astp"),
    (functools.partial(ecapa, speechbrain=True), "speechbrain_ecapa{}", "astp_speechbrain"),
):
    for _width in (512, 1024):
        NETWORKS.add(
            _name.format(_width),
            NetworkEntry(
                _layout,
                channels=_width,
                embedding_size=192,
                pooling=_pooling,
                channels_multiple=SCALE,
            ),
        )
