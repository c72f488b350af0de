"""Objectives, which a fit minimises: losses with their schedules and values for people."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras


class Objective(keras.layers.Layer):
    """A loss with all that belongs to it: variables, schedules, and named values for people.

    A subclass computes everything in `call`. The step's number comes as a tensor. So a schedule,
    such as that of a margin, is part of the graph and of the objective.

    Example:
        >>> class SquaredError(Objective):
        ...     def call(self, outputs, targets, step):
        ...         errors = tf.reduce_mean(tf.square(outputs - targets), axis=[1, 2])
        ...         return errors, {"peak": tf.reduce_max(tf.abs(outputs - targets), axis=[1, 2])}
    """

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(
        self, outputs: Any, targets: Any, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the losses of a batch.

        Args:
            outputs: Outputs of the network for the batch.
            targets: Targets that the dataset gives beside the inputs.
            step: Number of the step from 0 on, int32 scalar.

        Returns:
            The losses, float32 `[batch]`, whose mean is minimised, and values by name, float32
            `[batch]`, whose means are shown.
        """
        raise NotImplementedError

    def scheduled(self, step: int) -> dict[str, float]:
        """Values of this step that follow a schedule, by name. They are shown too."""
        return {}

    def shown(self, values: Mapping[str, float]) -> str:
        """The text behind the progress bar.

        Args:
            values: Means of the loss (as "loss") and of the named values over the last hundred
                steps, and the values of `scheduled`.
        """
        return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


class WeightedObjectives(Objective):
    """The weighted sum of several objectives over the same outputs and targets.

    The loss and values of each are shown under its own name, such as "distance/loss".

    Example:
        >>> both = WeightedObjectives({"speakers": (1.0, first), "distance": (0.1, second)})

    Args:
        parts: Factor and objective of each part, by name.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, parts: Mapping[str, tuple[float, Objective]], **kwargs: Any):
        super().__init__(**kwargs)
        self.factors = {name: float(factor) for name, (factor, _) in parts.items()}
        self.parts = {name: objective for name, (_, objective) in parts.items()}

    def build(self, input_shape: Any) -> None:
        """Builds every part for outputs of this shape, unless it was built before."""
        for objective in self.parts.values():
            if not objective.built:
                objective.build(input_shape)
        super().build(input_shape)

    def call(
        self, outputs: Any, targets: Any, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the weighted sums of the parts' losses, and the values of all parts."""
        total: list[tf.Tensor] = []
        values = {}
        for name, objective in self.parts.items():
            losses, own = objective(outputs, targets, step)
            total.append(self.factors[name] * losses)
            values |= {f"{name}/{key}": value for key, value in {"loss": losses, **own}.items()}
        return tf.add_n(total), values

    def scheduled(self, step: int) -> dict[str, float]:
        """Values of this step in all parts that follow a schedule, by name."""
        return {
            f"{name}/{key}": value
            for name, objective in self.parts.items()
            for key, value in objective.scheduled(step).items()
        }
