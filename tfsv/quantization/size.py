"""The size of a network with packed codes, in bytes."""

import math

import tf_keras as keras

from tfsv.kernel_layers import kernel_variable
from tfsv.quantization.float16_weights import Float16Weights
from tfsv.quantization.network import quantizable_layers, strip


def model_bytes(network: keras.Model) -> int:
    """Bytes of all weights with batch normalisation folded (how the papers count).

    A coded layer takes its codes, padded to whole bytes, and 4 bytes a centroid. A layer of 16 bits
    takes 2 bytes a weight, and a float layer 4. Every output channel has a scale and a bias of 4
    bytes where batch normalisation follows. A bias of its own takes 4 bytes a channel too. So do
    the codes' own scales where no batch normalisation takes them up. Graph and front end are not
    counted.

    Args:
        network: Network that `quantize` takes or gives.

    Example:
        >>> model_bytes(build_network("resnet18"))
        16421760
    """
    plain, coded = strip(network)
    total = 0
    for layer in plain.layers:
        if layer.name in coded:
            weights = coded[layer.name]
            total += math.ceil(weights.count * weights.bits / 8)
            total += 4 * layer.bias.shape[0] if getattr(layer, "bias", None) is not None else 0
            if isinstance(weights, Float16Weights):
                continue
            total += 4 * len(weights.codebook)
            if weights.scale is not None and not _feeds_normalisation(layer):
                total += 4 * len(weights.scale)
        elif isinstance(layer, keras.layers.BatchNormalization):
            total += 2 * 4 * layer.moving_mean.shape[0]
        else:
            total += 4 * sum(math.prod(variable.shape) for variable in layer.variables)
    return total


def quantizable_weights(network: keras.Model) -> int:
    """The number of weights in kernels, which codes can replace.

    Example:
        >>> quantizable_weights(build_network("resnet18"))
        4100384
    """
    plain, _ = strip(network)
    return sum(math.prod(kernel_variable(layer).shape) for layer in quantizable_layers(plain))


def _feeds_normalisation(layer: keras.layers.Layer) -> bool:
    readers = [node.outbound_layer for node in layer.outbound_nodes]
    return len(readers) == 1 and isinstance(readers[0], keras.layers.BatchNormalization)
