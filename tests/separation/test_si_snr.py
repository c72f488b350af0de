"""SI-SNR is that of an independent formula, and what has none is refused."""

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.separation.si_snr import si_snr, si_snr_gain


def drawn(samples=4000, seed=0):
    return np.random.default_rng(seed).normal(size=samples)


@pytest.mark.parametrize("noise", [1e-4, 0.1, 1.0, 30.0])
def test_it_is_the_cotangent_of_the_angle(noise):
    target = drawn() + 0.3
    estimate = -2.5 * target + noise * drawn(seed=1) + 4
    cosine = np.corrcoef(estimate, target)[0, 1]
    wanted = 10 * np.log10(cosine**2 / (1 - cosine**2))
    assert si_snr(estimate, target) == pytest.approx(wanted, abs=1e-5)
    assert si_snr(7 * estimate - 1, target) == pytest.approx(wanted, abs=1e-5)


def test_a_mixture_gains_nothing_and_less_noise_gains_its_decibels():
    target, other = drawn(), drawn(seed=1)
    assert si_snr_gain(target + other, target + other, target) == 0
    gain = si_snr_gain(target + 0.1 * other, target + other, target)
    assert gain == pytest.approx(20, abs=0.3)


def test_ends_of_the_scale():
    target = drawn()
    assert si_snr(np.zeros(4000), target) == -np.inf
    assert si_snr(np.ones(4000), target) == -np.inf
    assert si_snr(target, target) > 200


@pytest.mark.parametrize(
    "estimate, target, message",
    [
        (np.zeros(5), np.zeros(6), "a.wav: has samples .5,. and its target .6,."),
        (np.zeros((2, 5)), np.zeros((2, 5)), "a.wav: has samples .2, 5."),
        (np.zeros(0), np.zeros(0), "a.wav: has samples .0,."),
        (np.array([0, np.nan]), np.ones(2), "a.wav: 1 of its 2 samples are NaN"),
        (np.ones(2), np.array([0, np.inf]), "a.wav: 1 of its target's 2 samples are NaN"),
        (np.ones(9), np.full(9, 0.5), "a.wav: its target is silent"),
    ],
)
def test_what_cannot_be_compared_is_told(estimate, target, message):
    with pytest.raises(InputError, match=message):
        si_snr(estimate, target, "a.wav")
