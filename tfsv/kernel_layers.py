"""The kinds of Keras layers that have a kernel, and what must be known of each kind.

Quantization, complexity, folding and conversion read this table. Nothing else says it again.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tf_keras as keras

from tfsv.errors import InputError


@dataclasses.dataclass(frozen=True)
class KernelLayer:
    """A kind of layer with a kernel.

    Example:
        >>> KERNEL_LAYERS[keras.layers.Conv2D].output_channels([3, 3, 32, 64])
        64

    Attributes:
        attribute: Name of the layer's attribute that holds the kernel.
        depthwise: Whether each input channel has filters of its own. The kernel's last two axes,
            `[input channels, multiplier]`, then count the output channels. In all other kinds the
            last axis counts them.
    """

    attribute: str
    depthwise: bool = False

    @property
    def channel_axes(self) -> int:
        """Number of the kernel's last axes that count the output channels."""
        return 2 if self.depthwise else 1

    def output_channels(self, shape: Sequence[int]) -> int:
        """Number of output channels of a layer whose kernel has this shape."""
        return math.prod(shape[-self.channel_axes :])

    def multiply_accumulates(self, shape: Sequence[int]) -> int:
        """Multiply-accumulates for each number that the layer gives out."""
        return math.prod(shape[: -self.channel_axes])


KERNEL_LAYERS: Mapping[type[keras.layers.Layer], KernelLayer] = {
    keras.layers.Conv1D: KernelLayer("kernel"),
    keras.layers.Conv2D: KernelLayer("kernel"),
    keras.layers.DepthwiseConv1D: KernelLayer("depthwise_kernel", depthwise=True),
    keras.layers.DepthwiseConv2D: KernelLayer("depthwise_kernel", depthwise=True),
    keras.layers.Dense: KernelLayer("kernel"),
}
"""Kinds of layers with a kernel, by class.

A subclass is none of these kinds, since it may compute something else.
"""


def kernel_layer(layer: keras.layers.Layer) -> KernelLayer | None:
    """The kind of a layer with a kernel. All other layers give None.

    Example:
        >>> kernel_layer(keras.layers.DepthwiseConv1D(3)).attribute
        'depthwise_kernel'
        >>> kernel_layer(keras.layers.PReLU()) is None
        True
    """
    return KERNEL_LAYERS.get(type(layer))


def kernel_variable(layer: keras.layers.Layer):
    """The kernel of a layer that has one: a variable, or a tensor in a quantizer's wrapper.

    Example:
        >>> layer = keras.layers.Dense(2)
        >>> layer.build([None, 3])
        >>> kernel_variable(layer).shape
        TensorShape([3, 2])
    """
    return getattr(layer, KERNEL_LAYERS[type(layer)].attribute)


def check_quantizable(network: keras.Model, setting: str) -> None:
    """Refuses a network in which a layer says that it `stays_float`.

    Such a layer holds most of its network's weights in kernels that are none of `KERNEL_LAYERS`. To
    quantize the rest would save nothing.

    Example:
        >>> check_quantizable(build_network("resnet18"), "bits")

    Args:
        network: A network of any kind.
        setting: The setting that asks for codes, for the message.

    Raises:
        InputError: The network has such a layer.
    """
    for layer in network.layers:
        if getattr(layer, "stays_float", False):
            raise InputError(
                f"{setting}: {network.name} stays float, since no scheme has codes for its layer"
                f" {layer.name}; quantize another network"
            )
