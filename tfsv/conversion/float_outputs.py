"""Outputs of an int8 graph as the floats that the file promises."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.packed import flatbuffer

_DEQUANTIZE_INT8 = 2  # operator version


def make_outputs_float(model: schema.ModelT) -> None:
    """Puts a DEQUANTIZE behind each output that quantization made int8.

    So the output of a convolution, which is int8 in a fully int8 graph, leaves the file as float32.

    Example:
        >>> write_static_int8(model, kernels, folded, ranges)
        >>> make_outputs_float(model)

    Args:
        model: A model with one graph and one signature; changed in place.
    """
    graph = model.subgraphs[0]
    outputs = np.array(graph.outputs)
    for entry in model.signatureDefs[0].outputs:
        tensor = graph.tensors[entry.tensorIndex]
        if tensor.type != schema.TensorType.INT8 or tensor.quantization is None:
            continue
        index = _dequantized(model, entry.tensorIndex)
        twin = graph.tensors[index]
        twin.name, twin.shapeSignature = tensor.name, tensor.shapeSignature
        outputs[outputs == entry.tensorIndex] = index
        entry.tensorIndex = index
    graph.outputs = outputs


def _dequantized(model: schema.ModelT, index: int) -> int:
    """The float twin of an int8 tensor, made when there is none."""
    for reader in flatbuffer.consumers(model, index):
        if flatbuffer.builtin_code(model, reader) == schema.BuiltinOperator.DEQUANTIZE:
            return int(reader.outputs[0])
    graph = model.subgraphs[0]
    twin = flatbuffer.add_tensor(model, graph.tensors[index].shape, np.dtype(np.float32))
    operator = schema.OperatorT()
    operator.opcodeIndex = flatbuffer.operator_code(
        model, schema.BuiltinOperator.DEQUANTIZE, _DEQUANTIZE_INT8
    )
    operator.inputs, operator.outputs = np.array([index], "i4"), np.array([twin], "i4")
    graph.operators.append(operator)
    return twin
