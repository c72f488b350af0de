"""The table of optimizers, with a file for each."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfsv.registry import Registry


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """The function that makes an optimizer, and its kind of weight decay.

    Example:
        >>> OPTIMIZERS["sgd"].penalty
        True

    Attributes:
        make: Function from the weight decay to a Keras optimizer. The fit sets its learning rate.
        penalty: Whether the decay is an L2 penalty whose gradient the fit adds to the loss's. If
            not, the optimizer decays the weights itself.
    """

    make: Callable[[float], Any]
    penalty: bool = False


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", "tfsv.training.optimizers")
"""Optimizers by the names that recipes give."""
