"""ECAPA-TDNN: one-dimensional convolutions with channel attention, paper 2's other network."""

import tensorflow as tf
import tf_keras as keras

from tfsv.models.pooling import pooled
from tfsv.models.resnet import norm

SCALE = 8
"""Groups of channels in a Res2 block; widths are multiples of it."""

_DILATIONS = (2, 3, 4)
_BOTTLENECK = 128
_AGGREGATED = 1536


@keras.utils.register_keras_serializable("tfsv")
class ChannelGroups(keras.layers.Layer):
    """Splits the channels into groups of equal size.

    Input: `[batch, time, channels]`. Output: a list of `count` tensors
    `[batch, time, channels / count]`.

    Args:
        count: Number of groups; divides the channels.
        **kwargs: As for any Keras layer.
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(x, self.count, axis=2)

    def compute_output_shape(self, input_shape):
        return [(*input_shape[:2], input_shape[2] // self.count)] * self.count

    def get_config(self) -> dict:
        return {**super().get_config(), "count": self.count}


def ecapa(*, channels: int, bins: int, embedding_size: int, pooling: str = "astp") -> keras.Model:
    """An ECAPA-TDNN in WeSpeaker's layout.

    Every convolution is followed by ReLU and only then by batch normalisation, and has a bias. A
    convolution over 5 frames; three SE-Res2 blocks, over 3 frames dilated by 2, 3 and 4; a 1 × 1
    convolution with ReLU over the three blocks' outputs, to 1536 channels; attentive statistics
    pooling with global context; batch normalisation; one dense layer.

    That narrow networks scale down is our choice: the 1536 channels are never more than the blocks'
    outputs together, nor the 128 channels of squeeze and attention layers more than `channels`.

    Args:
        channels: Width of the blocks (512 or 1024 in the papers), a multiple of `SCALE`.
        bins: Mel filters.
        embedding_size: Components of the embedding (192 in the papers).
        pooling: One of `tfsv.models.pooling.POOLINGS`.

    Returns:
        `[batch, frames, bins]` to `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = _conv_relu_norm(features, channels, 5, 1, "layer1")
    blocks = []
    for index, dilation in enumerate(_DILATIONS, start=1):
        x = _se_res2_block(x, dilation, f"block{index}")
        blocks.append(x)
    x = keras.layers.Concatenate(name="blocks")(blocks)
    x = _conv_relu(x, min(_AGGREGATED, x.shape[-1]), 1, 1, "aggregation")
    x = norm(pooled(x, pooling, min(_BOTTLENECK, channels)), "pooling")
    embedding = keras.layers.Dense(embedding_size, name="embedding", dtype="float32")(x)
    return keras.Model(features, embedding, name="ecapa")


def _se_res2_block(x, dilation: int, name: str):
    channels, shortcut = x.shape[-1], x
    x = _conv_relu_norm(x, channels, 1, 1, f"{name}_conv1")
    x = _res2(x, dilation, name)
    x = _conv_relu_norm(x, channels, 1, 1, f"{name}_conv2")
    x = _squeeze_excitation(x, name)
    return keras.layers.Add(name=f"{name}_add")([x, shortcut])


def _res2(x, dilation: int, name: str):
    """Every group but the last is convolved, each together with the outcome of the one before."""
    # In halves, since XNNPACK splits into four tensors at most and joins no more than five.
    halves = ChannelGroups(2, name=f"{name}_halves")(x)
    groups = []
    for index, half in enumerate(halves, start=1):
        groups += ChannelGroups(SCALE // 2, name=f"{name}_groups{index}")(half)
    outputs = []
    for index, group in enumerate(groups[:-1], start=1):
        if outputs:
            group = keras.layers.Add(name=f"{name}_res{index}_add")([group, outputs[-1]])
        outputs.append(_conv_relu_norm(group, group.shape[-1], 3, dilation, f"{name}_res{index}"))
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


def _conv_relu_norm(x, channels: int, size: int, dilation: int, name: str):
    return norm(_conv_relu(x, channels, size, dilation, name), name)


def _conv_relu(x, channels: int, size: int, dilation: int, name: str):
    x = keras.layers.Conv1D(
        channels, size, padding="same", dilation_rate=dilation,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return keras.layers.ReLU(name=f"{name}_relu")(x)
