"""Kernels as int8 with one scale per output channel, written into a converted flatbuffer.

The converter's own quantization is never used: it would round every channel to its own grid and
so move the centroids. Here the int8 values of a coded layer are its centroids, rounded once and
shared by the whole layer. Only the scale differs from channel to channel.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.folding import FoldedNetwork, channel_scaled
from tfsv.conversion.kernels import tflite_layout
from tfsv.packed import flatbuffer
from tfsv.quantization.coded import CodedWeights

_LARGEST = 127  # symmetric: -128 is not used
_SMALLEST_SCALE = np.finfo(np.float32).tiny  # XNNPACK refuses subnormal scales
_CONV_PER_CHANNEL = 5  # operator versions that float activations with int8 weights ask for
_DENSE_PER_TENSOR = 9
_DENSE_PER_CHANNEL = 12
_RUNTIME_OF_DENSE_PER_CHANNEL = b"2.17.0"


@dataclasses.dataclass(frozen=True)
class Int8Kernel:
    """A kernel as int8: `values * scales` in every output channel, zero point 0.

    Example:
        >>> int8 = float_kernel(kernel, per_channel=True)
        >>> rounded = int8.values * int8.scales

    Attributes:
        values: The int8 values, in Keras' layout with output channels last.
        scales: Scale of each output channel, float32 `[output channels]`, all positive.
    """

    values: np.ndarray
    scales: np.ndarray


def signed_centroids(coded: CodedWeights, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values that a coded kernel has as int8, whatever the channel, and the channels' signs.

    Example:
        >>> coded = CodedWeights(codes, np.array([-0.5, 0.25], np.float32), bits=1)
        >>> centroids, signs = signed_centroids(coded, np.array([1, -2], np.float32))
        >>> centroids.tolist(), signs.tolist()
        ([-127, 64], [1, -1])

    Args:
        coded: Codes and codebook of the layer.
        scale: Scale of each channel, float32 `[output channels]`, of any sign.

    Returns:
        The centroids, int8 `[k]`: round(c × 127 / max|codebook|) for each centroid c. The signs,
        int8 `[output channels]`: 1, -1, or 0 for a channel whose scale vanishes.
    """
    step = _step(coded)
    codebook = coded.codebook.astype(np.float64)
    centroids = np.rint(codebook / step) if step else np.zeros_like(codebook)
    vanishing = np.abs(scale.astype(np.float64)) * step < _SMALLEST_SCALE
    return centroids.astype(np.int8), np.where(vanishing, 0, np.sign(scale)).astype(np.int8)


def coded_kernel(coded: CodedWeights, scale: np.ndarray) -> Int8Kernel:
    """Int8 form of a coded kernel whose channels were scaled by folding.

    A negative scale turns the sign of its channel's values; a scale of zero gives a channel of
    zeros.

    Example:
        >>> int8 = coded_kernel(folded.coded["stem"], folded.scales["stem"])
        >>> int8.values.shape == folded.kernels["stem"].shape
        True

    Args:
        coded: Codes and codebook of the layer.
        scale: What folding put on the codebook's values, float32 `[output channels]`, of any sign.
    """
    centroids, signs = signed_centroids(coded, scale)
    values = channel_scaled(centroids[coded.codes], signs)
    scales = np.where(signs == 0, 1.0, np.abs(scale.astype(np.float64)) * _step(coded))
    return Int8Kernel(values, scales.astype(np.float32))


def float_kernel(kernel: np.ndarray, *, per_channel: bool) -> Int8Kernel:
    """Int8 form of an ordinary kernel: the largest magnitude becomes 127.

    Example:
        >>> kernel = np.array([[0.5, -1], [0.25, 2]], np.float32)
        >>> float_kernel(kernel, per_channel=True).values.tolist()
        [[127, -64], [64, 127]]

    Args:
        kernel: The kernel, float32, in Keras' layout.
        per_channel: Whether each output channel has its own largest magnitude.
    """
    axes = tuple(range(kernel.ndim - 1)) if per_channel else None
    step = np.abs(kernel.astype(np.float64)).max(axis=axes) / _LARGEST
    scales = np.broadcast_to(np.where(step < _SMALLEST_SCALE, 1.0, step), kernel.shape[-1:])
    live = np.where(step < _SMALLEST_SCALE, 0.0, 1.0)
    values = np.rint(kernel / scales * live).astype(np.int8)
    return Int8Kernel(values, scales.astype(np.float32))


def int8_kernel(folded: FoldedNetwork, name: str) -> Int8Kernel | None:
    """The int8 form of a layer's kernel; None for a layer that stays float.

    Layers of 16 bits stay float in every form. Depthwise convolutions of float activations with
    int8 weights leave XNNPACK and cost more than they save, so they stay float too. A dense layer
    without folding gets one scale for all channels, which every runtime takes. With a scale for
    each, it needs TensorFlow 2.17 or any LiteRT.

    Example:
        >>> int8 = int8_kernel(fold_batch_norm(network, coded), "embedding")
        >>> int8.values.dtype
        dtype('int8')
    """
    if name in folded.depthwise or name in folded.float16:
        return None
    scale = folded.scales[name]
    if name in folded.coded:
        return coded_kernel(folded.coded[name], scale)
    kernel = folded.kernels[name]
    return float_kernel(kernel, per_channel=kernel.ndim > 2 or bool(np.any(scale != 1)))


def write_int8(model: schema.ModelT, kernels: Mapping[str, int], folded: FoldedNetwork) -> None:
    """Replaces every float kernel of `folded` in the converted model by its int8 form.

    Biases and activations stay float: the runtime quantizes each input on the fly.

    Example:
        >>> write_int8(model, find_kernels(model, folded), folded)
        >>> content = flatbuffer.serialise(model)

    Args:
        model: The float conversion of `folded.network`; changed in place.
        kernels: Tensor of each layer's kernel, as `find_kernels` gives it.
        folded: The folded network that was converted.
    """
    for name, index in kernels.items():
        quantized = int8_kernel(folded, name)
        if quantized is None:
            continue
        scales = quantized.scales
        if len(scales) > 1 and np.all(scales == scales[0]):
            if quantized.values.ndim == 2:
                scales = scales[:1]
            else:
                # TensorFlow 2.16 takes a convolution of equal scales for one of a single scale,
                # which it then does not find; scales that differ in the last bit it applies.
                scales = scales.copy()
                scales[0] = np.nextafter(scales[0], np.float32(np.inf))
        tensor = model.subgraphs[0].tensors[index]
        flatbuffer.set_constant(model, tensor, tflite_layout(quantized.values))
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scales
        tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        tensor.quantization.quantizedDimension = 0
        for operator in flatbuffer.consumers(model, index):
            if quantized.values.ndim == 2:
                operator.builtinOptions.asymmetricQuantizeInputs = True  # as XNNPACK does
            _require_version(model, operator, per_channel=len(scales) > 1)


def _step(coded: CodedWeights) -> float:
    """The weight that an int8 unit of a coded kernel stands for, before folding."""
    return float(np.abs(coded.codebook.astype(np.float64)).max()) / _LARGEST


def _require_version(
    model: schema.ModelT, operator: schema.OperatorT, *, per_channel: bool
) -> None:
    if flatbuffer.builtin_code(model, operator) == schema.BuiltinOperator.CONV_2D:
        flatbuffer.require_version(model, operator, _CONV_PER_CHANNEL)
    elif per_channel:
        flatbuffer.require_version(model, operator, _DENSE_PER_CHANNEL)
        runtime = _RUNTIME_OF_DENSE_PER_CHANNEL.ljust(16, b"\0")
        flatbuffer.set_metadata(model, "min_runtime_version", runtime)
    else:
        flatbuffer.require_version(model, operator, _DENSE_PER_TENSOR)
