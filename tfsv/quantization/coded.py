"""Coded weights: what leaves the quantization package."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class CodedWeights:
    """The weights of one layer as codes and a codebook.

    Attributes:
        codes: uint8, the shape of the layer's kernel in Keras' layout.
        codebook: float32 `[k]`, ascending, k <= 2^bits.
        bits: Width of a code when packed, 1 to 8.
    """

    codes: np.ndarray
    codebook: np.ndarray
    bits: int

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

    def decode(self) -> np.ndarray:
        """float32 weights, each the centroid that its code names."""
        return self.codebook[self.codes]

    def entropy(self) -> float:
        """Bits a weight that an ideal coder would need for these codes."""
        share = np.bincount(self.codes.reshape(-1)) / self.codes.size
        share = share[share > 0]
        return float(-np.sum(share * np.log2(share)))
