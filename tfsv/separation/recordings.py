"""Recordings of a microphone array, as separators take them."""

import dataclasses
import os
from collections.abc import Iterator

import numpy as np
from absl import logging

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.containers import open_sound
from tfsv.audio.soundfiles import sound_info
from tfsv.errors import InputError
from tfsv.separation.microphones import MicrophoneArray

LONGEST_SECONDS = 60.0
"""Longest recording that is separated in one go: 58 MB of samples of 15 microphones."""

LONGEST_STREAM_SECONDS = 24 * 3600.0
"""Longest recording that is separated piece by piece."""

_SILENT = 1e-10  # mean square of a microphone that is off, -100 dB of full scale
_FULL_SCALE = 32700 / 32768
_CLIPPED = 0.002  # share of samples, as in recordings of one microphone


@dataclasses.dataclass(frozen=True)
class ArrayRecording:
    """A recording that was heard to its end and suits an array.

    Example:
        >>> recording = open_recording("mixture.wav", LINE_OF_15)
        >>> for heard in recording.pieces(): ...

    Attributes:
        path: Path of the file.
        rate: Samples a second.
        seconds: Length of the recording.
    """

    path: str | os.PathLike
    rate: int
    seconds: float

    @property
    def fits_at_once(self) -> bool:
        """Whether it is short enough to be separated in one go."""
        return self.seconds <= LONGEST_SECONDS

    def pieces(self) -> Iterator[np.ndarray]:
        """Samples at 16 kHz, piece by piece, float32 `[microphones, samples]`.

        What is at 16 kHz comes in seconds, anything else as one piece.
        """
        blocks = _blocks(self.path, self.rate)
        return blocks if self.rate == SAMPLE_RATE else iter([_resampled(blocks, self.rate)])


def open_recording(
    path: str | os.PathLike,
    array: MicrophoneArray,
    *,
    longest_seconds: float = LONGEST_STREAM_SECONDS,
) -> ArrayRecording:
    """Hears a recording to its end, a second at a time, and says whether it suits an array.

    Clipped channels get a warning.

    Example:
        >>> open_recording("mixture.wav", LINE_OF_15).seconds
        4.0

    Args:
        path: Path of a file of any format that libsndfile reads, a channel for each microphone in
            the array's order.
        array: The microphones.
        longest_seconds: Longest recording that is taken.

    Raises:
        InputError: The file is missing, no audio, truncated, too short or too long, or silent. It
            is also raised for other numbers of channels, for less than 16,000 samples a second, for
            samples that are NaN or infinite, and for a microphone that is off. What is longer than
            `LONGEST_SECONDS` must have 16,000 samples a second.
    """
    info = sound_info(path, maximum_seconds=longest_seconds)
    if info.channels != array.microphones:
        raise InputError(
            f"{path}: has {info.channels} channels; the array has {array.microphones} microphones, "
            "and phases between them tell directions"
        )
    if info.rate < SAMPLE_RATE:
        raise InputError(
            f"{path}: {info.rate} samples a second; expected {SAMPLE_RATE}, record it again"
        )
    recording = ArrayRecording(path, info.rate, info.seconds)
    if info.rate != SAMPLE_RATE and not recording.fits_at_once:
        raise InputError(
            f"{path}: {info.rate} samples a second and {info.seconds:.0f} s; make it {SAMPLE_RATE}"
            " samples a second, all channels alike"
        )
    samples, powers, clipped = 0, np.zeros(array.microphones), np.zeros(array.microphones)
    for heard in _blocks(path, info.rate):
        samples += heard.shape[1]
        powers += np.sum(np.square(heard, dtype=np.float64), axis=1)
        clipped += np.sum(np.abs(heard) >= _FULL_SCALE, axis=1)
    if (off := np.flatnonzero(powers < _SILENT * samples)).size:
        raise InputError(f"{path}: microphone {off[0] + 1} is silent; is it on?")
    if (loud := np.flatnonzero(clipped > _CLIPPED * samples)).size:
        logging.warning(
            "%s: %d microphones are clipped, such as %d; record it softer",
            path, loud.size, loud[0] + 1,
        )  # fmt: skip
    return recording


def read_recording(path: str | os.PathLike, array: MicrophoneArray) -> np.ndarray:
    """Reads what the microphones of an array heard, up to a minute of it.

    Rates above 16 kHz are resampled, all channels alike.

    Example:
        >>> read_recording("mixture.wav", LINE_OF_15).shape
        (15, 64000)

    Args:
        path: Path of a file, as `open_recording` takes it.
        array: The microphones.

    Returns:
        Samples at 16 kHz, float32 `[microphones, samples]`.

    Raises:
        InputError: The recording does not suit, as `open_recording` says.
    """
    recording = open_recording(path, array, longest_seconds=LONGEST_SECONDS)
    return np.concatenate(list(recording.pieces()), axis=1)


def _blocks(path: str | os.PathLike, rate: int) -> Iterator[np.ndarray]:
    """Seconds of a file that was decoded to its end before, `[channels, samples]` each."""
    with open_sound(path) as sound:
        while len(block := sound.read_block(rate)):
            yield np.ascontiguousarray(block.T)


def _resampled(blocks: Iterator[np.ndarray], rate: int) -> np.ndarray:
    import scipy.signal

    common = np.gcd(SAMPLE_RATE, rate)
    heard = np.concatenate(list(blocks), axis=1)
    again = scipy.signal.resample_poly(heard, SAMPLE_RATE // common, rate // common, 1)
    return np.ascontiguousarray(again, np.float32)
