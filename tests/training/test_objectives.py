import numpy as np
import pytest
import tensorflow as tf

from tfsv.errors import InputError
from tfsv.training.objective import Objective, WeightedObjectives
from tfsv.training.objectives import OBJECTIVES
from tfsv.training.objectives.aam_softmax import AAMSoftmax
from tfsv.training.schedules import Margin


def reference(embeddings, kernel, labels, margin, scale):
    """AAM-softmax, one example at a time, by angles."""
    losses = []
    for x, label in zip(embeddings, labels, strict=True):
        cosine = kernel @ x / np.linalg.norm(kernel, axis=1) / np.linalg.norm(x)
        logits = scale * cosine
        angle = np.arccos(cosine[label])
        if angle + margin < np.pi:
            logits[label] = scale * np.cos(angle + margin)
        else:
            logits[label] = scale * (cosine[label] - 1 - np.cos(np.pi - margin))
        losses.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label])
    return np.array(losses)


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_equals_the_formula_by_angles(margin):
    random = np.random.default_rng(0)
    head = AAMSoftmax(7, margin, scale=32.0)
    head.build([None, 5])
    kernel = random.normal(size=(7, 5))
    head.kernel.assign(kernel)
    embeddings = random.normal(size=(9, 5)) * 4
    labels = random.integers(7, size=9)
    embeddings[0] = -kernel[labels[0]] + 0.01 * random.normal(size=5)  # angle + margin beyond π
    embeddings[1] = kernel[labels[1]] * 3
    loss, values = head(embeddings.astype("f4"), labels.astype("i4"), tf.constant(0))
    expected = reference(embeddings, kernel, labels, margin, 32.0)
    np.testing.assert_allclose(loss, expected, rtol=1e-3, atol=1e-3)
    cosine = embeddings @ kernel.T / np.linalg.norm(kernel, axis=1)
    np.testing.assert_array_equal(values["accuracy"], cosine.argmax(1) == labels)


def test_gradient_is_finite_at_a_perfect_match():
    head = AAMSoftmax(3)
    head.build([None, 2])
    x = tf.Variable(head.kernel[:1] * 2.0)
    with tf.GradientTape() as tape:
        loss, _ = head(x, tf.constant([0]), tf.constant(0))
    assert np.isfinite(tape.gradient(loss, x)).all()


def test_the_margin_in_the_graph_is_that_of_the_schedule():
    head = AAMSoftmax(3, Margin(0.2, start=10, end=20))
    head.build([None, 2])
    margin = tf.function(head.margin.tensor)
    for step in range(30):
        assert float(margin(tf.constant(step))) == np.float32(head.margin(step))
        assert head.scheduled(step) == {"margin": head.margin(step)}


class Distance(Objective):
    """Squared distance from the targets."""

    def call(self, outputs, targets, step):
        error = tf.reduce_sum(tf.square(outputs - targets), axis=-1)
        return error, {"far": tf.cast(error > 1, tf.float32)}


def test_weighted_objectives_add_up_and_tell_their_parts():
    outputs, targets = tf.constant([[1.0, 0.0], [3.0, 4.0]]), tf.zeros([2, 2])
    both = WeightedObjectives({"near": (1.0, Distance()), "tenth": (0.1, Distance())})
    both.build([None, 2])
    losses, values = both(outputs, targets, tf.constant(0))
    np.testing.assert_allclose(losses, [1.1, 27.5], rtol=1e-6)
    assert set(values) == {"near/loss", "near/far", "tenth/loss", "tenth/far"}
    np.testing.assert_array_equal(values["tenth/far"], [0, 1])
    assert both.shown({"loss": 1.25, "near/loss": 0.5}) == "loss 1.25, near/loss 0.5"


def test_an_objective_from_outside_is_found_by_its_name():
    OBJECTIVES.add("made_up", Distance)
    try:
        assert OBJECTIVES.named("made_up") is Distance
        with pytest.raises(InputError, match="objective=none: unknown; choose one of .*made_up"):
            OBJECTIVES.named("none")
    finally:
        OBJECTIVES.remove("made_up")
