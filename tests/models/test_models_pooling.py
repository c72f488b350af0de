import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.models.pooling import (
    AttentiveStatistics,
    GlobalContext,
    TemporalAveragePooling,
    TemporalDeviationPooling,
    TemporalStatisticsPooling,
    pooled,
)


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("f4")


@pytest.mark.parametrize("shape", [(3, 11, 5, 4), (3, 11, 6)])
def test_statistics_equal_numpy(shape):
    x = values(*shape)
    mean = x.mean(1).reshape(3, -1)
    deviation = np.sqrt(x.var(1, ddof=1) + 1e-7).reshape(3, -1)
    wanted = np.concatenate([mean, deviation], 1)
    np.testing.assert_allclose(TemporalStatisticsPooling()(x), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(TemporalAveragePooling()(x), mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(TemporalDeviationPooling()(x), deviation, rtol=1e-5, atol=1e-5)


def test_statistics_of_a_channel_that_is_always_zero():
    x = tf.constant(values(2, 9, 3) * np.array([1, 0, 1], "f4"))
    pooling = TemporalStatisticsPooling(1e-12)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = pooling(x)
    assert np.isfinite(tape.gradient(found, x)).all()
    np.testing.assert_allclose(found[:, 3:], x.numpy().std(1, ddof=1), rtol=1e-5, atol=2e-6)
    assert pooling.get_config()["lowest_variance"] == 1e-12


def test_statistics_of_one_frame_are_finite():
    np.testing.assert_allclose(
        TemporalStatisticsPooling()(tf.ones([1, 1, 2, 3]))[0, 6:], np.sqrt(1e-7), rtol=1e-5
    )
    np.testing.assert_allclose(
        TemporalDeviationPooling()(tf.ones([1, 1, 2, 3])), np.full((1, 6), 1e-7**0.5), rtol=1e-5
    )
    context = GlobalContext()(tf.ones([1, 1, 2]))
    np.testing.assert_allclose(context[0, 0], [1, 1, 1, 1, 1e-7**0.5, 1e-7**0.5], rtol=1e-5)


def test_context_is_the_same_beside_every_frame():
    x = values(2, 9, 3)
    context = GlobalContext()(x).numpy()
    np.testing.assert_array_equal(context[..., :3], x)
    biased = GlobalContext(unbiased=False)(x).numpy()
    np.testing.assert_allclose(biased[:, 0, 6:], x.std(1), rtol=1e-5)
    for frame in range(9):
        np.testing.assert_allclose(context[:, frame, 3:6], x.mean(1), atol=1e-6)
        np.testing.assert_allclose(context[:, frame, 6:], x.std(1, ddof=1), rtol=1e-5)


def test_attentive_statistics_equal_numpy():
    x, scores = values(2, 9, 3), values(2, 9, 3, seed=1)
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    mean = (weights * x).sum(1)
    variance = (weights * x**2).sum(1) - mean**2
    wanted = np.concatenate([mean, np.sqrt(variance)], 1)
    np.testing.assert_allclose(AttentiveStatistics()([x, scores]), wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 12), shift=st.floats(-5, 5))
def test_the_order_of_frames_and_a_shift_of_scores_do_not_matter(seed, frames, shift):
    x, scores = values(2, frames, 3, seed=seed), values(2, frames, 3, seed=seed + 1)
    order = np.random.default_rng(seed).permutation(frames)
    pooling = AttentiveStatistics()
    wanted = pooling([x, scores]).numpy()
    moved = pooling([x[:, order], scores[:, order] + np.float32(shift)])
    np.testing.assert_allclose(moved, wanted, rtol=1e-3, atol=1e-4)


def test_equal_scores_give_biased_statistics():
    x = values(2, 9, 3)
    pool = AttentiveStatistics()([x, np.zeros_like(x)])
    np.testing.assert_allclose(pool, np.concatenate([x.mean(1), x.std(1)], 1), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("tstp", 24),
        ("tstp_3dspeaker", 24),
        ("mean", 12),
        ("tsdp", 12),
        ("astp", 24),
        ("astp_local", 24),
        ("astp_speechbrain", 24),
    ],
)
def test_declared_shapes_are_the_real_ones(kind, size):
    image = keras.Input((None, 4, 3))
    network = keras.Model(image, pooled(image, kind, 2))
    assert network.output_shape == (None, size)
    assert network.compute_output_shape((2, 7, 4, 3)) == (2, size)
    assert network(values(2, 7, 4, 3)).shape == (2, size)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="Received: max"):
        pooled(keras.Input((None, 3)), "max")
