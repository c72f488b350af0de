"""One layer's codes, centroids and channel scales, from what the layer is given."""

import dataclasses

import numpy as np
import tf_keras as keras

from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.channel_scales import channel_deviations
from tfsv.quantization.compensation import compensated, damped, descended, output_error
from tfsv.quantization.input_moments import InputMoments
from tfsv.quantization.kernel_inputs import kernel_of, matrices
from tfsv.quantization.norms_behind import Norm, gains, largest_scales
from tfsv.quantization.refitting import ascending, refitted
from tfsv.quantization.schemes.base import KernelQuantizer

_SWEEPS = 2  # of coordinate descent in each round
_MOST_REFITTED = 16  # centroids; more of them hardly move, and refitting takes long


@dataclasses.dataclass(frozen=True)
class CalibratedKernel:
    """What calibration made of a kernel.

    Attributes:
        latent: Latent kernel, float32, divided by `scale`. Where codes are calibrated, it is the
            decoded kernel, which the quantizer maps to itself.
        kernel: Decoded kernel, float32, divided by `scale`.
        variables: Values of the quantizer's variables, by name, without its switch.
        scale: Factor of each output channel that was divided out, `[groups, outputs]`.
        error: Mean squared error of the layer's outputs, relative to their variance.
    """

    latent: np.ndarray
    kernel: np.ndarray
    variables: dict[str, np.ndarray]
    scale: np.ndarray
    error: float


def calibrated_kernel(
    layer: keras.layers.Layer,
    kernel: np.ndarray,
    quantizer: KernelQuantizer,
    moments: InputMoments,
    settings: CodeCalibration,
    norm: Norm | None = None,
) -> CalibratedKernel:
    """Codes a kernel so that the layer's outputs change least.

    Compensation gives the first codes. Then centroids are refitted to the outputs and codes to the
    centroids, in turn, each of which can only lower the error.

    Example:
        >>> quantizer, kernel = SCHEMES["kmeans"](3), layer.kernel.numpy()
        >>> found = calibrated_kernel(layer, kernel, quantizer, moments, CodeCalibration())

    Args:
        layer: The layer, whose kind decides what its inputs meet.
        kernel: Float kernel.
        quantizer: The layer's quantizer.
        moments: Moments of the layer's inputs.
        settings: How to calibrate.
        norm: Batch normalisation behind the layer, which takes up scales and offsets. None: there
            is none.
    """
    weights = matrices(layer, kernel).astype(np.float64)
    centred = norm is not None or layer.use_bias  # then means are made up for
    plain = moments.hessian(centred=centred)
    hessian = damped(plain, settings.damping)
    target = weights
    if settings.targets == "float" and settings.codes == "calibrated":
        missing = moments.cross(centred=centred).transpose(0, 2, 1) - plain
        target = weights + np.linalg.solve(hessian, missing @ weights)
    importance = np.ones(weights.shape[::2]) if norm is None else gains(layer, norm) ** 2
    whole = np.sum(importance * output_error(weights, plain)) or 1.0
    scales = [np.ones(importance.shape)]
    if settings.channel_scales and norm is not None:
        scales.append(np.minimum(channel_deviations(target), largest_scales(layer, norm)))
    best = None
    for scale in scales:
        aim = target / scale[:, np.newaxis]
        known = importance * scale**2
        latent, decoded, variables = _coded(
            layer, aim, kernel.shape, quantizer, hessian, known, settings
        )
        error = np.sum(known * output_error(aim - matrices(layer, decoded), plain)) / whole
        if best is None or error < best.error:
            best = CalibratedKernel(latent, decoded, variables, scale, float(error))
    return best


def _coded(
    layer: keras.layers.Layer,
    weights: np.ndarray,
    shape: tuple[int, ...],
    quantizer: KernelQuantizer,
    hessian: np.ndarray,
    importance: np.ndarray,
    settings: CodeCalibration,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Latent kernel, decoded kernel and the quantizer's variables."""
    latent = kernel_of(layer, weights, shape).astype(np.float32)
    variables = quantizer.build(latent.shape, "kernel", keras.layers.Layer())
    quantizer.refresh(latent, variables, layer.name)
    coded = quantizer.coded(latent, variables)
    if settings.codes == "calibrated" and quantizer.keeps_codebook:
        codebook = coded.codebook
        codes = compensated(weights, hessian, codebook, order=settings.order)
        for _ in range(settings.refits):
            if quantizer.free_centroids and len(codebook) <= _MOST_REFITTED:
                codebook = refitted(weights, hessian, codes, codebook, importance)
                codebook, codes = ascending(codebook, codes)
            codes = descended(weights, hessian, codebook, codes, sweeps=_SWEEPS)
        if quantizer.free_centroids:
            quantizer.set_codebook(codebook, variables)
        latent = kernel_of(layer, codebook[codes], shape)
        coded = quantizer.coded(latent, variables)
    values = {name: v.numpy() for name, v in variables.items() if name != "active"}
    return latent, coded.decode(), values
