"""The inputs that meet the weights of a kernel, as matrices, whatever the kind of layer.

A layer with a kernel computes matrix products. Each position of its output has a vector of inputs,
which every output channel multiplies by weights of its own. Grouped and depthwise convolutions
compute several such products side by side, one for each group.
"""

import math
from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from tfsv.kernel_layers import kernel_layer


def group_count(layer: keras.layers.Layer, kernel_shape: Sequence[int]) -> int:
    """The number of products side by side: 1, the groups, or the channels of a depthwise layer.

    Example:
        >>> group_count(keras.layers.Conv2D(8, 3, groups=4), (3, 3, 2, 8))
        4
    """
    if kernel_layer(layer).depthwise:
        return kernel_shape[-2]
    return getattr(layer, "groups", 1)


def matrices(layer: keras.layers.Layer, kernel: np.ndarray) -> np.ndarray:
    """A kernel as matrices, one for each group.

    Example:
        >>> matrices(keras.layers.Conv2D(8, 3, groups=4), np.zeros((3, 3, 2, 8))).shape
        (4, 18, 2)

    Args:
        layer: Layer with a kernel.
        kernel: Array in the shape of the layer's kernel.

    Returns:
        `[groups, inputs, outputs]`. `inputs` counts the weights of one output channel.
    """
    groups = group_count(layer, kernel.shape)
    if kernel_layer(layer).depthwise:
        return np.moveaxis(kernel.reshape(-1, groups, kernel.shape[-1]), 1, 0)
    flat = kernel.reshape(-1, groups, kernel.shape[-1] // groups)
    return np.moveaxis(flat, 1, 0)


def kernel_of(
    layer: keras.layers.Layer, weights: np.ndarray, kernel_shape: Sequence[int]
) -> np.ndarray:
    """The kernel whose `matrices` are these.

    Example:
        >>> layer, kernel = keras.layers.DepthwiseConv2D(3), np.ones((3, 3, 5, 2))
        >>> kernel_of(layer, matrices(layer, kernel), kernel.shape).shape
        (3, 3, 5, 2)

    Args:
        layer: Layer with a kernel.
        weights: `[groups, inputs, outputs]`.
        kernel_shape: Shape of the layer's kernel.
    """
    return np.ascontiguousarray(np.moveaxis(weights, 0, 1)).reshape(kernel_shape)


def by_channel(layer: keras.layers.Layer, values: np.ndarray) -> np.ndarray:
    """Values of output channels, `[channels]`, arranged as the outputs of `matrices`.

    Example:
        >>> by_channel(keras.layers.Conv2D(8, 3, groups=4), np.arange(8))[1]
        array([2, 3])

    Returns:
        `[groups, outputs]`.
    """
    if kernel_layer(layer).depthwise:
        return values.reshape(-1, layer.depth_multiplier)
    return values.reshape(getattr(layer, "groups", 1), -1)


def positions(layer: keras.layers.Layer, inputs: np.ndarray) -> int:
    """The number of output positions that a batch of a layer's inputs gives.

    Example:
        >>> positions(keras.layers.Dense(4), np.zeros((32, 50, 8)))
        1600
    """
    if not hasattr(layer, "kernel_size"):
        return math.prod(inputs.shape[:-1])
    sizes = _channels_last(layer, inputs).shape[1:-1]
    counts = (_padding(layer, axis, size)[2] for axis, size in enumerate(sizes))
    return len(inputs) * math.prod(counts)


def input_vectors(
    layer: keras.layers.Layer, inputs: np.ndarray, chosen: np.ndarray | None = None
) -> np.ndarray:
    """The vectors of inputs that a layer multiplies by its kernel.

    `input_vectors(layer, inputs) @ matrices(layer, kernel)` are the layer's outputs before bias and
    activation, group by group.

    Example:
        >>> layer = keras.layers.Conv1D(4, 5, padding="same")
        >>> input_vectors(layer, np.zeros((2, 100, 8), np.float32)).shape
        (1, 200, 40)

    Args:
        layer: Layer with a kernel.
        inputs: A batch of the layer's inputs.
        chosen: Numbers of output positions, in the order of the outputs. None: all are taken.

    Returns:
        `[groups, positions, inputs]`, in the type of `inputs`.
    """
    if not hasattr(layer, "kernel_size"):
        flat = inputs.reshape(-1, inputs.shape[-1])
        return (flat if chosen is None else flat[chosen])[np.newaxis]
    inputs = _channels_last(layer, inputs)
    rank = inputs.ndim - 2
    margins, counts, windows = [(0, 0)], [], []
    for axis, size in enumerate(inputs.shape[1:-1]):
        before, behind, count = _padding(layer, axis, size)
        margins.append((before, behind))
        counts.append(count)
        windows.append((layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1)
    padded = np.pad(inputs, [*margins, (0, 0)])
    view = np.lib.stride_tricks.sliding_window_view(padded, windows, tuple(range(1, rank + 1)))
    steps = [slice(None, None, step) for step in layer.strides]
    gaps = [slice(None, None, gap) for gap in layer.dilation_rate]
    view = view[(slice(None), *steps, slice(None), *gaps)]
    if chosen is None:
        chosen = np.arange(len(inputs) * math.prod(counts))
    picked = view[np.unravel_index(chosen, (len(inputs), *counts))]  # [positions, channels, window]
    picked = picked.reshape(len(picked), inputs.shape[-1], -1)
    groups = inputs.shape[-1] if kernel_layer(layer).depthwise else layer.groups
    picked = picked.reshape(len(picked), groups, -1, picked.shape[-1])
    return picked.transpose(1, 0, 3, 2).reshape(groups, len(picked), -1)


def _channels_last(layer: keras.layers.Layer, inputs: np.ndarray) -> np.ndarray:
    first = layer.data_format == "channels_first"
    return np.moveaxis(inputs, 1, -1) if first else inputs


def _padding(layer: keras.layers.Layer, axis: int, size: int) -> tuple[int, int, int]:
    """Zeros before and behind an axis of this size, and the outputs along it."""
    stride = layer.strides[axis]
    window = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
    if layer.padding == "same":
        count = -(-size // stride)
        missing = max((count - 1) * stride + window - size, 0)
        return missing // 2, missing - missing // 2, count
    before = window - 1 if layer.padding == "causal" else 0
    return before, 0, max(0, (size + before - window) // stride + 1)
