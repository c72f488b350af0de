import numpy as np
import pytest
import tensorflow as tf

from tfsv.training.losses import AAMSoftmax


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
    head = AAMSoftmax(7, scale=32.0)
    head.build([None, 5])
    kernel = random.normal(size=(7, 5))
    head.kernel.assign(kernel)
    embeddings = random.normal(size=(9, 5)) * 4
    labels = random.integers(7, size=9)
    embeddings[0] = -kernel[labels[0]] + 0.01 * random.normal(size=5)  # angle + margin beyond π
    embeddings[1] = kernel[labels[1]] * 3
    loss, right = head(embeddings.astype("f4"), labels.astype("i4"), tf.constant(margin))
    expected = reference(embeddings, kernel, labels, margin, 32.0)
    np.testing.assert_allclose(loss, expected, rtol=1e-3, atol=1e-3)
    cosine = embeddings @ kernel.T / np.linalg.norm(kernel, axis=1)
    np.testing.assert_array_equal(right, cosine.argmax(1) == labels)


def test_gradient_is_finite_at_a_perfect_match():
    head = AAMSoftmax(3)
    head.build([None, 2])
    x = tf.Variable(head.kernel[:1] * 2.0)
    with tf.GradientTape() as tape:
        loss, _ = head(x, tf.constant([0]), tf.constant(0.2))
    assert np.isfinite(tape.gradient(loss, x)).all()
