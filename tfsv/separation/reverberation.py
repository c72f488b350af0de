"""Reverberation time: what walls must absorb for it, and what a response shows of it."""

import math
from collections.abc import Sequence

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.separation.microphones import SPEED_OF_SOUND

SLOWER_THAN_EYRING = 1.2
"""How much longer image sources in a box ring than Eyring's formula says, as we measured."""

_FROM_DB, _TO_DB = -5.0, -35.0


def absorption(sides: Sequence[float], t60: float) -> float:
    """Share of the energy that each wall must absorb, so that a box rings for about `t60` seconds.

    Sabine's formula, a = 24 ln(10) V / (c S T60), asks for more than 1 where a large room is to be
    nearly dry: nothing in 10 x 8 x 6 m below 0.21 s. Eyring's, 1 - exp(-a), has an answer for every
    time, but image sources ring about 1.2 times as long as it says, so we ask for so much less. Up
    to a third of absorption the outcome is that of Sabine's formula. Of 60 rooms from paper 4's
    ranges, T60 0.05 to 0.5 s, 59 then rang for 0.88 to 1.23 times what was asked for, and one that
    absorbs nearly all for 1.33 times. `reverberation_time` says what was reached.

    Example:
        >>> round(absorption((7.0, 6.0, 3.5), 0.4), 2), round(absorption((10.0, 8.0, 6.0), 0.05), 2)
        (0.33, 0.99)

    Args:
        sides: Length, width and height, metres.
        t60: Reverberation time, seconds.
    """
    length, width, height = sides
    surface = 2 * (length * width + width * height + height * length)
    sabine = 24 * math.log(10) * length * width * height / (SPEED_OF_SOUND * surface * t60)
    return 1 - math.exp(-SLOWER_THAN_EYRING * sabine)


def image_order(sides: Sequence[float], seconds: float) -> int:
    """How often sound is reflected on the way of any image that arrives within so many seconds.

    Images of one order lie on an octahedron; its faces are nearest to the listener.

    Example:
        >>> image_order((7.0, 6.0, 3.5), 0.4)
        50

    Args:
        sides: Length, width and height, metres.
        seconds: Time of flight, seconds.
    """
    return math.ceil(SPEED_OF_SOUND * seconds * math.sqrt(sum(1 / side**2 for side in sides)))


def reverberation_time(response: np.ndarray) -> float:
    """The time in which what a room still has to say falls by 60 dB (T30 of ISO 3382).

    It is extrapolated from the line of least squares through Schroeder's backward integral between
    -5 and -35 dB.

    Example:
        >>> decay = 10 ** (-3 * np.arange(16000) / 16000 / 0.4)
        >>> round(reverberation_time(decay), 2)
        0.4

    Args:
        response: Impulse response at 16 kHz, `[samples]`.

    Returns:
        Seconds. It is 0 where less than two samples lie between the two levels: such a room does
        not ring.
    """
    left = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    decibels = 10 * np.log10(np.maximum(left, 1e-30) / max(left[0], 1e-30))
    first, last = np.searchsorted(-decibels, [-_FROM_DB, -_TO_DB])
    if last - first < 2:
        return 0.0
    slope = np.polyfit(np.arange(first, last) / SAMPLE_RATE, decibels[first:last], 1)[0]
    return float(-60 / slope) if slope < 0 else 0.0
