"""What is in an exported file: card, layers, and where its bytes go. Needs no TensorFlow."""

import dataclasses
import hashlib
import math
import os
import zlib
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfsv.card import ModelCard
from tfsv.packed import bits, expand, flatbuffer, seal
from tfsv.packed.cohort import cohort_bytes
from tfsv.packed.graph_rules import check_graph
from tfsv.quantization.coded import entropy
from tfsv.runtime.model_files import read_card, read_cohort_of, read_unchecked, unsound
from tfsv.widths import FLOAT16

_DAMAGED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What the generated API raises for forged files, since it trusts what it reads."""

_FLOAT_BINS = 101


@dataclasses.dataclass(frozen=True)
class InspectedLayer:
    """A convolution or dense layer.

    Example:
        >>> for layer in inspect("model.tflite").layers:
        ...     print(layer.name, layer.bits, layer.weights)

    Attributes:
        name: The layer's name in the network.
        shape: The kernel's shape, as its TFLite operator reads it.
        bits: Bits of a weight in the file.
        codes: Bytes of the codes, or of the kernel where it has none.
        codebook: Bytes of the codebook.
        scales: Bytes of the factors and scales of its channels.
        bias: Bytes of the bias.
        entropy: Bits a weight that an ideal coder of the layer's own frequencies needs; None for a
            float kernel without codes.
        error: Relative squared error of quantization; None where it is not known.
        levels: Centroids, int8 values, or the middles of equal bins for a float kernel without
            codes, float64 `[levels]`. Factors and scales of channels are left out.
        counts: Number of weights at each level, int64 `[levels]`.
        discrete: Whether weights have the values of the levels, not just lie near them.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    codes: int
    codebook: int
    scales: int
    bias: int
    entropy: float | None
    error: float | None
    levels: np.ndarray = dataclasses.field(repr=False)
    counts: np.ndarray = dataclasses.field(repr=False)
    discrete: bool

    @property
    def weights(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a file holds.

    Example:
        >>> found = inspect("model.tflite")
        >>> sum(found.bytes_by_kind().values()) == found.size
        True

    Attributes:
        card: The model card.
        stored: How kernels are stored: "packed", "int8", "float16" or "float32". "float16" says
            that some have 16 bits and none has codes.
        compute: What the file computes with: "float32", "int8_weights" or "int8".
        layers: The layers in the order in which they are computed.
        size: Bytes of the file.
        expanded: Bytes of the expanded model, or of the file where nothing is packed.
        zipped: Bytes of the expanded model after deflate at its best, as zip has it.
        sha256: The SHA-256 of the expanded model, by which readers can be compared.
        checksum: "right", or what is wrong with it.
        cohort: Vectors that outputs are compared with, int8 `[vectors, values]`. None: none.
    """

    card: ModelCard
    stored: str
    compute: str
    layers: tuple[InspectedLayer, ...]
    size: int
    expanded: int
    zipped: int
    sha256: str
    checksum: str
    cohort: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def bytes_by_kind(self) -> dict[str, int]:
        """Where the bytes of the file go; they add up to its size."""
        kinds = {
            "codes": sum(layer.codes for layer in self.layers),
            "codebooks": sum(layer.codebook for layer in self.layers),
            "scales": sum(layer.scales for layer in self.layers),
            "biases": sum(layer.bias for layer in self.layers),
        }
        if self.cohort is not None:
            kinds["cohort"] = len(cohort_bytes(self.cohort))
        return kinds | {"graph, front end, card": self.size - sum(kinds.values())}

    def entropy(self) -> float | None:
        """Bits a weight that ideal coders need, one coder for each layer.

        It is None where a layer is a float kernel without codes, or there is no layer.
        """
        if not self.layers or any(layer.entropy is None for layer in self.layers):
            return None
        weights = sum(layer.weights for layer in self.layers)
        return sum(layer.weights * layer.entropy for layer in self.layers) / weights

    def to_dict(self) -> dict[str, Any]:
        """Everything but the histograms as plain JSON values."""
        left_out = ("levels", "counts", "discrete")
        layers = [
            {k: v for k, v in vars(layer).items() if k not in left_out} for layer in self.layers
        ]
        return {
            "card": dataclasses.asdict(self.card),
            "cohort": None if self.cohort is None else list(self.cohort.shape),
            "stored": self.stored,
            "compute": self.compute,
            "checksum": self.checksum,
            "bytes": self.size,
            "bytes_by_kind": self.bytes_by_kind(),
            "expanded_bytes": self.expanded,
            "expanded_sha256": self.sha256,
            "zipped_bytes": self.zipped,
            "entropy": self.entropy(),
            "layers": layers,
        }


def inspect(path: str | os.PathLike) -> Inspection:
    """Looks into an exported file.

    Args:
        path: A TFLite file that tfsv exported, packed or not. A wrong checksum is reported, not
            refused, as long as the file can be read.

    Raises:
        InputError: The file is absent, damaged, or was not exported by tfsv.

    Example:
        >>> found = inspect("model.tflite")
        >>> print(found.stored, found.compute, found.size)
        packed int8_weights 103248
        >>> for layer in found.layers:
        ...     print(layer.name, layer.bits, layer.codes)
    """
    content = read_unchecked(path)
    checksum = "right"
    try:
        seal.check(content)
    except ValueError as error:
        checksum = str(error)
    card, cohort = read_card(content, path), read_cohort_of(content, path)
    try:
        packed = expand.is_packed(content)
        plain = expand.expand(content) if packed else content
        check_graph(plain)
        Interpreter(model_content=plain)  # verifies the flatbuffer
        model = flatbuffer.parse(plain)
        layers, compute = _layers(model, _packed_layers(content) if packed else {})
    except _DAMAGED as error:
        raise unsound(path, error) from error
    return Inspection(
        card,
        _stored(packed, layers, compute),
        compute,
        layers,
        len(content),
        len(plain),
        len(zlib.compress(plain, 9)),
        hashlib.sha256(plain).hexdigest(),
        checksum,
        cohort,
    )


def _stored(packed: bool, layers: tuple[InspectedLayer, ...], compute: str) -> str:
    if packed:
        return "packed"
    if any(layer.bits == FLOAT16 for layer in layers):
        return "float16"
    return "float32" if compute == "float32" else "int8"


def _packed_layers(content: bytes) -> dict[int, tuple[expand.PackedGroup, int]]:
    """Group of a packed layer, and its row there, by the kernel's tensor."""
    return {
        kernel: (group, row)
        for group in expand.packed_groups(content)
        for row, kernel in enumerate(group.group.kernels)
    }


def _layers(
    model: schema.ModelT, packed: dict[int, tuple[expand.PackedGroup, int]]
) -> tuple[tuple[InspectedLayer, ...], str]:
    """The layers with a name, which those of the front end have not, and the arithmetic."""
    tensors = model.subgraphs[0].tensors
    halves = _float16_kernels(model)
    found: dict[int, InspectedLayer] = {}
    compute = "float32"
    for operator in model.subgraphs[0].operators:
        if flatbuffer.builtin_code(model, operator) not in flatbuffer.KERNEL_OPERATORS:
            continue
        source, kernel, *rest = (int(index) for index in operator.inputs)
        held = flatbuffer.constant(model, tensors[halves.get(kernel, kernel)])
        if not tensors[kernel].name or held is None:
            continue
        if flatbuffer.numpy_type(tensors[source]) == np.int8:
            compute = "int8"
        elif held.dtype == np.int8 and compute == "float32":
            compute = "int8_weights"
        if kernel not in found:
            bias = flatbuffer.constant(model, tensors[rest[0]]) if rest and rest[0] >= 0 else None
            size = 0 if bias is None else bias.nbytes
            found[kernel] = _layer(tensors[kernel], held, size, packed.get(kernel))
    return tuple(found.values()), compute


def _float16_kernels(model: schema.ModelT) -> dict[int, int]:
    """Tensors of float16 constants by the tensor that an operator makes float32 of each."""
    dequantize = schema.BuiltinOperator.DEQUANTIZE
    tensors = model.subgraphs[0].tensors
    return {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in model.subgraphs[0].operators
        if flatbuffer.builtin_code(model, operator) == dequantize
        and tensors[operator.inputs[0]].type == schema.TensorType.FLOAT16
    }


def _layer(
    tensor: schema.TensorT,
    held: np.ndarray,
    bias: int,
    packed: tuple[expand.PackedGroup, int] | None,
) -> InspectedLayer:
    scale = None if tensor.quantization is None else tensor.quantization.scale
    scales = 0 if scale is None or held.dtype != np.int8 else 4 * len(scale)
    width, codes, codebook, error = 8 * held.itemsize, held.nbytes, 0, math.nan
    discrete = packed is not None or held.dtype == np.int8
    if packed is None:
        levels, counts = _frequencies(held)
    else:
        group, row = packed
        width, error = group.group.bits, group.group.errors[row]
        codes = bits.packed_bytes(group.count, width)
        codebook = group.codebooks[row].nbytes
        scales += 0 if group.factors is None else group.factors[row].nbytes
        levels = group.codebooks[row].astype(np.float64)
        counts = np.bincount(group.codes(row).reshape(-1), minlength=2**width)
    return InspectedLayer(
        tensor.name.decode(),
        held.shape,
        width,
        codes,
        codebook,
        scales,
        bias,
        entropy(counts) if discrete else None,
        error if math.isfinite(error) else None,
        levels,
        counts,
        discrete,
    )


def _frequencies(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels and their counts."""
    if kernel.dtype == np.int8:
        values, counts = np.unique(kernel, return_counts=True)
        return values.astype(np.float64), counts
    counts, edges = np.histogram(kernel[np.isfinite(kernel)].astype(np.float64), _FLOAT_BINS)
    return (edges[:-1] + edges[1:]) / 2, counts
