"""The amount of computation in a network."""

import math

import tf_keras as keras

from tfsv.kernel_layers import KERNEL_LAYERS
from tfsv.models.recurrent import StackedLSTM


def multiply_accumulates(
    network: keras.Model, frames: int = 200, *, per_normalised: int = 0
) -> int:
    """The number of multiply-accumulates for one utterance.

    A convolution or dense layer counts one for each weight and each output position where it is
    used. An LSTM counts one for each weight and frame. Biases, activations, poolings, additions and
    gates count nothing.

    Published counts come from `thop`, which also counts every value that a batch normalisation
    gives out. Its older versions count 2 for such a value, newer ones 4. With 4 the counts are
    those of WeSpeaker's tables (4.55 G for ResNet34, cut after two digits). With 2 they are those
    published for DF-ResNet56 and 110 (2.66 G, 5.15 G).

    Args:
        network: A functional network, with quantizers or without.
        frames: Length of every axis that may have any length. In a speaker network it is the number
            of feature frames of the utterance, 200 in published counts.
        per_normalised: Count for each value of a batch normalisation. In a TFLite file most of
            these values cost nothing, because their layer is folded.

    Example:
        >>> round(multiply_accumulates(build_network("resnet34"), per_normalised=4) / 1e9, 2)
        4.56
    """
    if any(_is_quantized(layer) or len(layer.inbound_nodes) > 1 for layer in network.layers):
        network = keras.models.clone_model(network, clone_function=_plain)
    layers = {layer.name: layer for layer in network.layers if _per_output(layer, per_normalised)}
    outputs = {
        name: [layer.get_output_at(node) for node in range(len(layer.inbound_nodes))]
        for name, layer in layers.items()
    }
    given = [tuple(frames if n is None else n for n in x.shape[1:]) for x in network.inputs]
    computed = keras.Model(network.inputs, outputs)
    shapes = computed.compute_output_shape([(1, *shape) for shape in given])
    return sum(
        math.prod(shape[1:]) * _per_output(layer, per_normalised)
        for name, layer in layers.items()
        for shape in shapes[name]
    )


def _is_quantized(layer: keras.layers.Layer) -> bool:
    """Whether a layer is the wrapper that a quantizer puts around one."""
    return hasattr(layer, "quantize_config")


def _plain(layer: keras.layers.Layer) -> keras.layers.Layer:
    layer = layer.layer if _is_quantized(layer) else layer
    return type(layer).from_config(layer.get_config())


def _per_output(layer: keras.layers.Layer, per_normalised: int) -> int:
    """Multiply-accumulates for each number that the layer gives out."""
    if isinstance(layer, keras.layers.Wrapper):
        layer = layer.layer
    if isinstance(layer, keras.layers.BatchNormalization):
        return per_normalised
    if isinstance(layer, StackedLSTM):
        frames = layer.input_shape[2]
        return frames * sum(math.prod(kernel.shape) for kernel in layer.kernels) // layer.units
    for kind in type(layer).__mro__:  # a subclass computes at least what its parent does
        if kind in KERNEL_LAYERS:
            kernel = getattr(layer, KERNEL_LAYERS[kind].attribute)
            return KERNEL_LAYERS[kind].multiply_accumulates(kernel.shape)
    return 0
