"""Rooms as numbers: their sides, where the array hangs and where talkers stand."""

import dataclasses
import math
from typing import Any

import numpy as np

from tfsv.errors import InputError
from tfsv.separation.angle_ranges import pairs_by_range
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.room_settings import RoomSettings
from tfsv.settings import read_record

CLEARANCE = 0.3
"""Metres that microphones and talkers keep from walls, floor and ceiling."""

_ARRAY_HEIGHT = (0.9, 1.6)
_MOUTH_HEIGHT = (1.1, 1.8)  # people who sit and who stand
_TRIES = 5000


@dataclasses.dataclass(frozen=True)
class Room:
    """A room with an array and places of talkers, all of them on one side of the array's line.

    Example:
        >>> room = draw_room(RoomSettings(), 0, LINE_OF_15)
        >>> len(room.sources), min(room.distances) >= 1
        (6, True)

    Attributes:
        number: Number of the room in its bank, from 0.
        sides: Length, width and height, metres.
        t60: Reverberation time that is asked for, seconds.
        middle: Place of the array's middle, metres.
        axis: Direction from microphone 1 to the last one, degrees from the room's length.
        sources: Place of each talker, metres.
        angles: Angle of each talker's direction and the array's line, degrees, 0 on the side of
            microphone 1.
        distances: Distance of each talker from the array's middle, metres.
    """

    number: int
    sides: tuple[float, ...]
    t60: float
    middle: tuple[float, ...]
    axis: float
    sources: tuple[tuple[float, ...], ...]
    angles: tuple[float, ...]
    distances: tuple[float, ...]

    def microphones(self, array: MicrophoneArray) -> np.ndarray:
        """Places of the microphones, metres, float64 `[microphones, 3]`."""
        return np.array(self.middle) + np.outer(array.positions, _level(self.axis))

    @classmethod
    def from_json(cls, fields: Any, source: str) -> "Room":
        """The room that `dataclasses.asdict` and JSON made a table of.

        Raises:
            InputError: It is no such table.
        """
        room = read_record(cls, fields, source)
        try:
            places = tuple(tuple(map(float, place)) for place in room.sources)
            numbers = np.array([*room.angles, *room.distances, room.t60, room.axis, *room.middle])
            counts = {len(places), len(room.angles), len(room.distances)}
            if len(counts) != 1 or not np.isfinite(numbers).all():
                raise ValueError("places and angles do not fit")
        except (TypeError, ValueError) as error:
            raise InputError(f"{source}: describes no room ({error})") from error
        return dataclasses.replace(room, sources=places)


def draw_room(settings: RoomSettings, number: int, array: MicrophoneArray) -> Room:
    """Draws a room; it follows from the settings' seed and its number alone.

    Sides, reverberation time, directions and distances are uniform, as far as the walls leave
    room. Places are drawn again until every range of angles has a pair of talkers. The heights of
    mouths (1.1 to 1.8 m) and of the array (0.9 to 1.6 m) and the clearance are our choice.

    Example:
        >>> room = draw_room(RoomSettings(seed=1), 0, LINE_OF_15)
        >>> room == draw_room(RoomSettings(seed=1), 0, LINE_OF_15)
        True

    Args:
        settings: What is drawn from.
        number: Number of the room, from 0.
        array: The microphones.

    Raises:
        InputError: No place for array and talkers is found in a room of such sides.
    """
    random = np.random.default_rng([settings.seed, number])
    sides = random.uniform(settings.smallest, settings.largest)
    t60 = float(random.uniform(*settings.t60))
    for _ in range(_TRIES):
        middle, axis = random.uniform([0, 0, 0], sides), float(random.uniform(0, 360))
        middle[2] = _height(random, _ARRAY_HEIGHT, sides[2])
        places = _places(random, settings, array, sides, middle, axis)
        if places is None:
            continue
        seen = places - middle
        distances = np.linalg.norm(seen, axis=1)
        angles = np.degrees(np.arccos(-(seen @ _level(axis)) / distances))
        if all(map(len, pairs_by_range(angles))):
            return Room(
                number,
                tuple(sides.tolist()),
                t60,
                tuple(middle.tolist()),
                axis,
                tuple(map(tuple, places.tolist())),
                tuple(angles.tolist()),
                tuple(distances.tolist()),
            )
    raise InputError(
        f"smallest={settings.smallest}: a room of {_metres(sides)} m has no place for an array of "
        f"{array.length:g} m and talkers {settings.distance[0]:g} m away; take larger rooms or a "
        "lesser distance"
    )


def _places(
    random: np.random.Generator,
    settings: RoomSettings,
    array: MicrophoneArray,
    sides: np.ndarray,
    middle: np.ndarray,
    axis: float,
) -> np.ndarray | None:
    """Places of all talkers `[sources, 3]`, or None where one of them finds none."""
    ends = middle + np.outer([array.positions[0], array.positions[-1]], _level(axis))
    if not _inside(ends, sides):
        return None
    places = []
    for azimuth in random.uniform(0, 180, settings.sources):
        toward = -_level(axis - azimuth)  # 0 is the side of microphone 1
        height = _height(random, _MOUTH_HEIGHT, sides[2])
        rise = height - middle[2]
        farthest = math.hypot(_reach(middle, toward, sides), rise)
        least, most = settings.distance[0], min(settings.distance[1], farthest)
        if least > most:
            return None
        along = math.sqrt(max(0.0, random.uniform(least, most) ** 2 - rise**2))
        places.append([*(middle + along * toward)[:2], height])
    return np.array(places)


def _level(degrees: float) -> np.ndarray:
    """The horizontal unit vector of a direction."""
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0])


def _height(random: np.random.Generator, wanted: tuple[float, float], ceiling: float) -> float:
    return float(np.clip(random.uniform(*wanted), CLEARANCE, max(CLEARANCE, ceiling - CLEARANCE)))


def _inside(places: np.ndarray, sides: np.ndarray) -> bool:
    return bool((places >= CLEARANCE).all() and (places <= sides - CLEARANCE).all())


def _reach(start: np.ndarray, toward: np.ndarray, sides: np.ndarray) -> float:
    """Metres from a place in a horizontal direction until the clearance of a wall."""
    with np.errstate(divide="ignore"):
        walls = np.where(toward > 0, sides - CLEARANCE - start, start - CLEARANCE)
        return float((walls[:2] / np.abs(toward[:2])).min())


def _metres(sides: np.ndarray) -> str:
    return " × ".join(f"{side:.1f}" for side in sides)
