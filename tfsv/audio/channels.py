"""Which channel of a sound file is heard, and what becomes of several."""

import os
from dataclasses import dataclass

import numpy as np

from tfsv.errors import InputError

CANCELLED = 0.25
"""Power of a mix, below which its channels are said to cancel each other.

The unit is the power of a mix of independent channels. Two channels of one level cancel where their
correlation is below -0.75. The number is our choice.
"""

EQUALLY_LOUD = 0.99
"""Share of the highest power from which a channel counts as loudest; the first such is taken."""

_FOREIGN = 0.01  # power of what the loudest channel lacks, of its own: -20 dB
_NAMES = {"left": 1, "l": 1, "a": 1, "right": 2, "r": 2, "b": 2}


@dataclass(frozen=True)
class OneChannel(os.PathLike):
    """One channel of a sound file; it stands wherever the path of a sound file may stand.

    Example:
        >>> agent, caller = OneChannel("call.wav", 1), OneChannel("call.wav", 2)
        >>> tfsv.verify("agent.wav", [agent, caller])

    Attributes:
        path: Path of the sound file.
        channel: Number of the channel, from 1.
    """

    path: str
    channel: int

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path


def channel_number(channel: int | str | None) -> int | None:
    """The number that a setting, or a field of a manifest, gives a channel.

    Example:
        >>> channel_number("2"), channel_number("left"), channel_number("B"), channel_number("")
        (2, 1, 2, None)

    Args:
        channel: A number from 1, "left" or "right", "A" or "B" in either case. None or "": no
            channel is chosen.

    Raises:
        InputError: It is none of these.
    """
    text = "" if channel is None else str(channel).strip().lower()
    if not text:
        return None
    number = _NAMES.get(text) or (int(text) if text.isdecimal() and text.isascii() else 0)
    if number < 1:
        raise InputError(f"channel={channel}: expected 1, 2, …, left, right, A or B")
    return number


def with_channel(
    path: str | os.PathLike, channel: int | str | None
) -> str | os.PathLike | OneChannel:
    """A path together with a channel, unless it has one already or none is chosen.

    Example:
        >>> with_channel("call.wav", "right")
        OneChannel(path='call.wav', channel=2)

    Raises:
        InputError: There is no such channel in any file.
    """
    number = channel_number(channel)
    if number is None or isinstance(path, OneChannel):
        return path
    return OneChannel(os.fspath(path), number)


class Mix:
    """Hears the channels of a sound block by block, and tells whether a mix does them justice.

    Example:
        >>> mix = Mix(channels=2)
        >>> mono = mix.of(np.stack([voice, -voice], axis=1))
        >>> mix.cancels, mix.loudest
        (True, 1)

    Args:
        channels: Number of channels.
    """

    def __init__(self, channels: int):
        self._weights = np.full(channels, 1 / channels, np.float32)
        self._count = 0
        self._sums = np.zeros(channels)
        self._products = np.zeros((channels, channels))

    def of(self, block: np.ndarray) -> np.ndarray:
        """The mean of the channels of a block `[samples, channels]`, float32 `[samples]`."""
        self._count += len(block)
        self._sums += block.sum(axis=0, dtype=np.float64)
        self._products += block.T @ block
        return block @ self._weights

    @property
    def _covariance(self) -> np.ndarray:
        means = self._sums / max(self._count, 1)
        return self._products / max(self._count, 1) - np.outer(means, means)

    @property
    def cancels(self) -> bool:
        """Whether hardly anything is left of the channels when they are averaged."""
        covariance = self._covariance
        return bool(covariance.mean() * len(covariance) < CANCELLED * covariance.diagonal().mean())

    @property
    def loudest(self) -> int:
        """Number of the loudest channel, from 1."""
        powers = self._covariance.diagonal()
        return int(np.argmax(powers >= EQUALLY_LOUD * powers.max())) + 1

    @property
    def differs(self) -> bool:
        """Whether a channel holds what the loudest does not, and not far below it."""
        covariance = self._covariance
        loudest = covariance[self.loudest - 1]
        power = loudest[self.loudest - 1]
        own = covariance.diagonal() - loudest**2 / max(power, np.finfo(float).tiny)
        return bool((own > _FOREIGN * power).any())
