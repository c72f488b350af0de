"""Losses of distillation against numpy, and what a taught network trains."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.training.distillation import (
    LiveTeacher,
    RecordedTeacher,
    TaughtNetwork,
    TaughtSpeakers,
    embedding_loss,
    relation_loss,
)
from tfsv.training.objectives.aam_softmax import AAMSoftmax


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture
def pairs():
    random = np.random.default_rng(0)
    return random.normal(size=(6, 4)).astype("f4"), random.normal(size=(6, 4)).astype("f4") + 1


def test_losses_equal_sums_pair_by_pair(pairs):
    student, teacher = pairs
    teacher[2] = 0  # nothing known
    s, t = unit(student), np.divide(teacher, np.linalg.norm(teacher, axis=1)[:, None] + 1e-30)
    expected = [0 if i == 2 else 1 - s[i] @ t[i] for i in range(6)]
    np.testing.assert_allclose(embedding_loss(student, teacher), expected, atol=1e-6)
    known = [0, 1, 3, 4, 5]
    relations = np.zeros(6)
    for i in known:
        squares = [(s[i] @ s[j] - (t[i] @ t[j] - 0.6) / 0.4) ** 2 for j in known if j != i]
        relations[i] = np.mean(squares)
    np.testing.assert_allclose(relation_loss(student, teacher, 0.6), relations, rtol=1e-4)


def test_gradients_are_finite_where_nothing_is_known(pairs):
    student = tf.Variable(pairs[0])
    with tf.GradientTape() as tape:
        nothing = tf.zeros([6, 4])
        loss = tf.reduce_sum(embedding_loss(student, nothing) + relation_loss(student, nothing))
    assert float(loss) == 0 and not np.any(tape.gradient(loss, student))


def test_speakers_and_teacher_add_up(pairs):
    student, _ = pairs
    teachers = np.random.default_rng(1).normal(size=(6, 3)).astype("f4")
    classes = tf.constant([0, 1, 2, 0, 1, 2])
    both = TaughtSpeakers(AAMSoftmax(3), RecordedTeacher(3, 10.0, 5.0, baseline=0.2))
    both.build([None, 4])
    losses, values = both(student, (classes, teachers), tf.constant(0))
    alone, _ = both.speakers(student, classes, tf.constant(0))
    projected = unit(student) @ both.teacher.kernel.numpy() + both.teacher.bias.numpy()
    taught = 10 * embedding_loss(projected, teachers) + 5 * relation_loss(student, teachers, 0.2)
    np.testing.assert_allclose(losses, alone + taught, rtol=1e-5)
    assert set(values) == {"accuracy", "embedding", "relation"}
    assert len(both.trainable_variables) == 3
    assert "teacher" in both.shown({"loss": 1.0, **{k: 0.5 for k in values}, "margin": 0.2})


def _network(size=4, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(size), keras.layers.BatchNormalization()]
    )


def test_only_the_student_is_trained_and_follows_its_teacher():
    student, teacher = _network(seed=0), _network(seed=1)
    before = [w.copy() for w in teacher.get_weights()]
    taught, objective = TaughtNetwork(student, teacher), LiveTeacher()
    inputs = np.random.default_rng(0).normal(size=(64, 3)).astype("f4")
    optimizer, first = keras.optimizers.Adam(0.05), None
    for _ in range(60):
        with tf.GradientTape() as tape:
            losses, _ = objective(taught(inputs, training=True), None, tf.constant(0))
            loss = tf.reduce_mean(losses)
        first = float(loss) if first is None else first
        variables = taught.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    assert len(variables) == 4 and float(loss) < first / 20
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_teachers_of_another_size_are_refused():
    with pytest.raises(InputError, match="gives embeddings of 5 components, the network of 4"):
        TaughtNetwork(_network(4), _network(5))
