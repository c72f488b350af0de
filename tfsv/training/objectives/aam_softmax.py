"""Additive angular margin softmax."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.training.objective import Objective
from tfsv.training.objectives import OBJECTIVES
from tfsv.training.schedules import Margin


@OBJECTIVES.register("aam_softmax")
@keras.utils.register_keras_serializable("tfsv")
class AAMSoftmax(Objective):
    """Additive angular margin softmax (AAM-softmax, ArcFace), the loss of papers 1 to 3.

    The logit of the target class is scale · cos(θ + margin), that of the others scale · cos θ. Here
    θ is the angle between the embedding and the class's weight vector. Where θ + margin would pass
    π, `cos θ - (1 + cos(π - margin))` takes the target's place, as in WeSpeaker's recipe. The
    weight vectors are dropped after training and never quantized.

    Example:
        >>> objective = AAMSoftmax(classes=1000, margin=Margin(0.2, start=100, end=200))
        >>> objective.build([None, 256])
        >>> losses, values = objective(embeddings, labels, tf.constant(0))

    Args:
        classes: Number of training classes (speakers × speed factors).
        margin: Margin by step, radians. A number stays the same throughout.
        scale: Factor on the cosines, 32 in the recipe.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(
        self, classes: int, margin: Margin | float = 0.2, scale: float = 32.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.classes = classes
        self.margin = margin if isinstance(margin, Margin) else Margin(float(margin))
        self.scale = scale

    def build(self, input_shape: Any) -> None:
        """Makes the class vectors, float32 `[classes, size]`, for embeddings `[batch, size]`."""
        self.kernel = self.add_weight(
            "kernel", shape=[self.classes, input_shape[-1]], initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(
        self, outputs: tf.Tensor, targets: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes loss and accuracy of a batch.

        Args:
            outputs: Embeddings of any norm, float32 `[batch, size]`.
            targets: Classes from 0 on, int32 `[batch]`.
            step: Number of the step, which decides the margin, int32 scalar.

        Returns:
            The cross-entropies, float32 `[batch]`, and "accuracy", float32 `[batch]`. It is 1 where
            the nearest class (without margin) is the right one.
        """
        margin = self.margin.tensor(step)
        cosine = tf.matmul(
            tf.math.l2_normalize(outputs, axis=1),
            tf.math.l2_normalize(self.kernel, axis=1),
            transpose_b=True,
        )
        hit = tf.one_hot(targets, self.classes)
        target = tf.reduce_sum(cosine * hit, axis=1)
        sine = tf.sqrt(tf.maximum(1.0 - tf.square(target), 1e-12))
        margined = target * tf.cos(margin) - sine * tf.sin(margin)
        margined = tf.where(
            target > tf.cos(math.pi - margin), margined, target - (1.0 + tf.cos(math.pi - margin))
        )
        logits = self.scale * (cosine + hit * (margined - target)[:, None])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        right = tf.cast(tf.equal(tf.argmax(cosine, 1, tf.int32), targets), tf.float32)
        return loss, {"accuracy": right}

    def scheduled(self, step: int) -> dict[str, float]:
        """The margin of a step, radians."""
        return {"margin": self.margin(step)}

    def shown(self, values: Mapping[str, float]) -> str:
        """The text of loss, accuracy and margin."""
        return (
            f"loss {values['loss']:.2f}, accuracy {values['accuracy']:.0%}, "
            f"margin {values['margin']:.2f}"
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer, with the last value of the margin."""
        own = {"classes": self.classes, "margin": self.margin.last, "scale": self.scale}
        return super().get_config() | own
