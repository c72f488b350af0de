"""Quantizers around layers, by tfmot's wrapper. No other module knows how tfmot keeps them."""

import dataclasses
from collections.abc import Iterator, Mapping

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.quantization.keras import quantize_wrapper

from tfsv.kernel_layers import KERNEL_LAYERS, kernel_variable
from tfsv.quantization.schemes.base import KernelQuantizer


@dataclasses.dataclass(frozen=True)
class QuantizedKernel:
    """A layer with a quantizer, and the variables that the quantizer works on.

    Example:
        >>> kernel = next(quantized_kernels(quantize(network, 4)))
        >>> kernel.layer.name, kernel.quantizer.bits, kernel.active
        ('stem', 4, False)

    Attributes:
        layer: The layer, under its own name.
        latent: Kernel that is trained, float32.
        quantizer: Quantizer of the kernel.
        variables: Variables that the quantizer added to the layer. They are those that
            `KernelQuantizer.variables` names, and the switch `active`.
    """

    layer: keras.layers.Layer
    latent: tf.Variable
    quantizer: KernelQuantizer
    variables: Mapping[str, tf.Variable]

    @property
    def active(self) -> bool:
        """Whether the quantizer is switched on."""
        return bool(self.variables["active"].numpy())


def quantized_kernels(network: keras.Model) -> Iterator[QuantizedKernel]:
    """The kernels of a network that have quantizers, in the network's order.

    Example:
        >>> [kernel.layer.name for kernel in quantized_kernels(quantize(network, {"embedding": 2}))]
        ['embedding']
    """
    for layer in network.layers:
        if isinstance(layer, quantize_wrapper.QuantizeWrapperV2):
            for latent, quantizer, variables in layer._weight_vars:
                yield QuantizedKernel(layer.layer, latent, quantizer, variables)


def unwrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer in a quantizer's wrapper. A layer without a wrapper is returned as it is.

    Example:
        >>> quantized = quantize(network, {"embedding": 2})
        >>> unwrapped(quantized.layers[-1]).name
        'embedding'
    """
    return layer.layer if isinstance(layer, quantize_wrapper.QuantizeWrapperV2) else layer


def annotated(layer: keras.layers.Layer, quantizer: KernelQuantizer) -> keras.layers.Layer:
    """A layer with a note of its quantizer, which `apply` puts around it.

    Example:
        >>> layer = annotated(keras.layers.Dense(2), SCHEMES["kmeans"](4))
    """
    return tfmot.quantization.keras.quantize_annotate_layer(layer, KernelQuantizeConfig(quantizer))


def apply(network: keras.Model) -> keras.Model:
    """A network with quantizers around the annotated layers of another one, and the same weights.

    Example:
        >>> layer = annotated(keras.layers.Dense(2, name="embedding"), SCHEMES["kmeans"](4))
        >>> inputs = keras.Input((3,))
        >>> quantized_bits(apply(keras.Model(inputs, layer(inputs))))
        {'embedding': 4}
    """
    return tfmot.quantization.keras.quantize_apply(network, WeightOnlyScheme())


@keras.utils.register_keras_serializable("tfsv")
class KernelQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Quantizes a layer's kernel. Biases, activations and outputs stay as they are (paper 1)."""

    def __init__(self, quantizer: KernelQuantizer):
        self.quantizer = quantizer

    def get_weights_and_quantizers(self, layer):
        return [(kernel_variable(layer), self.quantizer)]

    def set_quantize_weights(self, layer, quantize_weights):
        setattr(layer, KERNEL_LAYERS[type(layer)].attribute, quantize_weights[0])

    def get_activations_and_quantizers(self, layer):
        return []

    def set_quantize_activations(self, layer, quantize_activations):
        pass

    def get_output_quantizers(self, layer):
        return []

    def get_config(self) -> dict:
        return {"quantizer": keras.utils.serialize_keras_object(self.quantizer)}

    @classmethod
    def from_config(cls, config: dict):
        return cls(keras.utils.deserialize_keras_object(config["quantizer"]))


class WeightOnlyScheme(tfmot.quantization.keras.QuantizeScheme):
    """A tfmot scheme that changes no layout and quantizes only what is annotated."""

    def get_layout_transformer(self):
        return _KeepLayout()

    def get_quantize_registry(self):
        return _EmptyRegistry()


class _KeepLayout:
    def apply(self, model, layer_quantize_map):
        return model, layer_quantize_map


class _EmptyRegistry:
    def supports(self, layer):
        return False
