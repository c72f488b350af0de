"""Settings of a bank of rooms."""

import dataclasses

from tfsv.audio import SAMPLE_RATE
from tfsv.settings import require, setting


@dataclasses.dataclass(frozen=True)
class RoomSettings:
    """What rooms are drawn from. The ranges are those of paper 4; sizes of a bank are our choice.

    Example:
        >>> RoomSettings(rooms=40, t60=(0.1, 0.4)).longest_taps
        12000

    Attributes:
        rooms: Number of rooms.
        sources: Places in each room at which a talker may stand. Four are the fewest with which
            each range of angles has a pair of them.
        seed: Seed of everything random. Each room follows from it and its own number alone.
        smallest: Least length, width and height, metres.
        largest: Greatest length, width and height, metres.
        t60: Shortest and longest reverberation time that is asked for, seconds.
        distance: Least and greatest distance of a talker from the array's middle, metres.
        longest: Seconds of a response that are kept at most.
    """

    rooms: int = setting(300, "Number of rooms.")
    sources: int = setting(6, "Places of talkers in each room, at least 4.")
    seed: int = setting(0, "Seed of everything random.")
    smallest: tuple[float, float, float] = setting(
        (4.0, 4.0, 2.5), "Least length, width and height of a room, metres."
    )
    largest: tuple[float, float, float] = setting(
        (10.0, 8.0, 6.0), "Greatest length, width and height of a room, metres."
    )
    t60: tuple[float, float] = setting(
        (0.05, 0.7), "Shortest and longest reverberation time, seconds."
    )
    distance: tuple[float, float] = setting(
        (1.0, 5.0), "Least and greatest distance of talkers from the array, metres."
    )
    longest: float = setting(0.75, "Seconds of a response that are kept at most.")

    def __post_init__(self):
        require(
            self,
            ("rooms", 1 <= self.rooms <= 100_000, "1 to 100000"),
            ("sources", 4 <= self.sources <= 100, "4 to 100"),
            ("seed", 0 <= self.seed < 2**31, "0 to 2147483647"),
            ("smallest", all(1 <= side <= 50 for side in self.smallest), "1 to 50 m each"),
            (
                "largest",
                all(a <= b <= 50 for a, b in zip(self.smallest, self.largest, strict=True)),
                "at least the smallest sides, at most 50 m each",
            ),
            ("t60", 0.02 <= self.t60[0] <= self.t60[1] <= 3, "0.02 to 3 s, the shorter one first"),
            (
                "distance",
                0.5 <= self.distance[0] <= self.distance[1] <= 20,
                "0.5 to 20 m, the lesser one first",
            ),
            ("longest", 0.1 <= self.longest <= 4, "0.1 to 4 s"),
        )

    @property
    def longest_taps(self) -> int:
        """Samples of the longest response, at 16 kHz."""
        return round(self.longest * SAMPLE_RATE)
