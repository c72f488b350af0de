"""Sensitivity by chance: what every method must beat."""

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
    from tfsv.quantization.coded import CodedWeights


@dataclasses.dataclass(frozen=True)
class RandomSettings:
    """Which chance.

    Attributes:
        seed: Decides the importance of each layer.
    """

    seed: int = setting(0, "Seed of crops, vectors, trials and of random.")


@METHODS.register("random")
class Random:
    """A random importance for each layer, over four decades; a bit quarters a weight's loss.

    A quarter is what a bit does to the squared error of a fine grid, so that more bits are always
    better and budgets are used up as with any other method.
    """

    name = "random"
    help: ClassVar = "a random importance for each layer, a baseline"
    record: ClassVar = RandomSettings
    uses: ClassVar = ()

    @classmethod
    def of(cls, subject: "Subject", settings: RandomSettings) -> "Random":
        """See `Method.of`."""
        return cls(seed=settings.seed)

    def __init__(self, *, seed: int = 0):
        self.settings = {"seed": seed}

    def row(self, layer: str, candidates: "Mapping[int, CodedWeights]") -> "Row":
        """See `Method.row`."""
        from tfsv.bitwidth.sensitivity import Row

        key = hashlib.sha256(f"{self.settings['seed']} {layer}".encode()).digest()
        importance = 10 ** np.random.default_rng(list(key)).uniform(-2, 2)
        weights = next(iter(candidates.values())).codes.size
        losses = {bits: float(importance * weights * 4.0**-bits) for bits in candidates}
        return Row(losses, f"random importance {importance:.3g}")
