"""Which Keras layers have a kernel, and what is to be known of each kind: told here and only here.

Quantization, complexity, folding and conversion read this table.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tf_keras as keras


@dataclasses.dataclass(frozen=True)
class KernelLayer:
    """A kind of layer with a kernel.

    Attributes:
        attribute: The attribute of the layer that holds the kernel.
        depthwise: Whether each input channel has filters of its own. The kernel's last two axes,
            `[input channels, multiplier]`, then count the output channels. In all other kinds its
            last axis does.
    """

    attribute: str
    depthwise: bool = False

    @property
    def channel_axes(self) -> int:
        """How many of the kernel's last axes count the output channels."""
        return 2 if self.depthwise else 1

    def output_channels(self, shape: Sequence[int]) -> int:
        """Output channels of a layer whose kernel has this shape."""
        return math.prod(shape[-self.channel_axes :])

    def multiply_accumulates(self, shape: Sequence[int]) -> int:
        """Multiply-accumulates behind each number that the layer gives out."""
        return math.prod(shape[: -self.channel_axes])


KERNEL_LAYERS: Mapping[type[keras.layers.Layer], KernelLayer] = {
    keras.layers.Conv1D: KernelLayer("kernel"),
    keras.layers.Conv2D: KernelLayer("kernel"),
    keras.layers.DepthwiseConv1D: KernelLayer("depthwise_kernel", depthwise=True),
    keras.layers.DepthwiseConv2D: KernelLayer("depthwise_kernel", depthwise=True),
    keras.layers.Dense: KernelLayer("kernel"),
}
"""The kinds by class. A subclass is none of them, since it may compute something else."""


def kernel_layer(layer: keras.layers.Layer) -> KernelLayer | None:
    """What kind of layer with a kernel it is; None for all other layers.

    Example:
        >>> kernel_layer(keras.layers.DepthwiseConv1D(3)).attribute
        'depthwise_kernel'
        >>> kernel_layer(keras.layers.PReLU()) is None
        True
    """
    return KERNEL_LAYERS.get(type(layer))


def kernel_variable(layer: keras.layers.Layer):
    """The variable, or in a quantizer's wrapper the tensor, that is the kernel of such a layer."""
    return getattr(layer, KERNEL_LAYERS[type(layer)].attribute)
