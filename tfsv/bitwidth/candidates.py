"""Candidates: every kernel at every width, as the quantizer in use makes it."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import tf_keras as keras
from tqdm import tqdm

from tfsv.errors import InputError
from tfsv.kernel_layers import kernel_variable
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.quantization.network import layer_quantizers, quantizable_layers
from tfsv.quantization.schemes import SCHEMES, Scheme
from tfsv.quantization.schemes.base import KernelQuantizer

Candidates = Mapping[str, Mapping[int, StoredWeights]]
"""Coded weights by layer, in the network's order, and by width."""


def candidate_quantizers(
    network: keras.Model, scheme: str | Scheme = "kmeans", widths: Collection[int] = ()
) -> dict[str, dict[int, KernelQuantizer]]:
    """The quantizers that each layer may get, by layer and ascending width.

    Layers that the scheme keeps at 8 bits have that one candidate. Layers that it keeps float are
    left out.

    Example:
        >>> quantizers = candidate_quantizers(network, "uniform", (2, 4))
        >>> sorted(quantizers["embedding"])
        [2, 4]

    Args:
        network: A float network.
        scheme: Scheme that quantizes, or its text.
        widths: Widths to try. Empty: all widths of the scheme are tried.

    Raises:
        InputError: The scheme is unknown, does not have a width, or has binary activations. Their
            network is not the float one with other kernels.
    """
    scheme = Scheme.parse(scheme) if isinstance(scheme, str) else scheme
    if scheme["activations"] == "binary":
        raise InputError(f"scheme={scheme}: bits are searched with float activations only")
    found: dict[str, dict[int, KernelQuantizer]] = {}
    for bits in sorted(set(widths or SCHEMES[scheme.name].widths)):
        scheme.check_bits(bits)
        for name, quantizer in layer_quantizers(network, bits, scheme).items():
            found.setdefault(name, {}).setdefault(quantizer.bits, quantizer)
    return found


def parse_widths(texts: Sequence[str]) -> tuple[int, ...]:
    """Reads widths that were listed as texts.

    Example:
        >>> parse_widths(["2", "4"])
        (2, 4)

    Raises:
        InputError: A text is no number.
    """
    if not all(text.isdigit() for text in texts):
        raise InputError(f"candidates={','.join(texts)}: expected widths such as 1,2,4,8")
    return tuple(map(int, texts))


def candidate_weights(
    network: keras.Model, scheme: str | Scheme = "kmeans", widths: Collection[int] = ()
) -> dict[str, dict[int, StoredWeights]]:
    """Fits the scheme to every layer at every width.

    Errors of quantization are those of the scheme itself, fitted to the float weights. The network
    is not changed.

    Example:
        >>> candidates = candidate_weights(network, "kmeans", (2, 4))
        >>> candidates["embedding"][2].codebook.shape
        (4,)

    Args:
        network: A float network.
        scheme: Scheme that quantizes, or its text.
        widths: Widths to try. Empty: all widths of the scheme are tried.

    Returns:
        Coded weights by layer, in the network's order, and by ascending width.

    Raises:
        InputError: The scheme is unknown, does not have a width, or has binary activations. It is
            also raised for a layer's weights with a NaN or an infinity.
    """
    quantizers = candidate_quantizers(network, scheme, widths)
    found: dict[str, dict[int, StoredWeights]] = {name: {} for name in quantizers}
    todo = [(name, bits, q) for name, row in quantizers.items() for bits, q in row.items()]
    for name, bits, quantizer in tqdm(todo, desc="quantizing", unit="kernel", dynamic_ncols=True):
        latent = kernel(network, name)
        variables = quantizer.build(latent.shape, "kernel", keras.layers.Layer())
        quantizer.refresh(latent, variables, name)
        found[name][bits] = quantizer.coded(latent, variables)
    return found


def chosen(candidates: Candidates, bits: Mapping[str, int]) -> dict[str, StoredWeights]:
    """The candidates at the widths of a choice. Layers without a width are left out.

    Example:
        >>> candidates = candidate_weights(network, "kmeans", (2, 4))
        >>> chosen(candidates, {"embedding": 4})["embedding"].bits
        4
    """
    return {name: row[bits[name]] for name, row in candidates.items() if name in bits}


def kernel(network: keras.Model, name: str) -> np.ndarray:
    """The present kernel of a layer, float32.

    Example:
        >>> kernel(network, "stem").shape
        (3, 3, 1, 8)
    """
    return _variable(network, name).numpy()


def kernel_variables(network: keras.Model) -> dict:
    """The kernel variable of each quantizable layer, by the layer's name.

    Example:
        >>> kernel_variables(network)["stem"].shape
        TensorShape([3, 3, 1, 8])
    """
    return {layer.name: _variable(network, layer.name) for layer in quantizable_layers(network)}


def quantization_error(latent: np.ndarray, weights: StoredWeights) -> float:
    """The squared error ||Q(W) - W||², summed in float64.

    Example:
        >>> codes, codebook = np.array([0, 1], np.uint8), np.array([-1, 1], np.float32)
        >>> quantization_error(np.array([-1.0, 0.5]), CodedWeights(codes, codebook, bits=1))
        0.25
    """
    return float(np.sum((latent.astype(np.float64) - weights.decode()) ** 2))


@contextlib.contextmanager
def replaced(network: keras.Model, coded: Mapping[str, StoredWeights]) -> Iterator[None]:
    """Puts decoded kernels into the named layers until the block ends.

    Example:
        >>> coded = chosen(candidate_weights(network, "kmeans", (2,)), {"embedding": 2})
        >>> with replaced(network, coded):
        ...     outputs = network(inputs)
    """
    before = {name: kernel(network, name) for name in coded}
    try:
        for name, weights in coded.items():
            _variable(network, name).assign(weights.decode())
        yield
    finally:
        for name, value in before.items():
            _variable(network, name).assign(value)


def _variable(network: keras.Model, name: str):
    return kernel_variable(network.get_layer(name))
