"""Timing of things that are to be compared, in turns, so that a busy machine is busy for all."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping

_PAUSE_SECONDS = 0.01  # a pool of threads spins for a while before it sleeps; the next one waits


@dataclasses.dataclass(frozen=True)
class Times:
    """How long one of them took.

    Attributes:
        seconds: Of each call, in order; the calls of two things with the same number were
            neighbours.
    """

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least of all calls, seconds: what others on the machine disturbed least."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The median of all calls, seconds."""
        return statistics.median(self.seconds)

    def median_ratio(self, other: "Times") -> float:
        """The median over the calls of this one's time through that of the other's neighbour."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def interleaved(
    works: Mapping[str, Callable[[], object]], rounds: int, *, burst: int = 1, warm: int = 1
) -> dict[str, Times]:
    """Calls all in turn: A B C, A B C, ….

    Args:
        works: What to call, by name.
        rounds: How often each has its turn.
        burst: Timed calls of a turn.
        warm: Calls of a turn before these, not timed, which bring caches back.

    Returns:
        Times by name, `rounds × burst` each.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            time.sleep(_PAUSE_SECONDS)
            for _ in range(warm):
                work()
            for _ in range(burst):
                start = time.perf_counter()
                work()
                seconds[name].append(time.perf_counter() - start)
    return {name: Times(tuple(values)) for name, values in seconds.items()}
