"""The graph that is converted, written so that the converter leaves kernels as they are."""

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema

from tfsv.export.graph_layers import FENCE, conversion_layers
from tfsv.features import LogMel
from tfsv.packed import flatbuffer

_GATHER_BY_INT16 = 6  # operator version; runtimes from TensorFlow 2.13 on have it


def convert_graph(front_end: LogMel, network: keras.Model) -> bytes:
    """Converts waveform → front end → network → L2 norm, with built-in operators, in float32.

    Args:
        front_end: Waveform to features.
        network: Features to embedding, batch normalisation folded.

    Returns:
        A TFLite file with one signature, `waveform` float32 `[1, any]` to `embedding` float32
        `[1, embedding size]`. It is not yet tidy; see `tidy`.
    """
    weights = network.get_weights()
    network = keras.models.clone_model(network, clone_function=conversion_layers(network))
    network.set_weights(weights)
    module = tf.Module()
    module.weights = network.weights  # the converter wants an owner of the variables

    # Without autograph, which would spend seconds on translating Keras.
    @tf.function(
        input_signature=[tf.TensorSpec([1, None], tf.float32, name="waveform")], autograph=False
    )
    def embed(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        embedding = network(front_end(waveform), training=False)
        return {"embedding": tf.math.l2_normalize(embedding, axis=-1)}

    module.embed = embed
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [embed.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter.convert()


def tidy(model: schema.ModelT) -> None:
    """Takes operations out of the converted model that were there for training or the converter.

    These are the fences around kernels (see `tfsv.export.graph_layers`), and poolings of size 1 × 1
    that only skip pixels in front of a 1 × 1 convolution: the convolution gets their stride. The
    networks have them because of a broken training kernel; XNNPACK does not take them.

    The front end's indices become int16, half of what they were.
    """
    graph = model.subgraphs[0]
    kept = []
    for operator in graph.operators:
        if _is_fence(model, operator) or _merged_into_convolution(model, operator):
            _rewire(graph, operator.outputs[0], operator.inputs[0])
        else:
            kept.append(operator)
    graph.operators = kept
    for operator in kept:
        if flatbuffer.builtin_code(model, operator) == schema.BuiltinOperator.GATHER:
            index = graph.tensors[operator.inputs[1]]
            value = flatbuffer.constant(model, index)
            if value is not None and value.dtype == np.int32 and value.max() < 2**15:
                flatbuffer.set_constant(model, index, value.astype(np.int16))
                flatbuffer.require_version(model, operator, _GATHER_BY_INT16)


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
