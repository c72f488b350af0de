"""Batch normalisation behind layers with kernels, which takes up scales and offsets of channels."""

import collections

import numpy as np
import tf_keras as keras

from tfsv.kernel_layers import kernel_layer
from tfsv.quantization.channel_scales import absorbable
from tfsv.quantization.kernel_inputs import by_channel
from tfsv.quantization.layer_walk import calls, readers

Norm = keras.layers.BatchNormalization
"""The kind of layer whose statistics are estimated again."""


def norms_behind(network: keras.Model) -> dict[str, Norm]:
    """The batch normalisation that alone takes what a linear layer gives, by that layer's name.

    Example:
        >>> norms_behind(network)["stem"].name
        'stem_norm'

    Args:
        network: A functional network. Layers that are called several times are left out.
    """
    made, reading = calls(network), readers(network)
    counts = collections.Counter(call.layer.name for call in made)
    outputs = {str(id(tensor)) for tensor in network.outputs}
    found = {}
    for call in made:
        layer = call.layer
        if not kernel_layer(layer) or layer.activation is not keras.activations.linear:
            continue
        behind = [layer for tensor in call.outputs for layer in reading.get(tensor, [])]
        if len(behind) != 1 or type(behind[0]) is not Norm or outputs & set(call.outputs):
            continue
        norm = behind[0]
        last = list(norm.axis) == [norm.input_spec.ndim - 1]
        first = getattr(layer, "data_format", None) == "channels_first"
        if counts[layer.name] == counts[norm.name] == 1 and last and not first:
            found[layer.name] = norm
    return found


def gains(layer: keras.layers.Layer, norm: Norm) -> np.ndarray:
    """Factors by which normalisation multiplies a layer's channels, `[groups, outputs]`.

    Example:
        >>> gains(network.get_layer("stem"), norms_behind(network)["stem"]).shape
        (1, 32)
    """
    gamma = norm.gamma.numpy() if norm.scale else np.ones(norm.moving_variance.shape)
    deviation = np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    return by_channel(layer, (gamma / deviation).astype(np.float64))


def largest_scales(layer: keras.layers.Layer, norm: Norm) -> np.ndarray:
    """The largest scales that normalisation can take up of a layer, `[groups, outputs]`.

    Example:
        >>> largest_scales(network.get_layer("stem"), norms_behind(network)["stem"]).shape
        (1, 32)
    """
    return by_channel(layer, absorbable(norm, np.full(norm.moving_variance.shape, np.inf)))
