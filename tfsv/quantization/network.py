"""How a network's layers get their quantizers through tfmot."""

from collections.abc import Collection, Iterator, Mapping

import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.quantization.keras import quantize_wrapper

from tfsv.errors import InputError
from tfsv.quantization.activations import BinaryActivation
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.schemes.base import KernelQuantizer
from tfsv.quantization.schemes.uniform import UniformQuantizer

_KERNEL_OF = {
    keras.layers.Conv2D: "kernel",
    keras.layers.DepthwiseConv2D: "depthwise_kernel",
    keras.layers.Conv1D: "kernel",
    keras.layers.Dense: "kernel",
}
_SHORTCUT = "_shortcut"  # how the names of projection shortcuts end


@keras.utils.register_keras_serializable("tfsv")
class KernelQuantizeConfig(tfmot.quantization.keras.QuantizeConfig):
    """Quantizes a layer's kernel; biases, activations and outputs stay as they are (paper 1)."""

    def __init__(self, quantizer: KernelQuantizer):
        self.quantizer = quantizer

    def get_weights_and_quantizers(self, layer):
        return [(getattr(layer, kernel_name(layer)), self.quantizer)]

    def set_quantize_weights(self, layer, quantize_weights):
        setattr(layer, kernel_name(layer), quantize_weights[0])

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


def kernel_name(layer: keras.layers.Layer) -> str | None:
    """The attribute that holds the layer's kernel, or None where there is nothing to quantize."""
    return _KERNEL_OF.get(type(layer))


def quantizable_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers with a kernel, in the network's order: all convolutions and dense layers."""
    return [layer for layer in network.layers if kernel_name(layer)]


def quantize(
    network: keras.Model,
    bits: int | Mapping[str, int],
    scheme: str | Scheme = "kmeans",
    **settings: str | float,
) -> keras.Model:
    """A copy of the network with quantizers on its kernels, not yet fitted.

    By default all convolution kernels, those of shortcuts included, and the embedding layer are
    quantized; see `Scheme` for the settings that leave layers out. Batch normalisation and biases
    stay float.

    Args:
        network: A functional network of `tfsv.models`, with its weights.
        bits: One width for all layers, or one for each layer name; a layer left out stays float.
            The scheme's settings `first`, `last` and `shortcuts` come before either.
        scheme: A `Scheme` or its text, such as `"uniform"` or `"uniform:scale=max"`.
        **settings: More settings of the scheme.

    Returns:
        A tfmot network with the same weights. Until `refresh_codebooks` it computes what
        `network` does (with the sign for ReLU where activations are binary).

    Raises:
        InputError: The scheme or a setting is unknown, the scheme does not have a width, or a
            named layer is not in the network.
    """
    scheme = Scheme.parse(scheme) if isinstance(scheme, str) else scheme
    scheme = Scheme(scheme.name, {**scheme.settings, **settings})
    quantizers = layer_quantizers(network, bits, scheme)

    def annotated(layer: keras.layers.Layer) -> keras.layers.Layer:
        if type(layer) is keras.layers.ReLU and scheme["activations"] == "binary":
            return BinaryActivation(name=layer.name)
        copy = layer.__class__.from_config(layer.get_config())
        if layer.name not in quantizers:
            return copy
        config = KernelQuantizeConfig(quantizers[layer.name])
        return tfmot.quantization.keras.quantize_annotate_layer(copy, config)

    copy = keras.models.clone_model(network, clone_function=annotated)
    copy.set_weights(network.get_weights())
    return tfmot.quantization.keras.quantize_apply(copy, WeightOnlyScheme())


def quantized_bits(network: keras.Model) -> dict[str, int]:
    """Width of each layer that has a quantizer, switched on or not, in the network's order."""
    return {layer.name: quantizer.bits for layer, _, quantizer, _ in _quantized(network)}


def active_layers(network: keras.Model) -> list[str]:
    """Names of the layers whose quantizers are switched on, in the network's order."""
    return [
        layer.name for layer, _, _, variables in _quantized(network) if variables["active"].numpy()
    ]


def refresh_codebooks(network: keras.Model, layers: Collection[str] | None = None) -> None:
    """Fits quantizers to their layers' latent weights, as they are now, and switches them on.

    What a scheme trains by gradients is fitted at the first call only.

    Args:
        network: What `quantize` gave.
        layers: Names of the layers; None: all that have quantizers.

    Raises:
        InputError: A layer's weights hold a NaN or an infinity, or a named layer has no
            quantizer; names the layer.
    """
    if unknown := sorted(set(layers or ()) - set(quantized_bits(network))):
        raise InputError(f"{network.name}: no quantizers on {', '.join(unknown)}")
    for layer, latent, quantizer, variables in _quantized(network):
        if layers is None or layer.name in layers:
            quantizer.refresh(latent.numpy(), variables, layer.name)


def coded_weights(network: keras.Model) -> dict[str, CodedWeights]:
    """The codes and codebooks of the layers that are quantized and active, by layer name."""
    return {
        layer.name: quantizer.coded(latent.numpy(), variables)
        for layer, latent, quantizer, variables in _quantized(network)
        if variables["active"].numpy()
    }


def strip(network: keras.Model) -> tuple[keras.Model, dict[str, CodedWeights]]:
    """Takes the quantizers off.

    Returns:
        A plain network with the layer names of `build_network` whose kernels are the decoded
        ones, and the coded weights by layer name. A network without quantizers comes back as a
        copy, with no coded weights.
    """
    coded = coded_weights(network)

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        layer = _inner(layer)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=plain)
    for source, target in zip(network.layers, copy.layers, strict=True):
        weights = {_short_name(variable): variable.numpy() for variable in source.variables}
        if target.name in coded:
            weights[kernel_name(target)] = coded[target.name].decode()
        target.set_weights([weights[_short_name(variable)] for variable in target.variables])
    return copy, coded


def layer_quantizers(
    network: keras.Model, bits: int | Mapping[str, int], scheme: Scheme
) -> dict[str, KernelQuantizer]:
    """The quantizer of each layer that gets one, by layer name."""
    layers = quantizable_layers(network)
    names = [layer.name for layer in layers]
    if not isinstance(bits, Mapping):
        scheme.check_bits(bits)
        bits = dict.fromkeys(names, bits)
    if unknown := sorted(set(bits) - set(names)):
        raise InputError(f"bits for layers that {network.name} does not have: {unknown}")
    quantizers = {}
    for layer in layers:
        choice = "coded"
        if layer.name.endswith(_SHORTCUT):
            choice = scheme["shortcuts"]
        if layer.name in (names[0], names[-1]):
            choice = scheme["first" if layer.name == names[0] else "last"]
        if layer.name not in bits or choice == "float":
            continue
        if choice == "8bit":
            quantizers[layer.name] = UniformQuantizer(8, scale="max")
        else:
            quantizers[layer.name] = scheme.quantizer(bits[layer.name], layer)
    return quantizers


def _quantized(network: keras.Model) -> Iterator[tuple]:
    """(layer, latent kernel, quantizer, the quantizer's variables) of each quantized layer."""
    for layer in network.layers:
        if isinstance(layer, quantize_wrapper.QuantizeWrapperV2):
            for latent, quantizer, variables in layer._weight_vars:
                yield layer.layer, latent, quantizer, variables


def _inner(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layer.layer if isinstance(layer, quantize_wrapper.QuantizeWrapperV2) else layer


def _short_name(variable) -> str:
    return variable.name.split("/")[-1].split(":")[0]
