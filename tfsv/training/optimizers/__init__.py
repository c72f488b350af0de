"""What moves the weights, by name; a file each."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfsv.registry import Registry


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How an optimizer is made.

    Attributes:
        make: Takes the weight decay, gives a Keras optimizer. The fit sets its learning rate.
        penalty: Whether the decay is an L2 penalty whose gradient the fit adds to the loss's. If
            not, the optimizer that `make` gives decays the weights itself.
    """

    make: Callable[[float], Any]
    penalty: bool = False


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", "tfsv.training.optimizers")
"""Optimizers by the name that a recipe gives."""
