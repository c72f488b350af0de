"""Sensitivity by chance, which every method must beat."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfsv.bitwidth.methods import METHODS
from tfsv.settings import setting

if TYPE_CHECKING:
    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights


@dataclasses.dataclass(frozen=True)
class RandomSettings:
    """Settings of the random importance.

    Example:
        >>> settings = RandomSettings(seed=1)

    Attributes:
        seed: Seed of the importance of each layer.
    """

    seed: int = setting(0, "Seed of crops, vectors, trials and of random.")


@METHODS.register("random")
class Random:
    """A random importance for each layer, over four decades. Every bit more quarters the loss.

    A bit divides the squared error of a fine grid by four. So more bits are always better, and
    budgets are used up as with any other method.

    Example:
        >>> sensitivities = measure(Random(seed=1), candidates)

    Args:
        seed: Seed of the importance of each layer.
    """

    name = "random"
    help: ClassVar = "a random importance for each layer, a baseline"
    record: ClassVar = RandomSettings
    uses: ClassVar = ()

    @classmethod
    def of(cls, subject: "Subject", settings: RandomSettings) -> "Random":
        """The method for a network, which matters only by the names of its layers."""
        return cls(seed=settings.seed)

    def __init__(self, *, seed: int = 0):
        self.settings = {"seed": seed}

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The random sensitivities of a layer at its widths."""
        from tfsv.bitwidth.sensitivity import Row

        key = hashlib.sha256(f"{self.settings['seed']} {layer}".encode()).digest()
        importance = 10 ** np.random.default_rng(list(key)).uniform(-2, 2)
        weights = next(iter(candidates.values())).count
        losses = {bits: float(importance * weights * 4.0**-bits) for bits in candidates}
        return Row(losses, f"random importance {importance:.3g}")
