"""Coded weights, which leave the quantization package."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class CodedWeights:
    """The weights of one layer as codes and a codebook.

    Example:
        >>> codes = np.array([[0, 1], [1, 1]], np.uint8)
        >>> CodedWeights(codes, np.array([-0.5, 0.25], np.float32), bits=1).decode()
        array([[-0.5 ,  0.25],
               [ 0.25,  0.25]], dtype=float32)

    Attributes:
        codes: Codes in the shape of the layer's kernel in Keras' layout, uint8.
        codebook: Ascending centroids, float32 `[k]`, k <= 2^bits.
        bits: Width of a code when packed, 1 to 8.
        scale: Factor of each output channel, float32 `[output channels]`. The channels are the
            kernel's last axis. Those of a depthwise kernel `[..., in, multiplier]`, of one or two
            dimensions, are its last two axes, flattened. None: there are no factors.
        error: Relative squared quantization error, ||w - decoded||² / ||w||² with w the latent
            weights. None: it is not known.
    """

    codes: np.ndarray
    codebook: np.ndarray
    bits: int
    scale: np.ndarray | None = None
    error: float | None = None

    def __post_init__(self):
        if not 1 <= self.bits <= 8:
            raise ValueError(f"bits: expected 1 to 8. Received: {self.bits}")
        if self.codes.dtype != np.uint8 or self.codebook.dtype != np.float32:
            raise ValueError(
                "expected uint8 codes and a float32 codebook. "
                f"Received: {self.codes.dtype}, {self.codebook.dtype}"
            )
        if not 1 <= len(self.codebook) <= 2**self.bits:
            raise ValueError(
                f"expected 1 to {2**self.bits} centroids for {self.bits} bits. "
                f"Received: {len(self.codebook)}"
            )
        if self.codes.size and self.codes.max() >= len(self.codebook):
            raise ValueError(
                f"expected codes below {len(self.codebook)}. Received: {self.codes.max()}"
            )
        if self.scale is not None:
            self._check_scale()
        if self.error is not None and not self.error >= 0:
            raise ValueError(f"error: expected at least 0. Received: {self.error}")

    def _check_scale(self) -> None:
        allowed = {self.codes.shape[-1], int(np.prod(self.codes.shape[-2:]))}
        if self.scale.dtype != np.float32 or self.scale.shape not in {(n,) for n in allowed}:
            raise ValueError(
                f"scale: expected float32 of one of the lengths {sorted(allowed)} for codes "
                f"{self.codes.shape}. Received: {self.scale.dtype} {self.scale.shape}"
            )
        if not np.isfinite(self.scale).all():
            raise ValueError("scale: expected finite factors. Received: NaN or infinity")

    @property
    def count(self) -> int:
        """Number of weights."""
        return self.codes.size

    def content(self) -> bytes:
        """Bytes that are equal exactly where codebooks and codes are."""
        return self.codebook.tobytes() + self.codes.tobytes()

    def decode(self) -> np.ndarray:
        """The float32 weights: the centroid of each code, times its channel's scale if any."""
        weights = self.codebook[self.codes]
        if self.scale is None:
            return weights
        if len(self.scale) == weights.shape[-1]:
            return weights * self.scale
        return weights * self.scale.reshape(weights.shape[-2:])

    def entropy(self) -> float:
        """The number of bits per weight that an ideal coder would need for these codes."""
        return entropy(np.bincount(self.codes.reshape(-1)))


def entropy(counts: np.ndarray) -> float:
    """The Shannon entropy of frequencies, in bits.

    Example:
        >>> entropy(np.array([2, 1, 1]))
        1.5

    Args:
        counts: Frequencies, int `[k]`, not all of them zero.
    """
    share = counts[counts > 0] / counts.sum()
    return float(max(0.0, -np.sum(share * np.log2(share))))


def relative_error(latent: np.ndarray, decoded: np.ndarray) -> float:
    """||latent - decoded||² / ||latent||², in float64. It is 0 where both are zero throughout.

    Example:
        >>> relative_error(np.array([1.0, 1.0]), np.array([1.0, 0.0]))
        0.5
    """
    latent = np.asarray(latent, np.float64)
    noise = float(np.sum((latent - decoded) ** 2))
    return noise / float(np.sum(latent**2)) if noise else 0.0
