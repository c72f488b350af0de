"""Every kernel at every candidate width, as the quantizer in use makes it."""

import contextlib
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import tf_keras as keras
from tqdm import tqdm

from tfsv.errors import InputError
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.configs import kernel_name, layer_quantizers, quantizable_layers
from tfsv.quantization.schemes import SCHEMES, Scheme

Candidates = Mapping[str, Mapping[int, CodedWeights]]
"""Coded weights by layer, in the network's order, and by width."""


def candidate_weights(
    network: keras.Model, scheme: str | Scheme = "kmeans", widths: Collection[int] = ()
) -> dict[str, dict[int, CodedWeights]]:
    """Fits the scheme to every layer at every width.

    Errors of quantization are those of the scheme itself, fitted to the float weights; layers that
    the scheme keeps at 8 bits have that one candidate, layers that it keeps float are left out.

    Args:
        network: A float network; not changed.
        scheme: How weights are quantized.
        widths: Bits to try; empty: all that the scheme has.

    Raises:
        InputError: The scheme is unknown, does not have a width, or has binary activations, whose
            network is not the float one with other kernels.
    """
    scheme = Scheme.parse(scheme) if isinstance(scheme, str) else scheme
    if scheme["activations"] == "binary":
        raise InputError(f"--scheme={scheme}: bits are searched with float activations only")
    widths = sorted(set(widths or SCHEMES[scheme.name].widths))
    for bits in widths:
        scheme.check_bits(bits)
    latent = {name: variable.numpy() for name, variable in kernel_variables(network).items()}
    found: dict[str, dict[int, CodedWeights]] = {}
    for bits in tqdm(widths, desc="quantizing", unit="width", dynamic_ncols=True):
        for name, quantizer in layer_quantizers(network, bits, scheme).items():
            row = found.setdefault(name, {})
            if quantizer.bits not in row:
                variables = quantizer.build(latent[name].shape, "kernel", keras.layers.Layer())
                quantizer.refresh(latent[name], variables, name)
                row[quantizer.bits] = quantizer.coded(latent[name], variables)
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


def squared_error(latent: np.ndarray, weights: CodedWeights) -> float:
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
    layer = network.get_layer(name)
    return getattr(layer, kernel_name(layer))
