"""Features are those of complex arithmetic, and the angle feature points to where sound comes."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.separation.frames import BINS
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.spatial_features import SpatialFeatures
from tfsv.separation.spectra import Spectra


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


def plane_wave(degrees, samples=4096, seed=0):
    """White noise that comes from an angle, float32 `[15, samples]`."""
    spectrum = np.fft.rfft(noise(samples, seed=seed))
    turns = np.fft.rfftfreq(samples, 1 / 16000) * LINE_OF_15.arrivals(degrees)[:, np.newaxis]
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * turns), samples).astype(np.float32)


def features_of(mixtures, degrees, phase="cos"):
    layer = SpatialFeatures(LINE_OF_15.positions, LINE_OF_15.pairs, phase)
    values = layer((Spectra()(mixtures), tf.constant(degrees, tf.float32))).numpy()
    assert values.shape[2:] == (1, layer.count * BINS)
    return values.reshape(*values.shape[:2], layer.count, BINS)


@pytest.mark.parametrize("phase", ["cos", "cos_sin"])
def test_they_are_those_of_complex_arithmetic(phase):
    mixtures, degrees = noise(2, 15, 2000), [20.0, 110.0]
    found = features_of(mixtures, degrees, phase)
    real, imaginary = Spectra()(mixtures)
    lines = real.numpy() + 1j * imaginary.numpy().astype(np.float64)
    np.testing.assert_allclose(
        found[:, :, 0], np.log(np.abs(lines[:, 0]) ** 2 + 1e-8) / 4, atol=1e-4
    )
    clear = np.abs(lines) / np.sqrt(np.abs(lines) ** 2 + 1e-8)
    angle = 0.0
    for number, (m, n) in enumerate(LINE_OF_15.pairs):
        heard = np.angle(lines[:, m - 1] / lines[:, n - 1])
        sure = clear[:, m - 1] * clear[:, n - 1]
        np.testing.assert_allclose(found[:, :, 1 + number], sure * np.cos(heard), atol=1e-4)
        if phase == "cos_sin":
            np.testing.assert_allclose(found[:, :, 10 + number], sure * np.sin(heard), atol=1e-4)
        gap = LINE_OF_15.positions[m - 1] - LINE_OF_15.positions[n - 1]
        phi = 2 * np.pi * np.linspace(0, 8000, BINS) * gap / 343
        steered = -phi * np.cos(np.radians(degrees))[:, np.newaxis]
        angle += sure * np.cos(heard - steered[:, np.newaxis]) / len(LINE_OF_15.pairs)
    np.testing.assert_allclose(found[:, :, -1], angle, atol=1e-4)


@pytest.mark.parametrize("degrees", [15.0, 75.0, 125.0, 165.0])
def test_the_angle_feature_is_1_where_the_sound_comes_from_and_less_elsewhere(degrees):
    asked = np.arange(5.0, 180.0, 10.0, np.float32)
    mixtures = np.repeat(plane_wave(degrees)[np.newaxis], len(asked), axis=0)
    means = features_of(mixtures, asked)[:, 2:-2, -1].mean(axis=(1, 2))
    assert asked[means.argmax()] == degrees and means.max() > 0.97
    assert np.sort(means)[-2] < 0.9


def test_silence_gives_finite_features_and_no_direction():
    found = features_of(np.zeros((1, 15, 600), np.float32), [90.0])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, :, 1:], 0)


def test_unknown_phases_are_refused_and_settings_come_back():
    with pytest.raises(ValueError, match="phase: expected one of"):
        SpatialFeatures(LINE_OF_15.positions, LINE_OF_15.pairs, "tan")
    layer = SpatialFeatures(LINE_OF_15.positions, LINE_OF_15.pairs, "cos_sin", name="where")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.array == LINE_OF_15 and again.phase == "cos_sin" and again.name == "where"
