"""The line of microphones that hears a mixture.

Paper 4 has 15 microphones on a symmetric line with uneven gaps and nine pairs of them (numbers as
in the audio-visual front end that it refers to). The gaps themselves stand in a figure only, so
they are our choice: 7, 6, 5, 4, 3, 2 and 1 cm from each end to the middle, 56 cm in all.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsv.card_fields import finite, json_value
from tfsv.errors import InputError

SPEED_OF_SOUND = 343.0
"""Metres a second, in dry air of 20 °C."""


@dataclasses.dataclass(frozen=True)
class MicrophoneArray:
    """Microphones on a straight line, numbered from 1, and the pairs whose phases are compared.

    Angles are of a direction and the line, seen from the line's middle: 0 degrees is the side of
    microphone 1, 180 degrees that of the last one. Such a line cannot tell front from back.

    Example:
        >>> LINE_OF_15.microphones, round(LINE_OF_15.length, 2)
        (15, 0.56)

    Attributes:
        positions: Place of each microphone on the line, metres from its middle, ascending.
        pairs: Pairs of microphones by number, from 1.
    """

    positions: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]

    def __post_init__(self):
        if len(self.positions) < 2 or (np.diff(self.positions) <= 0).any():
            raise ValueError(f"expected ascending positions. Received: {self.positions}")
        for pair in self.pairs:
            if not all(1 <= number <= self.microphones for number in pair):
                raise ValueError(f"expected numbers from 1 to {self.microphones}. Received: {pair}")

    @property
    def microphones(self) -> int:
        """Number of microphones."""
        return len(self.positions)

    @property
    def length(self) -> float:
        """Distance of the first and the last microphone, metres."""
        return self.positions[-1] - self.positions[0]

    @property
    def pair_indices(self) -> np.ndarray:
        """The pairs as indices from 0, int64 `[pairs, 2]`."""
        return np.array(self.pairs, np.int64).reshape(-1, 2) - 1

    def arrivals(self, degrees: float | np.ndarray) -> np.ndarray:
        """When a plane wave arrives at each microphone, after it arrived at microphone 1.

        It is d_1r cos(theta) / c of the paper's steering vector, with the distance d_1r of
        microphones 1 and r.

        Example:
            >>> (LINE_OF_15.arrivals(0.0)[[0, -1]] * 343).round(2)
            array([0.  , 0.56])

        Args:
            degrees: Angle that the wave comes from, degrees, of any shape.

        Returns:
            Seconds, float64 `[..., microphones]`. They are negative above 90 degrees.
        """
        distances = np.array(self.positions) - self.positions[0]
        return np.cos(np.radians(degrees))[..., np.newaxis] * distances / SPEED_OF_SOUND

    def to_json(self) -> dict[str, Any]:
        """The array as a JSON-ready table, for cards.

        Example:
            >>> sorted(LINE_OF_15.to_json())
            ['pairs', 'positions']
        """
        return {"positions": list(self.positions), "pairs": [list(pair) for pair in self.pairs]}

    @classmethod
    def from_json(cls, fields: Any, source: str) -> "MicrophoneArray":
        """The array that a card's table describes.

        Example:
            >>> MicrophoneArray.from_json(LINE_OF_15.to_json(), "bank.json") == LINE_OF_15
            True

        Args:
            fields: What `to_json` made.
            source: Name of what it was read from, for the error message.

        Raises:
            InputError: It is no such table.
        """
        try:
            if not isinstance(fields, Mapping) or set(fields) != {"positions", "pairs"}:
                raise ValueError("expected positions and pairs")
            positions = tuple(finite(place) for place in json_value(fields["positions"]))
            pairs = tuple((int(a), int(b)) for a, b in json_value(fields["pairs"]))
            return cls(positions, pairs)
        except (TypeError, ValueError) as error:
            raise InputError(f"{source}: describes no array of microphones ({error})") from error


_GAPS_CM = (7, 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6, 7)
_PLACES_CM = (-28, *(sum(_GAPS_CM[: i + 1]) - 28 for i in range(len(_GAPS_CM))))

LINE_OF_15 = MicrophoneArray(
    positions=tuple(place / 100 for place in _PLACES_CM),
    pairs=((1, 15), (2, 14), (3, 13), (1, 7), (12, 4), (11, 5), (12, 8), (7, 10), (8, 9)),
)
"""The array of everything in this package: 15 microphones, 0.56 m, nine pairs."""
