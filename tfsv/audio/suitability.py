"""Whether a recording suits networks that were trained on clean speech of 16 kHz.

What does not suit is read all the same, with a warning.
"""

import math
import re
from collections.abc import Iterable

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.channels import Mix
from tfsv.audio.sounding import PowerMeter, sounding
from tfsv.errors import InputError

_SILENT_RMS = 1e-4  # -80 dB: three steps of 16 bits; the quietest real speech we saw is at -56 dB

_WINDOW = np.hanning(512).astype(np.float32)
_WINDOW_POWER = float(_WINDOW @ _WINDOW)
_WINDOWS = 32  # of each block: 1 s at 16 kHz, looked at in turns of 4 until it is clear
_EVERY = 8
_LOWER_HZ, _UPPER_HZ = (100.0, 4000.0), (5000.0, 7600.0)
_EMPTY = 1e-6  # upper to lower energy: -60 dB; clean speech of 20 corpora is above -58 dB
_WIDE = 1e-4  # above this, and the level below, no further window is looked at
_HEARD = 1e-6
_ROUNDING = 4 * 2.0**-30 / 12  # 6 dB above the power of rounding to 16 bits

_FULL_SCALE = 32700 / 32768  # as the app's
_CLIPPED = 0.002  # share of the samples, as the app's


class Suitability:
    """Hears a sound block by block: what is taken of it, and what does not suit.

    Where `cancelled` is not None at the end, the mix is no use, and the file must be heard again
    with that channel.

    Example:
        >>> heard = Suitability("call.wav", rate=8000, channels=2, channel=1)
        >>> mono = np.concatenate([heard.mono(block, np.abs(block).max()) for block in blocks])
        >>> heard.warnings()
        ('8000 samples a second, below 16000: nothing above 4 kHz is heard',)

    Args:
        path: Path of the file, for errors.
        rate: Samples a second.
        channels: Number of channels of the file.
        channel: Number of the channel to take, from 1. None: the channels are averaged. A file of
            one channel has that one taken, whatever is chosen.

    Raises:
        InputError: The file has several channels, but not this one.
    """

    def __init__(self, path: str, rate: int, channels: int, channel: int | None = None):
        if channel is not None and 1 < channels < channel:
            raise InputError(f"{path}: has {channels} channels, and no channel {channel}")
        self._path, self._rate, self._channels, self._channel = path, rate, channels, channel
        self._mix = Mix(channels) if channels > 1 and channel is None else None
        self._count, self._flat = 0, 0
        self._meter = PowerMeter(rate)
        self._lower, self._upper = (_bins(*edges, rate) for edges in (_LOWER_HZ, _UPPER_HZ))
        self._low, self._up, self._windows = 0.0, 0.0, 0
        self._wide = rate < SAMPLE_RATE  # the rate says it all then

    def mono(self, block: np.ndarray, peak: float) -> np.ndarray:
        """What is taken of a block float32 `[samples, channels]`, float32 `[samples]`.

        Args:
            block: The next samples of all channels.
            peak: Largest magnitude in the block.
        """
        if self._mix is not None:
            mono = self._mix.of(block)
        else:
            mono = np.ascontiguousarray(block[:, min(self._channel or 1, self._channels) - 1])
        self._count += len(mono)
        self._meter.hear(mono)
        if peak >= _FULL_SCALE:
            at_end = np.abs(mono) >= _FULL_SCALE
            self._flat += int((at_end[1:] & (mono[1:] == mono[:-1])).sum())
        if not self._wide:
            self._look_at_bands(mono)
        return mono

    @property
    def cancelled(self) -> int | None:
        """Number of the channel to take instead of the mix, where that cancels; else None."""
        return self._mix.loudest if self._mix is not None and self._mix.cancels else None

    def cancellation(self) -> str:
        """The line about channels that cancel."""
        return (
            f"{self._channels} channels that cancel each other (opposite signs):"
            f" channel {self.cancelled} is taken; 'channel' takes another"
        )

    def require_sound(self, minimum_seconds: float) -> None:
        """Refuses a recording of which hardly anything but silence is taken.

        Args:
            minimum_seconds: Shortest sound that is taken, all of it together.

        Raises:
            InputError: What is taken is silence and clicks, or below -80 dB, or too little of it
                is sound. What cancels is not called silent.
        """
        if self.cancelled is not None:
            return
        which = f"channel {self._channel} is " if self._channel and self._channels > 1 else ""
        powers = self._meter.powers()
        found = sounding(powers)
        if not found.any():
            constant = "all of it zeros" if self._meter.hears_zeros else "one value throughout"
            what = "with clicks only" if powers.any() else constant
            raise InputError(f"{self._path}: {which}silent ({what})")
        if powers[found].mean() < _SILENT_RMS**2:
            decibels = 20 * math.log10(_SILENT_RMS)
            raise InputError(f"{self._path}: {which}silent (below {decibels:.0f} dB)")
        seconds = self._count / self._rate
        sound = seconds * found.mean()
        if sound < minimum_seconds:
            raise InputError(
                f"{self._path}: too little sound: {sound:.2f} s, the rest of {seconds:.2f} s is"
                f" silent; at least {minimum_seconds:g} s are needed"
            )

    def warnings(self) -> tuple[str, ...]:
        """A line for each thing that does not suit, when all blocks have been heard."""
        found = []
        if self._rate < SAMPLE_RATE:
            found.append(
                f"{self._rate} samples a second, below {SAMPLE_RATE}: "
                f"nothing above {self._rate / 2000:g} kHz is heard"
            )
        if self._narrow():
            found.append("the upper band (above 5 kHz) is empty, as in telephone speech")
        if self._mix is not None and self._mix.differs:
            found.append(f"{self._channels} channels that differ are mixed; 'channel' takes one")
        if self._channels == 1 and self._channel not in (None, 1):
            found.append(f"has one channel, which is taken; there is no channel {self._channel}")
        if self._flat > _CLIPPED * self._count:
            found.append(
                f"clipped: {100 * self._flat / self._count:.1f} % of its samples stand at full"
                " scale; record it at a lower level"
            )
        return tuple(found)

    def _look_at_bands(self, mono: np.ndarray) -> None:
        count = min(_WINDOWS, len(mono) // len(_WINDOW))
        if count == 0:
            return
        windows = mono[: len(mono) // count * count].reshape(count, -1)[:, : len(_WINDOW)]
        for first in range(min(_EVERY, count)):
            spectrum = np.fft.rfft(windows[first::_EVERY] * _WINDOW)
            power = spectrum.real**2 + spectrum.imag**2
            self._low += float(power[:, self._lower].sum())
            self._up += float(power[:, self._upper].sum())
            self._windows += len(power)
            self._wide = self._up > _WIDE * self._low and self._level() > _HEARD
            if self._wide:
                return

    def _level(self) -> float:
        """Mean power of the lower band."""
        scale = self._windows * len(_WINDOW) * _WINDOW_POWER
        return 2 * self._low / scale if scale else 0.0

    def _narrow(self) -> bool:
        """Whether nothing is heard in the upper band but what rounding to 16 bits leaves there."""
        bins = self._upper.stop - self._upper.start
        rounding = _ROUNDING * self._windows * bins * _WINDOW_POWER
        heard = not self._wide and self._level() > _SILENT_RMS**2
        return heard and self._up <= _EMPTY * self._low + rounding


def _bins(low_hz: float, high_hz: float, rate: int) -> slice:
    hertz = rate / len(_WINDOW)
    return slice(math.ceil(low_hz / hertz), math.ceil(high_hz / hertz))


def counted(lines: Iterable[str], most: int = 20) -> list[tuple[str, int]]:
    """The commonest of some lines and their counts, where lines that differ in numbers are one.

    Example:
        >>> counted(["empty file (0 bytes)", "too short: 399 samples", "too short: 1 samples"])
        [('too short: N samples', 2), ('empty file (0 bytes)', 1)]

    Args:
        lines: Lines of text.
        most: Most lines to return.
    """
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(without_numbers(line), []).append(line)
    commonest = sorted(alike.items(), key=lambda item: -len(item[1]))[:most]
    return [(same[0] if len(set(same)) == 1 else kind, len(same)) for kind, same in commonest]


def without_numbers(line: str) -> str:
    """A line with N in place of its numbers.

    Example:
        >>> without_numbers("too short: 399 samples")
        'too short: N samples'
    """
    return re.sub(r"\d[\d.]*", "N", line)
