"""How much a network computes."""

import math

import tf_keras as keras


def multiply_accumulates(
    network: keras.Model, frames: int = 200, *, per_normalised: int = 0
) -> int:
    """Multiply-accumulates of one utterance.

    A convolution or dense layer counts one for each weight and output position it is used at,
    biases nothing. Activations, poolings, additions and gates count nothing.

    Published counts come from `thop`, which adds to that every value that a batch normalisation
    gives out: older versions count 2 for it, newer ones 4. With 4 the counts are those of
    WeSpeaker's tables (4.55 G for ResNet34, cut after two digits), with 2 those published for
    DF-ResNet56 and 110 (2.66 G, 5.15 G).

    Args:
        network: A network of `build_network`, or of `quantize`.
        frames: Feature frames of the utterance; 200 in published counts.
        per_normalised: What a value of a batch normalisation counts. In a TFLite file most cost
            nothing, being folded.

    Returns:
        The count.
    """
    layers = [layer for layer in network.layers if _per_output(layer, per_normalised)]
    outputs = keras.Model(network.inputs, [layer.output for layer in layers])
    shapes = outputs.compute_output_shape((1, frames, *network.input_shape[2:]))
    return sum(
        math.prod(shape[1:]) * _per_output(layer, per_normalised)
        for layer, shape in zip(layers, shapes, strict=True)
    )


def _per_output(layer: keras.layers.Layer, per_normalised: int) -> int:
    """Multiply-accumulates behind each number that the layer gives out."""
    if isinstance(layer, keras.layers.Wrapper):  # what quantizes a layer
        layer = layer.layer
    if isinstance(layer, keras.layers.BatchNormalization):
        return per_normalised
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return math.prod(layer.kernel_size)
    if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D | keras.layers.Dense):
        return math.prod(layer.kernel.shape[:-1])
    return 0
