"""Every kernel at every candidate width, as the quantizer in use makes it."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import tf_keras as keras
from tqdm import tqdm

from tfsv.errors import InputError
from tfsv.kernel_layers import kernel_variable
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import layer_quantizers, quantizable_layers
from tfsv.quantization.schemes import SCHEMES, Scheme
from tfsv.quantization.schemes.base import KernelQuantizer

Candidates = Mapping[str, Mapping[int, CodedWeights]]
"""Coded weights by layer, in the network's order, and by width."""


def candidate_quantizers(
    network: keras.Model, scheme: str | Scheme = "kmeans", widths: Collection[int] = ()
) -> dict[str, dict[int, KernelQuantizer]]:
    """The quantizers that each layer may get, by layer and ascending width.

    Layers that the scheme keeps at 8 bits have that one candidate, layers that it keeps float are
    left out.

    Args:
        network: A float network.
        scheme: How weights are quantized.
        widths: Bits to try; empty: all that the scheme has.

    Raises:
        InputError: The scheme is unknown, does not have a width, or has binary activations, whose
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

    Raises:
        InputError: Something is no number.
    """
    if not all(text.isdigit() for text in texts):
        raise InputError(f"candidates={','.join(texts)}: expected widths such as 1,2,4,8")
    return tuple(map(int, texts))


def candidate_weights(
    network: keras.Model, scheme: str | Scheme = "kmeans", widths: Collection[int] = ()
) -> dict[str, dict[int, CodedWeights]]:
    """Fits the scheme to every layer at every width.

    Errors of quantization are those of the scheme itself, fitted to the float weights. Arguments
    and errors as `candidate_quantizers`; the network is not changed.
    """
    quantizers = candidate_quantizers(network, scheme, widths)
    found: dict[str, dict[int, CodedWeights]] = {name: {} for name in quantizers}
    todo = [(name, bits, q) for name, row in quantizers.items() for bits, q in row.items()]
    for name, bits, quantizer in tqdm(todo, desc="quantizing", unit="kernel", dynamic_ncols=True):
        latent = kernel(network, name)
        variables = quantizer.build(latent.shape, "kernel", keras.layers.Layer())
        quantizer.refresh(latent, variables, name)
        found[name][bits] = quantizer.coded(latent, variables)
    return found


def chosen(candidates: Candidates, bits: Mapping[str, int]) -> dict[str, CodedWeights]:
    """The candidates that the widths name; layers without a width are left out."""
    return {name: row[bits[name]] for name, row in candidates.items() if name in bits}


def kernel(network: keras.Model, name: str) -> np.ndarray:
    """Float32: the present kernel of a layer."""
    return _variable(network, name).numpy()


def kernel_variables(network: keras.Model) -> dict:
    """The kernel variable of each quantizable layer, by name."""
    return {layer.name: _variable(network, layer.name) for layer in quantizable_layers(network)}


def quantization_error(latent: np.ndarray, weights: CodedWeights) -> float:
    """||Q(W) - W||², summed in float64."""
    return float(np.sum((latent.astype(np.float64) - weights.decode()) ** 2))


@contextlib.contextmanager
def replaced(network: keras.Model, coded: Mapping[str, CodedWeights]) -> Iterator[None]:
    """The network with decoded kernels in the named layers, until the block ends."""
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
