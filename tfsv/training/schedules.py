"""Learning rate and margin as functions of the step."""

import dataclasses
import math
from typing import TYPE_CHECKING

from tfsv.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """Exponential decay with linear warm-up from zero (WeSpeaker's recipe).

    The decay runs over all steps, and the warm-up factor multiplies it.

    Example:
        >>> rate = LearningRate(0.1, 0.001, steps=1000)
        >>> rate(0), round(rate(1000), 6)
        (0.1, 0.001)

    Attributes:
        first: Learning rate at the first step, without warm-up.
        last: Learning rate after the last step.
        steps: Number of steps.
        warmup_steps: Number of steps of the warm-up. 0: there is none.

    Raises:
        InputError: The rates are not positive, or rise.
    """

    first: float
    last: float
    steps: int
    warmup_steps: int = 0

    def __post_init__(self):
        if not 0 < self.last <= self.first:
            raise InputError(
                f"learning rate from {self.first} to {self.last}: must be positive and not rise"
            )

    def __call__(self, step: int) -> float:
        decayed = self.first * (self.last / self.first) ** (step / max(1, self.steps))
        return decayed * min(1.0, (step + 1) / self.warmup_steps if self.warmup_steps else 1.0)


@dataclasses.dataclass(frozen=True)
class Margin:
    """Zero until `start`, exponentially rising to `last` at `end`, then constant.

    The recipe's rise is exponential without saying which. Ours is last · (e^(4x) - 1) / (e^4 - 1)
    for x from 0 to 1.

    Example:
        >>> margin = Margin(0.2, start=100, end=200)
        >>> margin(0), round(margin(150), 4), margin(200)
        (0.0, 0.0238, 0.2)

    Attributes:
        last: Margin from the step `end` on, radians.
        start: Step at which the margin begins to rise.
        end: Step at which the margin is `last`.

    Raises:
        InputError: The margin is not from 0 to 1.57 radians.
    """

    last: float
    start: int = 0
    end: int = 0

    def __post_init__(self):
        if not 0 <= self.last < math.pi / 2:
            raise InputError(f"margin={self.last}: must be 0 to 1.57 radians")

    def __call__(self, step: int) -> float:
        if step >= self.end:
            return self.last
        if step < self.start:
            return 0.0
        x = (step - self.start) / (self.end - self.start)
        return self.last * math.expm1(4 * x) / math.expm1(4)

    def tensor(self, step: "tf.Tensor") -> "tf.Tensor":
        """The margin of a step within a graph.

        Args:
            step: Number of the step, int scalar.

        Returns:
            The value that a call gives, rounded to a float32 scalar.
        """
        import tensorflow as tf

        if self.end <= 0:
            return tf.constant(self.last, tf.float32)
        step = tf.cast(step, tf.float64)
        x = (step - self.start) / max(1, self.end - self.start)
        rising = self.last * tf.math.expm1(4 * x) / math.expm1(4)
        before = tf.where(step < self.start, tf.zeros_like(rising), rising)
        return tf.cast(
            tf.where(step >= self.end, tf.fill([], tf.cast(self.last, tf.float64)), before),
            tf.float32,
        )
