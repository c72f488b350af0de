"""The graph that is converted, written so that the converter leaves kernels as they are."""

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.ends import Ends, traced
from tfsv.conversion.graph_layers import FENCE, conversion_layers
from tfsv.packed import flatbuffer

_GATHER_BY_INT16 = 6  # operator version; runtimes from TensorFlow 2.13 on have it


def convert_graph(ends: Ends, network: keras.Model) -> bytes:
    """Converts a network between its ends, with built-in operators, in float32.

    Example:
        >>> folded = fold_batch_norm(network, {})
        >>> content = convert_graph(Ends.of(network), folded.network)

    Args:
        ends: The ends of the file, with what stands before and behind the network.
        network: The network, batch normalisation folded.

    Returns:
        A TFLite file with one signature, which has the names of the ends' inputs and outputs.
        `tidy` has not been applied to it.

    Raises:
        InputError: The network does not take what the ends give it.
        ValueError: `ends.after` gives other outputs than the ends name.
    """
    network = ends.in_file(network)
    weights = network.get_weights()
    network = keras.models.clone_model(network, clone_function=conversion_layers(network))
    network.set_weights(weights)
    module = tf.Module()
    module.graph = traced(network, ends)
    concrete = module.graph.get_concrete_function()
    module.weights = concrete.variables  # the converter wants an owner of them
    wanted = {port.name for port in ends.outputs}
    if set(concrete.structured_outputs) != wanted:
        raise ValueError(
            f"expected outputs {sorted(wanted)}. Received: {sorted(concrete.structured_outputs)}"
        )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter.convert()


def tidy(model: schema.ModelT) -> None:
    """Takes operations out of the converted model that were there for training or the converter.

    The fences around kernels go (see `tfsv.conversion.graph_layers`). So do poolings of size 1 × 1
    that only skip pixels in front of a 1 × 1 convolution, which gets their stride. The networks
    have these poolings because of a broken training kernel; XNNPACK does not take them.

    Constant indices become int16, half of what they were.

    Example:
        >>> model = flatbuffer.parse(convert_graph(ends, folded.network))
        >>> tidy(model)
    """
    graph = model.subgraphs[0]
    kept = []
    for operator in graph.operators:
        if operator.outputs[0] in graph.outputs:
            kept.append(operator)
        elif _is_fence(model, operator) or _merged_into_convolution(model, operator):
            _rewire(graph, operator.outputs[0], operator.inputs[0])
        else:
            kept.append(operator)
    graph.operators = kept
    _shorten_indices(model)


def _shorten_indices(model: schema.ModelT) -> None:
    """Makes constants int16 that nothing but GATHER reads, as indices."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if flatbuffer.builtin_code(model, operator) != schema.BuiltinOperator.GATHER:
            continue
        number = operator.inputs[1]
        value = flatbuffer.constant(model, graph.tensors[number])
        if value is None or value.dtype != np.int32 or value.max() >= 2**15:
            continue
        if all(_gathers_by(model, x, number) for x in flatbuffer.consumers(model, number)):
            flatbuffer.set_constant(model, graph.tensors[number], value.astype(np.int16))
            flatbuffer.require_version(model, operator, _GATHER_BY_INT16)


def _gathers_by(model: schema.ModelT, operator: schema.OperatorT, index: int) -> bool:
    is_gather = flatbuffer.builtin_code(model, operator) == schema.BuiltinOperator.GATHER
    return is_gather and list(operator.inputs).index(index) == 1


def _is_fence(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    if flatbuffer.builtin_code(model, operator) != schema.BuiltinOperator.MINIMUM:
        return False
    bound = flatbuffer.constant(model, model.subgraphs[0].tensors[operator.inputs[1]])
    return bound is not None and bound.size == 1 and bound.item() == FENCE


def _merged_into_convolution(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    """Gives the stride of a 1 × 1 pooling to the 1 × 1 convolutions that read it, if it may."""
    pooling = operator.builtinOptions
    if (
        flatbuffer.builtin_code(model, operator) != schema.BuiltinOperator.MAX_POOL_2D
        or (pooling.filterHeight, pooling.filterWidth) != (1, 1)
        or pooling.fusedActivationFunction != schema.ActivationFunctionType.NONE
    ):
        return False
    readers = flatbuffer.consumers(model, operator.outputs[0])
    if not readers or not all(_is_pointwise(model, reader) for reader in readers):
        return False
    for reader in readers:
        reader.builtinOptions.strideH = pooling.strideH
        reader.builtinOptions.strideW = pooling.strideW
    return True


def _is_pointwise(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    if flatbuffer.builtin_code(model, operator) != schema.BuiltinOperator.CONV_2D:
        return False
    kernel = model.subgraphs[0].tensors[operator.inputs[1]].shape
    options = operator.builtinOptions
    return tuple(kernel[1:3]) == (1, 1) and (options.strideH, options.strideW) == (1, 1)


def _rewire(graph: schema.SubGraphT, old: int, new: int) -> None:
    for operator in graph.operators:
        operator.inputs = np.where(np.asarray(operator.inputs) == old, new, operator.inputs)
