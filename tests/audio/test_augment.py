"""Augmentation against scipy and against what was asked for."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.audio import augment

RATE = augment.SAMPLE_RATE


def speech_like(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(samples) * 0.1).astype(np.float32)


def decibels(signal, noise):
    return 10 * np.log10(np.mean(np.square(signal)) / np.mean(np.square(noise)))


@pytest.mark.parametrize("before, after", [(3600, 4000), (4400, 4000), (8000, 16000), (4411, 1600)])
def test_resample_equals_scipy_on_band_limited_sound(before, after):
    taps = scipy.signal.firwin(101, 0.8 * min(1, after / before))
    x = scipy.signal.lfilter(taps, 1, speech_like(before)).astype(np.float32)
    x *= scipy.signal.windows.tukey(before, 0.3).astype(np.float32)
    expected = scipy.signal.resample(x.astype(np.float64), after)
    np.testing.assert_allclose(augment.resample(x, after), expected, atol=2e-5)


def test_resample_to_the_same_length_changes_nothing():
    x = scipy.signal.lfilter([0.5, 0.5], 1, speech_like(1000)).astype(np.float32)
    np.testing.assert_allclose(augment.resample(x, 1000), x, atol=2e-4)  # all but 8 kHz itself


@settings(max_examples=15, deadline=None)
@given(snr=st.floats(-10, 40), level=st.floats(1e-3, 100), seed=st.integers(0, 100))
def test_noise_lies_as_far_below_as_was_asked(snr, level, seed):
    x, noise = speech_like(2000, seed), level * speech_like(2000, seed + 1000)
    added = augment.add_noise(x, noise, snr).numpy() - x
    assert decibels(x, added) == pytest.approx(snr, abs=0.05)
    assert np.corrcoef(added, noise)[0, 1] > 0.999


def test_silent_noise_or_speech_gives_finite_sound():
    x, silence = speech_like(500), np.zeros(500, np.float32)
    np.testing.assert_array_equal(augment.add_noise(x, silence, 0.0), x)
    np.testing.assert_array_equal(augment.add_noise(silence, x, 0.0), silence)
    np.testing.assert_array_equal(augment.reverberate(silence, x), silence)
    np.testing.assert_array_equal(augment.limit_peak(silence), silence)


@pytest.mark.parametrize("samples, taps", [(4000, 1000), (1000, 4000), (257, 1)])
def test_convolution_equals_fftconvolve(samples, taps):
    x, response = speech_like(samples), speech_like(taps, 1)
    expected = scipy.signal.fftconvolve(x.astype(np.float64), response)[:samples]
    np.testing.assert_allclose(
        augment.convolve(tf.constant(x), tf.constant(response)), expected, atol=1e-5
    )


def test_room_keeps_the_power_and_a_bare_impulse_the_sound():
    x = tf.constant(speech_like(8000))
    room = augment.generated_room(tf.constant([3, 4]))
    before, after = float(augment.power(x)), float(augment.power(augment.reverberate(x, room)))
    assert after == pytest.approx(before, rel=1e-4)
    impulse = tf.one_hot(0, 100) * 0.3
    np.testing.assert_allclose(augment.reverberate(x, impulse), x, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_generated_rooms_start_directly_and_decay(seed):
    room = augment.generated_room(tf.constant([seed, 0])).numpy()
    assert room.shape == (8000,) and np.all(np.isfinite(room))
    assert np.argmax(np.abs(room)) == 0 and room[0] == pytest.approx(1, abs=1e-6)
    first, last = np.sum(room[80:2080] ** 2), np.sum(room[-2000:] ** 2)
    # T60 of 0.8 s and less: 7.5 dB a tenth of a second at least, over the 0.375 s between
    assert 10 * np.log10(first / last) > 25
    direct = 10 * np.log10(room[0] ** 2 / np.sum(room[800:] ** 2))
    assert direct > -0.5


def test_limit_peak_scales_only_what_is_too_loud():
    quiet = np.array([0.5, -0.9], np.float32)
    np.testing.assert_array_equal(augment.limit_peak(quiet), quiet)
    np.testing.assert_allclose(augment.limit_peak([0.5, -2.0]), [0.25, -1.0])


@pytest.mark.parametrize("make", [augment.coloured_noise, augment.babble_noise])
def test_generated_noise_is_a_function_of_its_seed(make):
    first = make(tf.constant([1, 2]), 8000).numpy()
    assert first.shape == (8000,) and np.all(np.isfinite(first)) and np.std(first) > 0
    np.testing.assert_array_equal(make(tf.constant([1, 2]), 8000), first)
    assert abs(np.corrcoef(make(tf.constant([1, 3]), 8000), first)[0, 1]) < 0.5


def test_coloured_noise_is_white_to_brown():
    def slope(seed):  # of the power spectrum in log-log, 200 to 6,000 Hz
        hertz, density = scipy.signal.welch(
            augment.coloured_noise(tf.constant([seed, 0]), 32000).numpy(), RATE, nperseg=1024
        )
        part = (hertz > 200) & (hertz < 6000)
        return np.polyfit(np.log(hertz[part]), np.log(density[part]), 1)[0]

    slopes = np.array([slope(seed) for seed in range(12)])
    assert np.all((slopes > -2.2) & (slopes < 0.2)) and np.ptp(slopes) > 0.8


def test_babble_has_the_spectrum_and_the_rhythm_of_speech():
    noise = augment.babble_noise(tf.constant([5, 6]), 10 * RATE).numpy()
    hertz, density = scipy.signal.welch(noise, RATE, nperseg=1024)
    low, high = density[(hertz > 150) & (hertz < 450)], density[(hertz > 3000) & (hertz < 5000)]
    assert 20 < 10 * np.log10(low.mean() / high.mean()) < 35  # 9 dB an octave over three octaves
    level = 10 * np.log10(np.mean(noise.reshape(-1, 400) ** 2, axis=1))
    assert 4 < np.std(level) < 9


def test_spec_augment_zeroes_bands_no_wider_than_asked():
    features = tf.ones([64, 50, 40])
    seed = tf.constant([7, 8])
    masked = augment.spec_augment(features, seed, longest_time=10, widest_frequency=8).numpy()
    frames = np.all(masked == 0, axis=2)
    bins = np.all(masked == 0, axis=1)
    np.testing.assert_array_equal(masked == 0, frames[:, :, None] | bins[:, None, :])
    assert set(frames.sum(axis=1)) == set(range(11)) and set(bins.sum(axis=1)) == set(range(9))
    for row in (*frames, *bins):  # one contiguous band
        assert np.count_nonzero(np.diff(np.flatnonzero(row)) > 1) == 0
    np.testing.assert_array_equal(
        augment.spec_augment(features, seed, longest_time=10, widest_frequency=8), masked
    )
    other = augment.spec_augment(features, tf.constant([7, 9])).numpy()
    assert np.any(other != masked)


def test_spec_augment_probability_and_numbers_of_masks():
    features = tf.ones([400, 50, 40])
    seed = tf.constant([1, 1])
    np.testing.assert_array_equal(augment.spec_augment(features, seed, probability=0.0), features)
    half = augment.spec_augment(features, seed, probability=0.5).numpy()
    assert 0.35 < np.mean(np.any(half == 0, axis=(1, 2))) < 0.6
    none = augment.spec_augment(features, seed, time_masks=0, frequency_masks=0)
    np.testing.assert_array_equal(none, features)
    short = augment.spec_augment(tf.ones([8, 3, 2]), seed, longest_time=100, widest_frequency=100)
    assert short.shape == (8, 3, 2)
