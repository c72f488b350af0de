"""Where the kernels of a Keras network lie in its TFLite conversion."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.folding import FoldedNetwork
from tfsv.packed import flatbuffer


def tflite_layout(kernel: np.ndarray, *, depthwise: bool = False) -> np.ndarray:
    """A kernel in the axes of the operator that computes the layer.

    Example:
        >>> tflite_layout(np.zeros((5, 80, 64))).shape
        (64, 1, 5, 80)

    Args:
        kernel: The kernel in Keras' layout: `[in, out]` (dense), `[k, in, out]` (Conv1D),
            `[h, w, in, out]` (Conv2D), `[k, in, multiplier]` (DepthwiseConv1D) or
            `[h, w, in, multiplier]` (DepthwiseConv2D).
        depthwise: Whether the layer is one of the last two.

    Returns:
        `[out, in]` for FULLY_CONNECTED, `[out, h, w, in]` for CONV_2D,
        `[1, h, w, in * multiplier]` for DEPTHWISE_CONV_2D. Convolutions over time have height 1.
    """
    if kernel.ndim == 3:
        kernel = kernel[np.newaxis]
    if depthwise:
        return kernel.reshape(1, *kernel.shape[:2], -1)
    return np.ascontiguousarray(np.moveaxis(kernel, -1, 0))


def find_kernels(model: schema.ModelT, folded: FoldedNetwork) -> dict[str, int]:
    """Finds the constant that holds each layer's kernel, by its content, bit for bit.

    Example:
        >>> folded = fold_batch_norm(network, coded)
        >>> model = flatbuffer.parse(convert_graph(ends, folded.network))
        >>> kernels = find_kernels(model, folded)

    Args:
        model: The float conversion of `folded.network`.
        folded: The folded network that was converted.

    Returns:
        Index of the tensor by layer name.

    Raises:
        LookupError: A kernel is not in the model exactly once, as the second input of convolutions
            or dense layers. The converter changed it, or two layers have the same one.
    """
    found = {}
    for name, kernel in folded.kernels.items():
        value = tflite_layout(kernel, depthwise=name in folded.depthwise)
        indices = flatbuffer.find_constants(model, value)
        if len(indices) != 1 or indices[0] in found.values():
            raise LookupError(
                f"{name}: its kernel is in the converted model {len(indices)} times, not once"
            )
        for operator in flatbuffer.consumers(model, indices[0]):
            code = flatbuffer.builtin_code(model, operator)
            if code not in flatbuffer.KERNEL_OPERATORS or operator.inputs[1] != indices[0]:
                raise LookupError(f"{name}: operator {code} reads its kernel")
        found[name] = indices[0]
    return found
