"""Recordings of any length, cut into windows that are embedded one by one."""

import math

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.sounding import HOP_SAMPLES, sounding_frames
from tfsv.errors import InputError
from tfsv.verification.embedder import SILENT

WINDOW_SECONDS = 20.0
"""Longest part of a recording that is embedded at once, in seconds.

The papers pass whole utterances, which on VoxCeleb rarely last longer; longer recordings would only
cost memory.
"""

_ENOUGH = 50  # frames with sound; half a second


def windows(waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS) -> list[np.ndarray]:
    """Cuts a waveform into the smallest number of equally long parts that last this long at most.

    Example:
        >>> [len(part) for part in windows(np.zeros(50 * 16000))]
        [266667, 266667, 266666]

    Args:
        waveform: The recording, `[samples]`, 16 kHz.
        window_seconds: Longest part, in seconds.
    """
    window = int(window_seconds * SAMPLE_RATE)
    return np.array_split(waveform, max(1, math.ceil(len(waveform) / window)))


def sounding_windows(
    waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS
) -> list[tuple[np.ndarray, int]]:
    """The windows of a recording in which there is sound, each with its weight.

    The weight is the number of frames with sound. Silence is what lies far below the level of the
    whole recording, so the hiss of a window without speech does not count. Windows of less than
    half a second of sound are left out, unless no window has more.

    Example:
        >>> parts = sounding_windows(np.concatenate([np.zeros(320000), speech]))
        >>> [(len(part), weight) for part, weight in parts]
        [(184000, 1148)]

    Args:
        waveform: The recording, `[samples]`, 16 kHz.
        window_seconds: Longest part, in seconds. A shorter recording is one window of weight 1.

    Raises:
        InputError: The recording is longer than a window and silent.
    """
    parts = windows(waveform, window_seconds)
    if len(parts) == 1:
        return [(waveform, 1)]
    ends = np.cumsum([len(part) for part in parts])
    starts = HOP_SAMPLES * np.flatnonzero(sounding_frames(waveform))
    counts = np.bincount(np.searchsorted(ends, starts, side="right"), minlength=len(parts))
    if not counts.any():
        raise InputError(SILENT)
    enough = min(_ENOUGH, counts.max())
    return [
        (part, int(count)) for part, count in zip(parts, counts, strict=True) if count >= enough
    ]
