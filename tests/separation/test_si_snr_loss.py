"""The loss is the formula in float64; levels and silence count; gradients are always finite."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.separation.frames import BINS
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.si_snr import si_snr
from tfsv.separation.si_snr_loss import SeparationLoss, si_snr_losses
from tfsv.separation.spectra import Spectra
from tfsv.separation.tcn import build_separator
from tfsv.training.loop import FitSettings, TrainingStep


def drawn(*shape, seed=0, level=0.1):
    return np.random.default_rng(seed).normal(0, level, shape).astype(np.float32)


def reference(estimate, target):
    """The loss of one example, by lengths of vectors."""
    e, s = (np.asarray(x, np.float64) for x in (estimate, target))
    if np.mean(s**2) < 1e-5:
        return 30 + 10 * np.log10(np.mean(e**2) + 1e-6)
    level = 10 * abs(np.log10(np.mean(e**2) / np.mean(s**2)))
    e, s = e - e.mean(), s - s.mean()
    p = (e @ s) / (s @ s) * s
    bounded = 10 * np.log10((p @ p) / ((e - p) @ (e - p) + (p @ p) / 1000))
    return 0.1 * level - bounded


@pytest.mark.parametrize("noise", [0.001, 0.03, 0.3, 10.0])
@pytest.mark.parametrize("gain", [0.1, 1.0, -3.0])
def test_it_is_the_formula_in_float64(noise, gain):
    targets = drawn(3, 4000) + 0.02
    estimates = np.float32(gain) * (targets + drawn(3, 4000, seed=1, level=0.1 * noise)) - 0.01
    losses, values = si_snr_losses(estimates, targets)
    wanted = [reference(e, s) for e, s in zip(estimates, targets, strict=True)]
    np.testing.assert_allclose(losses, wanted, atol=2e-3)
    assert losses.shape == values["si_snr"].shape == (3,)
    for found, e, s in zip(values["si_snr"].numpy(), estimates, targets, strict=True):
        exact = si_snr(e, s)
        assert found == pytest.approx(-10 * np.log10(10 ** (-exact / 10) + 1e-3), abs=2e-3)


def test_the_level_of_the_target_is_the_best_one():
    targets = drawn(1, 4000)
    losses = {
        gain: float(si_snr_losses(np.float32(gain) * targets, targets)[0][0])
        for gain in (0.25, 0.5, 0.9, 1.0, 1.1, 2.0)
    }
    assert min(losses, key=losses.get) == 1.0
    assert losses[0.5] - losses[1.0] == pytest.approx(0.1 * 20 * np.log10(2), abs=1e-3)


def test_silent_targets_want_silence_and_do_not_move_the_means_of_the_others():
    targets = np.concatenate([drawn(1, 4000), drawn(2, 4000, level=1e-4)])
    estimates = np.concatenate([targets[:1], drawn(1, 4000, seed=2), np.zeros((1, 4000), "f4")])
    losses, values = si_snr_losses(estimates, targets)
    wanted = [reference(e, s) for e, s in zip(estimates, targets, strict=True)]
    np.testing.assert_allclose(losses, wanted, atol=2e-3)
    assert float(losses[2]) == pytest.approx(-30, abs=1e-3) and losses[1] > 9
    np.testing.assert_array_equal(values["silent"], [0, 1, 1])
    assert np.mean(values["si_snr"]) == pytest.approx(30, abs=1e-2)
    assert np.mean(si_snr_losses(estimates[1:], targets[1:])[1]["si_snr"]) == 0


@pytest.mark.parametrize("estimate", [0.0, 1e-8, 0.1, 1e4])
@pytest.mark.parametrize("target", [0.0, 1e-8, 0.1, 1.0])
def test_gradients_are_finite_for_any_level(estimate, target):
    estimates = tf.Variable(np.full((1, 500), estimate, np.float32))
    for targets in (np.full((1, 500), target, np.float32), drawn(1, 500, level=target)):
        with tf.GradientTape() as tape:
            losses, _ = si_snr_losses(estimates, targets)
        assert np.isfinite(losses).all() and np.isfinite(tape.gradient(losses, estimates)).all()


def test_a_spectrum_that_is_the_targets_has_no_loss_left():
    targets = drawn(2, 3000)
    real, imaginary = Spectra()(targets)
    losses, _ = SeparationLoss()(tf.stack([real, imaginary], 2), targets, tf.constant(0))
    np.testing.assert_allclose(losses, -30, atol=1e-3)


def test_a_step_of_the_fit_loop_lowers_it():
    keras.utils.set_random_seed(1)
    network = build_separator(SeparatorSettings(1, 2, 8, 8), BINS)
    target, other = drawn(2, 2560), drawn(2, 2560, seed=1)
    real, imaginary = Spectra()(target + other)
    spectrum = tf.stack([real, imaginary], 2)
    clean = Spectra()(target)
    features = tf.sign(clean[0] ** 2 + clean[1] ** 2 - spectrum[:, :, 0] ** 2)[:, :, tf.newaxis]
    step = TrainingStep(network, SeparationLoss(), FitSettings(20, lambda n: 0.01, "adamw"))
    values = [step((features, spectrum), target, n, 0.01) for n in range(20)]
    assert values[-1]["loss"] < values[0]["loss"] - 3
    assert set(values[0]) == {"loss", "si_snr", "level_error", "silent"}
