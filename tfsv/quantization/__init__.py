"""Weights as codes: quantizers on a network's kernels, codebooks, coded weights.

TensorFlow is loaded with the first name that needs it; coded weights never do.
"""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily
from tfsv.quantization.schemes import SCHEMES, Scheme

if TYPE_CHECKING:
    from tfsv.quantization.coded import CodedWeights
    from tfsv.quantization.float16_weights import Float16Weights
    from tfsv.quantization.functional_networks import functional
    from tfsv.quantization.network import (
        active_layers,
        coded_weights,
        quantizable_layers,
        quantize,
        quantized_bits,
        refresh_codebooks,
        strip,
    )
    from tfsv.quantization.schemes.base import KernelQuantizer
    from tfsv.quantization.size import model_bytes, quantizable_weights
    from tfsv.quantization.wrapping import QuantizedKernel, quantized_kernels

__all__ = [
    "SCHEMES",
    "CodedWeights",
    "Float16Weights",
    "KernelQuantizer",
    "QuantizedKernel",
    "Scheme",
    "active_layers",
    "coded_weights",
    "functional",
    "model_bytes",
    "quantizable_layers",
    "quantizable_weights",
    "quantize",
    "quantized_bits",
    "quantized_kernels",
    "refresh_codebooks",
    "strip",
]

__getattr__ = lazily(
    __name__,
    {
        "CodedWeights": ".coded",
        "Float16Weights": ".float16_weights",
        "KernelQuantizer": ".schemes.base",
        "QuantizedKernel": ".wrapping",
        "active_layers": ".network",
        "coded_weights": ".network",
        "functional": ".functional_networks",
        "model_bytes": ".size",
        "quantizable_layers": ".network",
        "quantizable_weights": ".size",
        "quantize": ".network",
        "quantized_bits": ".network",
        "quantized_kernels": ".wrapping",
        "refresh_codebooks": ".network",
        "strip": ".network",
    },
)
