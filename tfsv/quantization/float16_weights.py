"""Weights of 16 bits, which leave the quantization package beside coded ones."""

import dataclasses

import numpy as np

from tfsv.errors import InputError
from tfsv.quantization.coded import CodedWeights
from tfsv.widths import FLOAT16, LARGEST_FLOAT16


@dataclasses.dataclass(frozen=True)
class Float16Weights:
    """The weights of one layer in float16 (the 16 bits of paper 4's candidates).

    The paper does not say what its 16 bits are. We take float16, for TFLite files hold it as it is
    and 65,536 centroids would be larger than most kernels.

    Example:
        >>> weights = Float16Weights(np.array([0.1, -2.0], np.float16))
        >>> weights.bits, weights.decode().dtype
        (16, dtype('float32'))

    Attributes:
        values: The weights in the shape of the layer's kernel in Keras' layout, float16, finite.
        error: Relative squared error of rounding, ||w - decoded||² / ||w||² with w the latent
            weights. None: it is not known.
    """

    values: np.ndarray
    error: float | None = None

    def __post_init__(self):
        if self.values.dtype != np.float16 or not np.isfinite(self.values).all():
            raise ValueError(f"values: expected finite float16. Received: {self.values.dtype}")
        if self.error is not None and not self.error >= 0:
            raise ValueError(f"error: expected at least 0. Received: {self.error}")

    @property
    def bits(self) -> int:
        """Width of a weight, 16."""
        return FLOAT16

    @property
    def count(self) -> int:
        """Number of weights."""
        return self.values.size

    def decode(self) -> np.ndarray:
        """The weights as float32, which holds each of them exactly."""
        return self.values.astype(np.float32)

    def content(self) -> bytes:
        """Bytes that are equal exactly where weights are."""
        return self.values.tobytes()


StoredWeights = CodedWeights | Float16Weights
"""What a quantizer makes of a kernel."""


def rounded(weights: np.ndarray) -> np.ndarray:
    """Weights in float16, rounded to nearest, ties to even.

    Magnitudes beyond 65504 become 65504, and those below 2^-25 zero.

    Example:
        >>> rounded(np.array([0.1, 1e6], np.float32)).tolist()
        [0.0999755859375, 65504.0]

    Args:
        weights: The weights, float32 of any shape.
    """
    return np.clip(weights, -LARGEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16)


def check_range(weights: np.ndarray, name: str) -> None:
    """Raises an InputError if a weight is beyond float16's range, which is 65504.

    Example:
        >>> check_range(np.array([0.1, -2.0]), "stem")

    Args:
        weights: The weights, float32 of any shape.
        name: Name of the layer, with which the message begins.
    """
    beyond = int(np.count_nonzero(np.isfinite(weights) & (np.abs(weights) > LARGEST_FLOAT16)))
    if beyond:
        raise InputError(
            f"{name}: {beyond} of {np.size(weights)} weights are beyond 65504, the largest number"
            " of 16 bits; give the layer 1 to 8 bits or leave it float"
        )
