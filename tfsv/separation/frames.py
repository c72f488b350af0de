"""Frames of a waveform of 16 kHz: how long, how many. This module imports no TensorFlow."""

WINDOW = 512
"""Samples of a frame, 32 ms (paper 4)."""

HOP = 256
"""Samples from a frame to the next, 16 ms (paper 4)."""

BINS = WINDOW // 2 + 1
"""Lines of a spectrum."""


def frames_of(samples: int) -> int:
    """Number of frames that hold so many samples.

    Example:
        >>> frames_of(32000)
        126
    """
    return -(-samples // HOP) + 1
