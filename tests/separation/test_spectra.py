"""Spectra are SciPy's, and waveforms come back from them."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
import tf_keras as keras

from tfsv.separation.frames import BINS, HOP, WINDOW, frames_of
from tfsv.separation.spectra import Spectra, Waveforms


def waveforms(*shape):
    return np.random.default_rng(len(shape)).normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 512, 1000, 4096])
def test_all_samples_come_back(samples):
    sound = waveforms(2, 3, samples)
    real, imaginary = Spectra()(sound)
    assert real.shape == imaginary.shape == (2, 3, frames_of(samples), BINS)
    again = Waveforms()((real, imaginary)).numpy()
    assert again.shape[-1] == HOP * (frames_of(samples) - 1) >= samples
    np.testing.assert_allclose(again[..., :samples], sound, atol=1e-6)
    np.testing.assert_allclose(again[..., samples:], 0, atol=1e-6)


def test_spectra_are_those_of_scipy():
    sound = waveforms(2048)
    window = np.sqrt(scipy.signal.get_window("hann", WINDOW))
    _, _, wanted = scipy.signal.stft(
        sound, window=window, nperseg=WINDOW, noverlap=HOP, scaling="spectrum"
    )
    real, imaginary = Spectra()(sound[np.newaxis])
    found = (real.numpy() + 1j * imaginary.numpy())[0]
    np.testing.assert_allclose(found, wanted.T * window.sum(), atol=1e-4)


def test_the_inverse_is_numpys_for_any_spectrum():
    parts = waveforms(2, 5, BINS)
    frames = np.fft.irfft(parts[0] + 1j * parts[1], axis=-1)  # lines 0 and 256 have imaginary parts
    frames = frames * np.sqrt(scipy.signal.get_window("hann", WINDOW))
    wanted = np.zeros(HOP * 6)
    for number, frame in enumerate(frames):
        wanted[number * HOP :][:WINDOW] += frame
    found = Waveforms()((tf.constant(parts[:1]), tf.constant(parts[1:])))
    np.testing.assert_allclose(found[0], wanted[HOP:-HOP], atol=1e-6)


def test_gradients_of_the_inverse_are_those_of_a_dense_one():
    parts = [tf.Variable(part) for part in waveforms(2, 1, 3, BINS)]
    weights = waveforms(1, 2 * HOP)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(Waveforms()(tuple(parts)) * weights)
    found = tape.gradient(value, parts)
    with tf.GradientTape() as tape:
        frames = tf.signal.irfft(tf.complex(*parts)) * np.sin(np.pi * np.arange(512) / 512)
        whole = tf.signal.overlap_and_add(tf.cast(frames, tf.float32), HOP)
        value = tf.reduce_sum(whole[:, HOP:-HOP] * weights)
    wanted = tape.gradient(value, parts)
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_layers_are_kept_in_saved_networks(tmp_path):
    sound = keras.Input((None,))
    network = keras.Model(sound, Waveforms()(Spectra()(sound)))
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    given = waveforms(1, 700)
    np.testing.assert_array_equal(again(given), network(given))
