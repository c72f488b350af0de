"""Distillation: a network learns from a teacher's embeddings, without labels."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.training.objective import Objective

_TINY = 1e-12


def embedding_loss(student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """One minus the cosine of each pair of embeddings.

    Example:
        >>> embedding_loss(tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 2.0]])).numpy()
        array([1.], dtype=float32)

    Args:
        student: Embeddings of any norm, float32 `[batch, size]`.
        teacher: Embeddings of any norm, float32 `[batch, size]`. Where one is zero, nothing is
            known, and the loss is 0.

    Returns:
        The losses, float32 `[batch]`.
    """
    cosines = tf.reduce_sum(
        tf.math.l2_normalize(student, axis=1) * tf.math.l2_normalize(teacher, axis=1), axis=1
    )
    return tf.where(_known(teacher), 1.0 - cosines, 0.0)


def relation_loss(student: tf.Tensor, teacher: tf.Tensor, baseline: float = 0.0) -> tf.Tensor:
    """Mean squared difference of the student's and the teacher's cosines within the batch.

    It is the distance-wise loss of relational distillation (Park et al., 2019), over cosines. The
    teacher's cosines c are taken as (c - baseline) / (1 - baseline). So those of different speakers
    are 0 on average, as a margin loss wants them, though a teacher's embeddings share a direction.
    This is our choice.

    Example:
        >>> same = tf.constant([[1.0, 0.0], [0.0, 1.0]])
        >>> relation_loss(same, same).numpy()
        array([0., 0.], dtype=float32)

    Args:
        student: Embeddings of any norm, float32 `[batch, size]`.
        teacher: Embeddings of any norm, float32 `[batch, teacher size]`. Where one is zero, nothing
            is known, and its pairs are left out.
        baseline: Mean cosine of the teacher's embeddings of different recordings.

    Returns:
        The means over the other members of the batch, float32 `[batch]`.
    """
    known = tf.cast(_known(teacher), tf.float32)
    pairs = known[:, None] * known[None] * (1.0 - tf.eye(tf.shape(student)[0]))
    wanted = (_cosines(teacher) - baseline) / (1.0 - baseline)
    errors = tf.square(_cosines(student) - wanted) * pairs
    return tf.reduce_sum(errors, axis=1) / tf.maximum(tf.reduce_sum(pairs, axis=1), 1.0)


def _cosines(embeddings: tf.Tensor) -> tf.Tensor:
    unit = tf.math.l2_normalize(embeddings, axis=1)
    return tf.matmul(unit, unit, transpose_b=True)


def _known(teacher: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(teacher), axis=1) > _TINY


@keras.utils.register_keras_serializable("tfsv")
class RecordedTeacher(Objective):
    """Distillation from embeddings that a teacher gave before; they are the targets.

    The network's embedding, normalised, passes a dense projection to the teacher's size. Its
    regression is `embedding_loss`; within the batch there is `relation_loss`. The projection is
    dropped after training. A replica sees the relations within its share of the batch.

    Example:
        >>> teacher = RecordedTeacher(256, baseline=0.6)
        >>> teacher.build([None, 128])
        >>> losses, values = teacher(embeddings, teachers, tf.constant(0))

    Args:
        teacher_size: Number of components of the teacher's embeddings.
        embedding_weight: Factor on the embedding loss.
        relation_weight: Factor on the relation loss.
        baseline: Mean cosine of the teacher's embeddings of different recordings.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(
        self,
        teacher_size: int,
        embedding_weight: float = 10.0,
        relation_weight: float = 5.0,
        baseline: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.teacher_size = teacher_size
        self.embedding_weight = embedding_weight
        self.relation_weight = relation_weight
        self.baseline = baseline

    def build(self, input_shape: Any) -> None:
        """Makes the projection, float32 `[size, teacher size]`, with a bias."""
        self.kernel = self.add_weight(
            "kernel", shape=[input_shape[-1], self.teacher_size], initializer="glorot_uniform"
        )
        self.bias = self.add_weight("bias", shape=[self.teacher_size], initializer="zeros")
        super().build(input_shape)

    def call(
        self, outputs: tf.Tensor, targets: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the losses of a batch.

        Args:
            outputs: Embeddings of any norm, float32 `[batch, size]`.
            targets: Embeddings of the teacher, float32 `[batch, teacher size]`, zero where nothing
                is known.
            step: Number of the step, which does not matter.

        Returns:
            The weighted sums, float32 `[batch]`, and both losses as "embedding" and "relation".
        """
        projected = tf.matmul(tf.math.l2_normalize(outputs, axis=1), self.kernel) + self.bias
        embedding = embedding_loss(projected, targets)
        relation = relation_loss(outputs, targets, self.baseline)
        total = self.embedding_weight * embedding + self.relation_weight * relation
        return total, {"embedding": embedding, "relation": relation}

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        names = ("teacher_size", "embedding_weight", "relation_weight", "baseline")
        return super().get_config() | {name: getattr(self, name) for name in names}


class TaughtNetwork(keras.Model):
    """A network beside the teacher that hears the same crops.

    A call gives the pair of both embeddings. Only the student's weights are trained, and the
    teacher is in inference mode.

    Example:
        >>> taught = TaughtNetwork(quantized, parent)
        >>> student, teacher = taught(features, training=True)

    Args:
        student: Network that is trained.
        teacher: Network with the same inputs, such as the float parent.

    Raises:
        InputError: Their embeddings differ in size.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model):
        super().__init__()
        sizes = [network.output_shape[-1] for network in (student, teacher)]
        if sizes[0] != sizes[1]:
            raise InputError(
                f"teacher: gives embeddings of {sizes[1]} components, the network of {sizes[0]}"
            )
        teacher.trainable = False
        self.student, self.teacher = student, teacher

    def call(self, inputs: Any, training: bool | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """The student's and the teacher's embeddings, float32 `[batch, size]`."""
        taught = tf.stop_gradient(self.teacher(inputs, training=False))
        return self.student(inputs, training=training), taught


class LiveTeacher(Objective):
    """Distillation from a teacher that hears the same crops, beside another objective or alone.

    Student and teacher have the same size, and the student is to take the teacher's place. So its
    embedding is compared without a projection.

    Example:
        >>> objective = LiveTeacher()
        >>> losses, values = objective((student, teacher), targets, tf.constant(0))

    Args:
        beside: Objective over the student's embeddings and the targets, built already. None: there
            is none, and targets do not matter.
        embedding_weight: Factor on the embedding loss.
        relation_weight: Factor on the relation loss.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(
        self,
        beside: Objective | None = None,
        embedding_weight: float = 10.0,
        relation_weight: float = 5.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.beside = beside
        self.embedding_weight = embedding_weight
        self.relation_weight = relation_weight

    def call(
        self, outputs: tuple[tf.Tensor, tf.Tensor], targets: Any, step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the losses of a batch of pairs that `TaughtNetwork` gave.

        Returns:
            The weighted sums, float32 `[batch]`, both losses as "parent_embedding" and
            "parent_relation", and the values of the other objective.
        """
        student, teacher = outputs
        embedding, relation = embedding_loss(student, teacher), relation_loss(student, teacher)
        total = self.embedding_weight * embedding + self.relation_weight * relation
        values = {"parent_embedding": embedding, "parent_relation": relation}
        if self.beside is not None:
            losses, further = self.beside(student, targets, step)
            total, values = total + losses, values | further
        return total, values

    def scheduled(self, step: int) -> dict[str, float]:
        """Values of this step that follow a schedule of the other objective."""
        return self.beside.scheduled(step) if self.beside is not None else {}

    def shown(self, values: Mapping[str, float]) -> str:
        """The text of the loss, what was learned from the teacher, and the accuracy if any."""
        return _shown(values)


class TaughtSpeakers(Objective):
    """An objective over classes and the embeddings of a teacher, whose losses are added.

    Example:
        >>> both = TaughtSpeakers(AAMSoftmax(1000), RecordedTeacher(256))
        >>> both.build([None, 128])
        >>> losses, values = both(embeddings, (classes, teachers), tf.constant(0))

    Attributes:
        speakers: The objective over classes.
        teacher: The distillation.
    """

    def __init__(self, speakers: Objective, teacher: RecordedTeacher, **kwargs: Any):
        super().__init__(**kwargs)
        self.speakers, self.teacher = speakers, teacher

    def build(self, input_shape: Any) -> None:
        """Builds both for embeddings of this shape, unless they were built before."""
        for part in (self.speakers, self.teacher):
            if not part.built:
                part.build(input_shape)
        super().build(input_shape)

    @property
    def kernel(self) -> tf.Variable:
        """The class vectors."""
        return self.speakers.kernel

    def call(
        self, outputs: tf.Tensor, targets: tuple[tf.Tensor, tf.Tensor], step: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the sums of both losses, and the named values of both."""
        classes, vectors = targets
        losses, values = self.speakers(outputs, classes, step)
        taught, further = self.teacher(outputs, vectors, step)
        return losses + taught, values | further

    def scheduled(self, step: int) -> dict[str, float]:
        """Values of this step that follow the schedule of the objective over classes."""
        return self.speakers.scheduled(step)

    def shown(self, values: Mapping[str, float]) -> str:
        """The text of the loss, what was learned from the teacher, and the accuracy."""
        return _shown(values)


def _shown(values: Mapping[str, float]) -> str:
    text = f"loss {values['loss']:.2f}"
    for name, prefix in (("parent", "parent_"), ("teacher", "")):
        if f"{prefix}embedding" in values:
            distance, relation = values[f"{prefix}embedding"], values[f"{prefix}relation"]
            text += f", {name} {distance:.3f}/{relation:.3f}"
    return text + (f", accuracy {values['accuracy']:.0%}" if "accuracy" in values else "")
