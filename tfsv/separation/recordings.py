"""Recordings of a microphone array, as separators take them."""

import os

import numpy as np
from absl import logging

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.containers import open_sound
from tfsv.audio.soundfiles import sound_info
from tfsv.errors import InputError
from tfsv.separation.microphones import MicrophoneArray

LONGEST_SECONDS = 60.0
"""Longest recording that is separated in one go: 58 MB of samples of 15 microphones."""

_SILENT = 1e-10  # mean square of a microphone that is off, -100 dB of full scale
_FULL_SCALE = 32700 / 32768
_CLIPPED = 0.002  # share of samples, as in recordings of one microphone


def read_recording(path: str | os.PathLike, array: MicrophoneArray) -> np.ndarray:
    """Reads what the microphones of an array heard.

    Rates above 16 kHz are resampled, all channels alike. Clipped channels get a warning.

    Example:
        >>> read_recording("mixture.wav", LINE_OF_15).shape
        (15, 64000)

    Args:
        path: Path of a file of any format that libsndfile reads, a channel for each microphone in
            the array's order.
        array: The microphones.

    Returns:
        Samples at 16 kHz, float32 `[microphones, samples]`.

    Raises:
        InputError: The file is missing, no audio, truncated, too short or too long, or silent. It
            is also raised for other numbers of channels, for less than 16,000 samples a second, for
            samples that are NaN or infinite, and for a microphone that is off.
    """
    info = sound_info(path, maximum_seconds=LONGEST_SECONDS)
    if info.channels != array.microphones:
        raise InputError(
            f"{path}: has {info.channels} channels; the array has {array.microphones} microphones, "
            "and phases between them tell directions"
        )
    if info.rate < SAMPLE_RATE:
        raise InputError(
            f"{path}: {info.rate} samples a second; expected {SAMPLE_RATE}, record it again"
        )
    heard = _samples(path)
    if info.rate != SAMPLE_RATE:
        import scipy.signal

        common = np.gcd(SAMPLE_RATE, info.rate)
        heard = scipy.signal.resample_poly(heard, SAMPLE_RATE // common, info.rate // common, 1)
    powers = np.mean(np.square(heard, dtype=np.float64), axis=1)
    if (off := np.flatnonzero(powers < _SILENT)).size:
        raise InputError(f"{path}: microphone {off[0] + 1} is silent; is it on?")
    clipped = np.mean(np.abs(heard) >= _FULL_SCALE, axis=1)
    if (loud := np.flatnonzero(clipped > _CLIPPED)).size:
        logging.warning(
            "%s: %d microphones are clipped, such as %d; record it softer",
            path, loud.size, loud[0] + 1,
        )  # fmt: skip
    return np.ascontiguousarray(heard, np.float32)


def _samples(path: str | os.PathLike) -> np.ndarray:
    """All samples of a file that was decoded to its end before, `[channels, samples]`."""
    blocks = []
    with open_sound(path) as sound:
        while len(block := sound.read_block(SAMPLE_RATE)):
            blocks.append(block.T)
    return np.concatenate(blocks, axis=1)
