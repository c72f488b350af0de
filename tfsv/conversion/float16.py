"""Kernels of 16 bits as float16 constants, which the format holds as they are."""

from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.folding import FoldedNetwork
from tfsv.packed import flatbuffer

_DEQUANTIZE_FLOAT16 = 3  # operator version


def write_float16(model: schema.ModelT, kernels: Mapping[str, int], folded: FoldedNetwork) -> None:
    """Stores every kernel of 16 bits as float16, with a DEQUANTIZE in front of its operator.

    Any interpreter runs it. The built-in DEQUANTIZE converts a constant once, and XNNPACK takes
    the constant itself, so that an inference costs what it does with float32 kernels.

    Example:
        >>> write_float16(model, find_kernels(model, folded), folded)
        >>> content = flatbuffer.serialise(model)

    Args:
        model: The conversion of `folded.network`; changed in place.
        kernels: Tensor of each layer's kernel, as `find_kernels` gives it.
        folded: The folded network that was converted.

    Raises:
        ValueError: Float16 does not hold a kernel exactly.
    """
    graph = model.subgraphs[0]
    for name in folded.kernels:
        if name not in folded.float16:
            continue
        tensor = kernels[name]
        held = flatbuffer.constant(model, graph.tensors[tensor])
        halves = held.astype(np.float16)
        if halves.astype(np.float32).tobytes() != held.tobytes():
            raise ValueError(f"{name}: float16 does not hold its kernel")
        stored = flatbuffer.add_tensor(model, halves.shape, halves.dtype)
        flatbuffer.set_constant(model, graph.tensors[stored], halves)
        graph.tensors[tensor].buffer = 0
        operator = schema.OperatorT()
        operator.opcodeIndex = flatbuffer.operator_code(
            model, schema.BuiltinOperator.DEQUANTIZE, _DEQUANTIZE_FLOAT16
        )
        operator.inputs, operator.outputs = np.array([stored], "i4"), np.array([tensor], "i4")
        operators = list(graph.operators)
        first = next(n for n, reader in enumerate(operators) if tensor in reader.inputs)
        graph.operators = [*operators[:first], operator, *operators[first:]]
