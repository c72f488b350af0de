"""Keras layers written anew for conversion: they compute the same in operators that suit TFLite.

The converter multiplies constants that stand next to a kernel into it, and no codebook survives
that. A *fence*, an operation that changes nothing, keeps it from doing so where such constants may
stand; `tfsv.conversion.graph.tidy` takes the fences out again.
"""

import types
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.kernel_layers import kernel_layer
from tfsv.models.recurrent import StackedLSTM
from tfsv.quantization.functional_networks import copied

FENCE = 2.0**126
"""A fence is the minimum with this number, which is exact in float32 and above any activation."""

_OWN = ("tf_keras", "tfsv")  # packages whose layers are known, those of `_CONSTANTS` excepted
_CONSTANTS = {"Lambda", "Normalization", "Rescaling", "SlicingOpLambda", "TFOpLambda"}


def conversion_layers(
    network: keras.Model,
) -> Callable[[keras.layers.Layer], keras.layers.Layer]:
    """What makes a layer for conversion of each layer of a network.

    Example:
        >>> twin = keras.models.clone_model(network, clone_function=conversion_layers(network))
        >>> twin.set_weights(network.get_weights())

    Args:
        network: A functional network. Fences are put where the layers that read a kernel's output
            may hold constants.

    Returns:
        A function for `keras.models.clone_model` as `clone_function`.
    """
    fenced = any(map(_may_hold_constants, network.layers))

    def layer_for_conversion(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = copied(layer, _WRITTEN_ANEW.get(type(layer)))
        if kernel_layer(layer):
            readers = [node.outbound_layer for node in layer.outbound_nodes]
            copy.fenced_input = fenced
            copy.fenced_output = any(map(_may_hold_constants, readers))
        return copy

    return layer_for_conversion


def _may_hold_constants(layer: keras.layers.Layer) -> bool:
    """Whether the layer may multiply or add constants in a way that nobody here knows."""
    package = type(layer).__module__.partition(".")[0]
    return package not in _OWN or type(layer).__name__ in _CONSTANTS


class _FencedNormalization(keras.layers.BatchNormalization):
    """Batch normalisation with a fence behind it.

    It ends in constants, a gain and an offset, which would go into the kernel that follows, input
    channel by input channel.
    """

    def call(self, inputs: tf.Tensor, training=None, mask=None) -> tf.Tensor:
        return tf.minimum(super().call(inputs, training=training, mask=mask), FENCE)


class _LayerNormalization(keras.layers.LayerNormalization):
    """Layer normalisation by mean and variance over the last axis.

    Keras reshapes the input so that a fused batch normalisation computes it. That takes seventeen
    operations more, among them two transpositions.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if list(self.axis) != [len(inputs.shape) - 1]:
            return super().call(inputs)
        mean, variance = tf.nn.moments(inputs, self.axis, keepdims=True)
        return tf.nn.batch_normalization(
            inputs, mean, variance, self.beta, self.gamma, self.epsilon
        )


class _GroupNormalization(keras.layers.GroupNormalization):
    """Group normalisation by mean and variance, for inputs without a mask.

    Keras weighs every value with a mask of ones and asks for every shape anew. One group of all
    channels (global layer normalisation) needs no reshaping at all.
    """

    def call(self, inputs: tf.Tensor, mask=None) -> tf.Tensor:
        rank, channels = len(inputs.shape), inputs.shape[-1]
        if mask is not None or self.axis not in (-1, rank - 1):
            return super().call(inputs, mask=mask)
        groups = self.groups
        if groups == 1:
            return self._normalised(inputs, list(range(1, rank)), [channels])
        grouped = [groups, channels // groups]
        shape = tf.shape(inputs)
        x = tf.reshape(inputs, tf.concat([shape[:-1], grouped], 0))
        axes = [axis for axis in range(1, rank + 1) if axis != rank - 1]
        return tf.reshape(self._normalised(x, axes, grouped), shape)

    def _normalised(self, x: tf.Tensor, axes: list[int], channels: list[int]) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        beta = tf.reshape(self.beta, channels) if self.center else None
        gamma = tf.reshape(self.gamma, channels) if self.scale else None
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)


class _Fenced:
    """A layer with a kernel gets fences in front of it and behind it from this class.

    Attributes:
        fenced_input: Whether there is a fence in front.
        fenced_output: Whether there is a fence behind. It keeps a ReLU that follows from being
            merged.
    """

    fenced_input = fenced_output = False

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.behind(super().call(self.in_front(inputs)))

    def in_front(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.minimum(inputs, FENCE) if self.fenced_input else inputs

    def behind(self, outputs: tf.Tensor) -> tf.Tensor:
        return tf.minimum(outputs, FENCE) if self.fenced_output else outputs


class _Dense(_Fenced, keras.layers.Dense):
    """A dense layer as one FULLY_CONNECTED, of vectors or of whatever ends in an axis of channels.

    Keras asks an input of more than two axes for its shape by a dozen operations.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if len(inputs.shape) == 2 or inputs.shape[:-1].as_list().count(None) > 1:
            return super().call(inputs)
        rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
        shape = [-1 if size is None else size for size in inputs.shape[:-1]]
        return tf.reshape(super().call(rows), [*shape, self.units])


class _Conv1D(_Fenced, keras.layers.Conv1D):
    """A convolution over time as one CONV_2D of height 1, dilated or not.

    Keras writes a dilated one over an input of unknown length as a dozen operations around
    SPACE_TO_BATCH_ND, most of which XNNPACK leaves alone.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        image = tf.expand_dims(inputs, 1)
        output = tf.nn.conv2d(
            image,
            tf.expand_dims(kernel, 0),
            strides=[1, 1, *self.strides, 1],
            padding="SAME" if self.padding == "same" else "VALID",
            dilations=[1, 1, *self.dilation_rate, 1],
        )
        return tf.squeeze(output, 1)


class _Conv2D(_Fenced, keras.layers.Conv2D):
    """A convolution as one CONV_2D, dilated or not."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(
            inputs,
            kernel,
            strides=[1, *self.strides, 1],
            padding=self.padding.upper(),
            dilations=[1, *self.dilation_rate, 1],
        )


class _DepthwiseConv1D(_Fenced, keras.layers.DepthwiseConv1D):
    """A depthwise convolution over time as one DEPTHWISE_CONV_2D of height 1, dilated or not."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        image = tf.expand_dims(self.in_front(inputs), 1)
        kernel = tf.expand_dims(self.depthwise_kernel, 0)
        # The two strides must be equal; of one row there is only the first.
        output = _depthwise(self, image, kernel, self.strides * 2, (1, *self.dilation_rate))
        return self.behind(self.activation(tf.squeeze(output, 1)))


class _DepthwiseConv2D(_Fenced, keras.layers.DepthwiseConv2D):
    """A depthwise convolution as one DEPTHWISE_CONV_2D, dilated or not."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        image = self.in_front(inputs)
        output = _depthwise(self, image, self.depthwise_kernel, self.strides, self.dilation_rate)
        return self.behind(self.activation(output))


class _StackedLSTM(StackedLSTM):
    """LSTM layers as one UNIDIRECTIONAL_SEQUENCE_LSTM each, in the one graph that a file has.

    The operator has a state for one batch size only, and keeps it between calls. So the windows
    stand behind one another in one sequence. A frame before each of them has an input of its own,
    which shuts the gates: nothing of the window before, or of the last call, is left behind it.
    The batch size is 1.
    """

    _SHUT = -1e4  # what the input adds to the gates, beyond all that they get of others

    def build(self, input_shape):
        super().build(input_shape)
        rows = [keras.layers.LSTM(self.units, return_sequences=True) for _ in self.kernels]
        for row, kernel in zip(rows, self.kernels, strict=True):
            row.build((1, None, kernel.shape[0] - self.units + 1))
        self._unseen = types.SimpleNamespace(rows=rows)  # Keras must not count their weights

    def call(self, windows: tf.Tensor) -> tf.Tensor:
        frames, bins = windows.shape[2:]
        before = [[0, 0], [0, 0], [1, 0], [0, 0]]
        shut = tf.pad(tf.zeros_like(windows[..., :1]), before, constant_values=1)
        shut = tf.reshape(shut, [1, -1, 1])
        x = tf.reshape(tf.pad(windows, before), [1, -1, bins])
        with tf.init_scope():
            self._give_weights()
        for row in self._unseen.rows:
            x = row(tf.concat([x, shut], axis=2))
        return tf.reshape(x, [1, -1, frames + 1, self.units])[:, :, -1]

    def _give_weights(self) -> None:
        gates = np.repeat(np.array([[1, 1, 0, 1]], np.float32), self.units, axis=1)
        for row, kernel, bias in zip(self._unseen.rows, self.kernels, self.biases, strict=True):
            inputs, states = np.split(kernel.numpy(), [-self.units])
            row.set_weights([np.concatenate([inputs, self._SHUT * gates]), states, bias.numpy()])


def _depthwise(
    layer: keras.layers.Layer,
    image: tf.Tensor,
    kernel: tf.Tensor,
    strides: tuple[int, int],
    dilations: tuple[int, int],
) -> tf.Tensor:
    """The convolution and the bias. TensorFlow's own function takes dilated ones apart."""
    output = tf.raw_ops.DepthwiseConv2dNative(
        input=image,
        filter=kernel,
        strides=[1, *strides, 1],
        padding=layer.padding.upper(),
        dilations=[1, *dilations, 1],
    )
    return tf.nn.bias_add(output, layer.bias) if layer.use_bias else output


_WRITTEN_ANEW = {
    keras.layers.BatchNormalization: _FencedNormalization,
    keras.layers.Conv1D: _Conv1D,
    keras.layers.Conv2D: _Conv2D,
    keras.layers.Dense: _Dense,
    keras.layers.DepthwiseConv1D: _DepthwiseConv1D,
    keras.layers.DepthwiseConv2D: _DepthwiseConv2D,
    keras.layers.GroupNormalization: _GroupNormalization,
    keras.layers.LayerNormalization: _LayerNormalization,
    StackedLSTM: _StackedLSTM,
}
