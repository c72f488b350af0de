"""Measures of quality and intelligibility: PESQ and STOI."""

import warnings

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.errors import InputError
from tfsv.separation.optional import optional
from tfsv.separation.si_snr import checked_pair

BANDS = ("nb", "wb")
"""Narrow band (ITU-T P.862) and wide band (P.862.2). Paper 4 does not say which it has."""

_LEAST_SECONDS = 0.25  # of PESQ
_SILENCE = 1e-10  # mean square of digital silence, -100 dB of full scale


def pesq(estimate: np.ndarray, target: np.ndarray, band: str, name: str = "estimate") -> float:
    """Perceptual evaluation of speech quality, a mean opinion score of about 1 to 4.6.

    What the measure has no value for is refused. The package under it would return numbers below
    -1, which an average takes in.

    Example:
        >>> score = pesq(separated, target, "wb", name="mixture 7")

    Args:
        estimate: Waveform, float `[samples]`, 16 kHz.
        target: Waveform that was wanted, float `[samples]`, 16 kHz.
        band: One of `BANDS`.
        name: Name of the estimate, for error messages.

    Raises:
        InputError: The package pesq is not installed, the waveforms cannot be compared, one of them
            is silent or shorter than a quarter of a second, or the target holds no speech.
    """
    if band not in BANDS:
        raise ValueError(f"band: expected one of {BANDS}. Received: {band!r}")
    package = optional("pesq", "PESQ")
    estimate, target = checked_pair(estimate, target, name)
    if estimate.size < _LEAST_SECONDS * SAMPLE_RATE:
        raise InputError(f"{name}: has {estimate.size / SAMPLE_RATE:.2f} s; PESQ needs 0.25 s")
    _check_sounding(estimate, name, "PESQ")
    _check_sounding(target, f"{name}'s target", "PESQ")
    try:
        return float(package.pesq(SAMPLE_RATE, _scaled(target), _scaled(estimate), band))
    except package.NoUtterancesError as error:
        raise InputError(f"{name}: PESQ finds no speech in its target") from error
    except (package.PesqError, ValueError) as error:
        raise InputError(f"{name}: has no PESQ ({error})") from error


def stoi(estimate: np.ndarray, target: np.ndarray, name: str = "estimate") -> float:
    """Short-time objective intelligibility, about 0 to 1.

    Example:
        >>> score = stoi(separated, target, name="mixture 7")

    Args:
        estimate: Waveform, float `[samples]`, 16 kHz. A silent one has 0.
        target: Waveform that was wanted, float `[samples]`, 16 kHz.
        name: Name of the estimate, for error messages.

    Raises:
        InputError: The package pystoi is not installed, the waveforms cannot be compared, or the
            target is silent or has less than about 0.4 s of sound.
    """
    package = optional("pystoi", "STOI")
    estimate, target = checked_pair(estimate, target, name)
    _check_sounding(target, f"{name}'s target", "STOI")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(package.stoi(target, estimate, SAMPLE_RATE))
        except RuntimeWarning as error:
            raise InputError(f"{name}: its target has too little sound for STOI") from error


def _check_sounding(waveform: np.ndarray, name: str, measure: str) -> None:
    if np.mean(np.square(waveform)) < _SILENCE:
        raise InputError(f"{name}: is silent, so it has no {measure}")


def _scaled(waveform: np.ndarray) -> np.ndarray:
    """The waveform with a peak of 0.5, float32: PESQ sets levels itself, but integers may clip."""
    return (waveform * (0.5 / np.abs(waveform).max())).astype(np.float32)
