"""A recording at another speed, as if another speaker had spoken it."""

import os
from dataclasses import dataclass
from fractions import Fraction

_FINEST = 1000  # denominator of a speed


@dataclass(frozen=True)
class AtSpeed(os.PathLike):
    """A sound file played at another speed; it stands wherever such a path may be read.

    Pitch and tempo are multiplied by the factor, as training crops have them.

    Example:
        >>> waveform = read(AtSpeed("speech.wav", 1.1))

    Attributes:
        path: Path of the sound file, or a `tfsv.audio.channels.OneChannel` of it.
        factor: Speed; 2 is twice as fast and an octave up.
    """

    path: str | os.PathLike
    factor: float

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return f"{self.path} at {self.factor:g} times its speed"


def at_speed(path: str | os.PathLike, factor: float) -> str | os.PathLike:
    """A path at a speed, or the path itself where that is 1.

    Example:
        >>> at_speed("speech.wav", 1.0)
        'speech.wav'
    """
    return path if factor == 1.0 else AtSpeed(path, factor)


def speed_of(path: str | os.PathLike) -> tuple[str | os.PathLike, Fraction]:
    """The path without its speed, and the speed.

    Example:
        >>> speed_of(AtSpeed("speech.wav", 0.9))
        ('speech.wav', Fraction(9, 10))
    """
    if isinstance(path, AtSpeed):
        return path.path, Fraction(path.factor).limit_denominator(_FINEST)
    return path, Fraction(1)
