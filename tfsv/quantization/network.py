"""The quantizers of a network's kernels: how they are added, fitted and taken off."""

from collections.abc import Collection, Mapping

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.kernel_layers import check_quantizable, kernel_layer
from tfsv.quantization import wrapping
from tfsv.quantization.activations import BinaryActivation
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.quantization.functional_networks import copied, functional
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.schemes.base import KernelQuantizer
from tfsv.quantization.schemes.uniform import UniformQuantizer
from tfsv.quantization.shortcuts import is_shortcut
from tfsv.quantization.wrapping import quantized_kernels


def quantizable_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers with a kernel, in the network's order: convolutions and dense layers.

    Example:
        >>> [layer.name for layer in quantizable_layers(network)][:2]
        ['stem', 'stage1_block1_conv1']
    """
    return [layer for layer in network.layers if kernel_layer(layer)]


def quantize(
    network: keras.Model,
    bits: int | Mapping[str, int],
    scheme: str | Scheme = "kmeans",
    **settings: str | float,
) -> keras.Model:
    """A copy of the network with quantizers on its kernels, not yet fitted.

    By default all kernels are quantized, those of projection shortcuts and of the last layer
    included. `Scheme` has the settings that leave layers out. Biases, normalisations, slopes of
    PReLU and layers of your own stay float.

    Args:
        network: A network of tf_keras with its weights: functional, with any number of inputs and
            outputs, or sequential.
        bits: Width for all layers, or width of each layer by name. Widths are those of the scheme,
            or 16 for float16. A layer without a width stays float. The scheme's settings `first`,
            `last` and `shortcuts` come before either.
        scheme: A `Scheme`, or its text such as `"uniform"` or `"uniform:scale=max"`.
        **settings: More settings of the scheme.

    Returns:
        A network with the same weights. Until `refresh_codebooks` it computes what `network` does
        (with the sign for ReLU where activations are binary). It is trained like any other.

    Raises:
        InputError: The scheme or a setting is unknown, or the scheme does not have a width. It is
            also raised for a named layer that is not in the network, and for a network that
            `functional` refuses.

    Example:
        >>> quantized = quantize(network, 4)
        >>> refresh_codebooks(quantized)
        >>> quantized.compile("adam", loss="mse")
        >>> plain, coded = strip(quantized)

        The first layer at 8 bits, one named layer at 2, the others float:

        >>> quantized = quantize(network, {"stem": 8, "embedding": 2}, "uniform")
    """
    scheme = Scheme.parse(scheme) if isinstance(scheme, str) else scheme
    scheme = Scheme(scheme.name, {**scheme.settings, **settings})
    network = functional(network)
    quantizers = layer_quantizers(network, bits, scheme)

    def annotated(layer: keras.layers.Layer) -> keras.layers.Layer:
        if type(layer) is keras.layers.ReLU and scheme["activations"] == "binary":
            return BinaryActivation(name=layer.name)
        quantizer = quantizers.get(layer.name)
        return copied(layer) if quantizer is None else wrapping.annotated(copied(layer), quantizer)

    copy = keras.models.clone_model(network, clone_function=annotated)
    copy.set_weights(network.get_weights())
    return wrapping.apply(copy) if quantizers else copy


def quantized_bits(network: keras.Model) -> dict[str, int]:
    """Width of each layer that has a quantizer, switched on or not, in the network's order.

    Example:
        >>> quantized_bits(quantize(network, {"embedding": 2}))
        {'embedding': 2}
    """
    return {kernel.layer.name: kernel.quantizer.bits for kernel in quantized_kernels(network)}


def active_layers(network: keras.Model) -> list[str]:
    """Names of the layers whose quantizers are switched on, in the network's order.

    Example:
        >>> quantized = quantize(network, 4)
        >>> active_layers(quantized)
        []
        >>> refresh_codebooks(quantized, ["embedding"])
        >>> active_layers(quantized)
        ['embedding']
    """
    return [kernel.layer.name for kernel in quantized_kernels(network) if kernel.active]


def refresh_codebooks(network: keras.Model, layers: Collection[str] | None = None) -> None:
    """Fits quantizers to their layers' latent weights, as they are now, and switches them on.

    Variables that a scheme trains by gradients are fitted at the first call only.

    Args:
        network: Network that `quantize` gave.
        layers: Names of the layers to refresh. None: all layers with quantizers are refreshed.

    Raises:
        InputError: A layer's weights hold a NaN or an infinity, or a named layer has no quantizer.
            The message names the layer.

    Example:
        After some training the latent weights have moved, and the codebooks follow:

        >>> history = quantized.fit(dataset, verbose=0)
        >>> refresh_codebooks(quantized)
    """
    if unknown := sorted(set(layers or ()) - set(quantized_bits(network))):
        raise InputError(f"{network.name}: no quantizers on {', '.join(unknown)}")
    for kernel in quantized_kernels(network):
        name = kernel.layer.name
        if layers is None or name in layers:
            kernel.quantizer.refresh(kernel.latent.numpy(), kernel.variables, name)


def switch_off(network: keras.Model) -> None:
    """Switches all quantizers off, so that fine-tuning can switch them on stage by stage.

    Layers compute with their latent weights from then on. Those of a calibrated network are its
    decoded weights, and k-means codebooks are found in them again as they were. So such a network
    computes the same, and goes on from there.

    Example:
        >>> switch_off(quantized)
        >>> active_layers(quantized)
        []

    Args:
        network: Network that `quantize` gave.
    """
    for kernel in quantized_kernels(network):
        kernel.variables["active"].assign(False)


def coded_weights(network: keras.Model) -> dict[str, StoredWeights]:
    """The codes and codebooks of the layers that are quantized and active, by layer name.

    Layers of 16 bits have `Float16Weights` instead.

    Example:
        >>> quantized = quantize(network, {"stem": 8, "embedding": 4})
        >>> refresh_codebooks(quantized)
        >>> {name: coded.bits for name, coded in coded_weights(quantized).items()}
        {'stem': 8, 'embedding': 4}
    """
    return {
        kernel.layer.name: kernel.quantizer.coded(kernel.latent.numpy(), kernel.variables)
        for kernel in quantized_kernels(network)
        if kernel.active
    }


def strip(network: keras.Model) -> tuple[keras.Model, dict[str, StoredWeights]]:
    """Takes the quantizers off.

    Args:
        network: Network that `quantize` gave, or any network that it takes.

    Returns:
        A plain network with the same layer names, whose kernels are the decoded ones, and the coded
        weights by layer name. A network without quantizers comes back as a copy, with no coded
        weights.

    Raises:
        InputError: The network is one that `functional` refuses.

    Example:
        >>> plain, coded = strip(quantized)
        >>> np.array_equal(plain.get_layer("embedding").kernel, coded["embedding"].decode())
        True
    """
    network = functional(network)
    coded = coded_weights(network)

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        return copied(wrapping.unwrapped(layer))

    copy = keras.models.clone_model(network, clone_function=plain)
    for source in network.layers:
        layer = wrapping.unwrapped(source)
        target = copy.get_layer(layer.name)
        if layer is source:
            target.set_weights(source.get_weights())
            continue
        weights = {_short_name(variable): variable.numpy() for variable in source.variables}
        if layer.name in coded:
            weights[kernel_layer(layer).attribute] = coded[layer.name].decode()
        target.set_weights([weights[_short_name(variable)] for variable in target.variables])
    return copy, coded


def layer_quantizers(
    network: keras.Model, bits: int | Mapping[str, int], scheme: Scheme
) -> dict[str, KernelQuantizer]:
    """The quantizer of each layer that gets one, by layer name.

    Example:
        >>> sorted(layer_quantizers(network, {"embedding": 2}, Scheme("uniform")))
        ['embedding']

    Args:
        network: A functional network.
        bits: Width for all layers, or width of each layer by name.
        scheme: The scheme, whose settings may leave layers out.

    Raises:
        InputError: The scheme does not have a width, a named layer is not in the network, or a
            layer says that it stays float.
    """
    check_quantizable(network, "bits")
    layers = quantizable_layers(network)
    names = [layer.name for layer in layers]
    if not isinstance(bits, Mapping):
        scheme.check_bits(bits)
        bits = dict.fromkeys(names, bits)
    if unknown := sorted(set(bits) - set(names)):
        raise InputError(f"bits: {network.name} has no kernels in {', '.join(unknown)}")
    quantizers = {}
    for layer in layers:
        choice = "coded"
        if is_shortcut(layer.name):
            choice = scheme["shortcuts"]
        if layer.name in (names[0], names[-1]):
            choice = scheme["first" if layer.name == names[0] else "last"]
        if layer.name not in bits or choice == "float":
            continue
        if choice == "8bit":
            quantizers[layer.name] = UniformQuantizer(8, scale="max")
        else:
            axes = kernel_layer(layer).channel_axes
            quantizers[layer.name] = scheme.quantizer(bits[layer.name], axes)
    return quantizers


def _short_name(variable) -> str:
    return variable.name.split("/")[-1].split(":")[0]
