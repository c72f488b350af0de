"""Scenes: who talks where in which room, and how loud; sound is made of them elsewhere."""

import dataclasses

import numpy as np

from tfsv.separation.angle_ranges import NAMES, NO_RANGE, pairs_by_range
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.response_bank import ResponseBank

_NEAREST = 1  # range from which on nobody may talk at the asked angle: 15 degrees


@dataclasses.dataclass(frozen=True)
class Scene:
    """What a mixture is made of, beside the speech itself.

    Example:
        >>> scene = draw_scene(np.random.default_rng(0), bank, MixtureSettings())
        >>> scene.angle_range in (-1, 0, 1, 2, 3)
        True

    Attributes:
        room: Number of the room in its bank.
        place: Number of the place that is asked for.
        other: Number of the other talker's place. None: there is no other talker.
        spoken: Whether anybody talks at the asked place.
        angle_range: Number of the range of the angle between both places, or `NO_RANGE` where fewer
            than two people talk.
        overlap: Part of the mixture in which both talk.
        first: Whether the talker who is asked for begins.
        sir: Ratio of both talkers at microphone 1, dB.
        level: Level of the talkers at microphone 1, dB of full scale.
        noise_snr: Ratio of the talkers and the noise, dB.
        noise: Seed of the noise.
    """

    room: int
    place: int
    other: int | None
    spoken: bool
    angle_range: int
    overlap: float
    first: bool
    sir: float
    level: float
    noise_snr: float
    noise: int

    @property
    def range_name(self) -> str:
        """Name of the range of angles, such as "15-45"; empty where fewer than two talk."""
        return "" if self.angle_range == NO_RANGE else NAMES[self.angle_range]

    def spans(self, samples: int) -> tuple[slice, slice]:
        """When each of both talkers talks, as slices of so many samples.

        Both talk for the same time, one from the beginning and the other to the end, so that
        `overlap` is the part in which both do. Somebody who talks alone talks all the time.
        """
        if self.other is None or not self.spoken:
            return slice(0, samples), slice(0, samples)
        long = talking_samples(samples, self.overlap)
        spans = slice(0, long), slice(samples - long, samples)
        return spans if self.first else spans[::-1]


def talking_samples(samples: int, overlap: float) -> int:
    """How long each of two talks in a mixture, so that both do in the given part of it.

    Example:
        >>> talking_samples(1000, 0.6)
        800
    """
    return min(samples, round((1 + overlap) / 2 * samples))


def draw_scene(
    random: np.random.Generator,
    bank: ResponseBank,
    settings: MixtureSettings,
    angle_range: int | None = None,
) -> Scene:
    """Draws a scene. The range of angles is drawn first, then the room, then two places in it.

    Example:
        >>> scene = draw_scene(np.random.default_rng(0), bank, MixtureSettings(), angle_range=3)
        >>> scene.range_name
        '90-180'

    Args:
        random: What is drawn with.
        bank: The rooms.
        settings: What is drawn from.
        angle_range: Number of a range, in which two people talk. None: it is drawn, and so is
            whether only one of them talks.
    """
    kind = random.random()
    alone = angle_range is None and kind < settings.alone
    nobody = angle_range is None and settings.alone <= kind < settings.alone + settings.nobody
    if angle_range is None:
        angle_range = int(random.integers(_NEAREST if nobody else 0, len(NAMES)))
    room = int(random.integers(len(bank.rooms)))
    pairs = pairs_by_range(np.array(bank.rooms[room].room.angles))[angle_range]
    place, other = (int(number) for number in pairs[random.integers(len(pairs))])
    return Scene(
        room=room,
        place=place,
        other=None if alone else other,
        spoken=not nobody,
        angle_range=NO_RANGE if alone or nobody else angle_range,
        overlap=float(random.uniform(*settings.overlap)),
        first=bool(random.integers(2)),
        sir=float(settings.sir[random.integers(len(settings.sir))]),
        level=float(random.uniform(*settings.level)),
        noise_snr=float(random.uniform(*settings.noise_snr)),
        noise=int(random.integers(2**31)),
    )
