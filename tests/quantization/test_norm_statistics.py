"""Statistics of batch normalisation, and scales of channels that it takes up."""

import numpy as np
import pytest
import tf_keras as keras

from tfsv.quantization.bn_statistics import ChannelMoments, replace_statistics, shift_statistics
from tfsv.quantization.channel_scales import absorb, absorbable, channel_deviations


def moments_of(batches, axis=-1):
    moments = ChannelMoments()
    for batch in batches:
        moments.add(batch, axis)
    return moments


def built_norm(channels=3, **settings):
    norm = keras.layers.BatchNormalization(**settings)
    norm.build((None, 5, channels))
    random = np.random.default_rng(1)
    norm.set_weights([random.uniform(0.5, 2, channels) for _ in norm.weights])
    return norm


@pytest.mark.parametrize("axis", [-1, 1])
def test_moments_are_those_of_all_batches_at_once(axis):
    random = np.random.default_rng(0)
    inputs = random.normal(1e4, [1, 2, 3], size=(50, 4, 3)).astype(np.float32)
    moved = np.moveaxis(inputs, -1, axis)
    moments = moments_of([moved[:7], moved[7:30], moved[30:]], axis)
    wanted = inputs.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(moments.mean, wanted.mean(0))
    np.testing.assert_allclose(moments.variance, wanted.var(0), rtol=1e-9)


def test_replaced_statistics_normalise_the_recordings():
    norm = built_norm(center=False, scale=False)
    inputs = np.random.default_rng(2).normal(3, 5, size=(40, 5, 3)).astype(np.float32)
    replace_statistics(norm, moments_of([inputs]))
    outputs = norm(inputs).numpy().reshape(-1, 3)
    np.testing.assert_allclose(outputs.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(0), 1, atol=1e-4)


def test_shifted_statistics_undo_a_change_of_the_inputs():
    """A factor and an offset on each channel vanish, whatever the recordings are."""
    random = np.random.default_rng(3)
    inputs = random.normal(2, 3, size=(9, 5, 3)).astype(np.float32)
    norm = built_norm(epsilon=1e-7)
    before = norm(inputs).numpy()
    changed = inputs * np.float32([0.5, 2, 1.1]) + np.float32([1, -1, 0.3])
    shift_statistics(norm, moments_of([changed]), moments_of([inputs]))
    after = norm(changed).numpy()
    shares = np.mean((after - after.mean((0, 1))) * (before - before.mean((0, 1))), (0, 1))
    np.testing.assert_allclose(shares / before.var((0, 1)), 1, atol=1e-5)
    np.testing.assert_allclose(after.std((0, 1)), before.std((0, 1)), rtol=1e-5)


def test_inputs_that_stay_keep_the_statistics():
    inputs = np.random.default_rng(4).normal(size=(9, 5, 3))
    norm = built_norm()
    before = norm.get_weights()
    shift_statistics(norm, moments_of([inputs]), moments_of([inputs]))
    for one, other in zip(norm.get_weights(), before, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    scale = np.array([0.5, 1.0, 3.0])
    absorb(norm, scale)
    absorbed = norm.get_weights()
    shift_statistics(norm, moments_of([inputs / scale]), moments_of([inputs]), scale)
    for one, other in zip(norm.get_weights(), absorbed, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3)  # the guard against still channels


@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}])
def test_normalisation_takes_up_scales(settings):
    norm = built_norm(**settings)
    norm.moving_variance.assign([1e-9, 1.0, 4.0])
    inputs = np.random.default_rng(5).normal(size=(9, 5, 3)).astype(np.float32)
    before = norm(inputs).numpy()
    scale = absorbable(norm, np.array([50.0, 0.1, 20.0]))
    assert scale[0] == pytest.approx(1, abs=1e-3) and list(scale[1:]) == [0.1, 20]
    absorb(norm, scale)
    np.testing.assert_allclose(norm((inputs / scale).astype("f4")), before, rtol=1e-4, atol=1e-5)


def test_deviations_have_a_middle_of_one():
    weights = np.random.default_rng(6).normal(size=(2, 9, 4)) * [1, 2, 4, 0]
    sizes = channel_deviations(weights)
    assert np.all(sizes[:, 3] == 1)
    assert np.exp(np.log(sizes[:, :3]).mean()) == pytest.approx(1)
    wanted = np.sqrt(np.mean(weights[:, :, 1] ** 2, 1) / np.mean(weights[:, :, 0] ** 2, 1))
    np.testing.assert_allclose(sizes[:, 1] / sizes[:, 0], wanted)
    assert np.all(channel_deviations(np.zeros((1, 3, 2))) == 1)
