"""Least-squares scale of a fixed table of levels: arrays in, a number out."""

import numpy as np

_CANDIDATES = 128
_SMALLEST = 1e-3  # of the scale at which the outermost level meets the largest weight


def best_scale(weights: np.ndarray, levels: np.ndarray) -> float:
    """The scale a >= 0 with about the least ||weights - a · (nearest of levels)||².

    The error has many local minima in a, so 128 scales are compared first and the best one is
    refined by `alternate`. With few levels that is the optimum or within 2 % of it; with 256, whose
    minima are closer than the scales compared, up to 9 % above it (measured on five layers). Where
    learned scales start is our choice; papers 1 and 2 do not say.

    Args:
        weights: Any shape, any float type, finite.
        levels: `[k]`, ascending and symmetric about 0.

    Returns:
        The scale; 0 for weights that are all 0.
    """
    line = _Magnitudes(weights, levels)
    if not line.largest:
        return 0.0
    widest = line.largest / line.levels[-1]
    start = min(widest * np.geomspace(_SMALLEST, 1, _CANDIDATES), key=line.error)
    return line.alternate(float(start), 100)


def alternate(
    weights: np.ndarray,
    levels: np.ndarray,
    scale: float,
    rounds: int = 20,
    target: np.ndarray | None = None,
) -> float:
    """Alternates nearest levels V of weights / a and a = (target · V) / (V · V) (papers 1, 4).

    Args:
        weights: Any shape, any float type, finite.
        levels: `[k]`, ascending and symmetric about 0.
        scale: Where to start.
        rounds: At most so many; it ends before when nothing changes.
        target: What a · V shall be near to, of the shape of `weights`; None: the weights.

    Returns:
        The scale; `scale` itself where all nearest levels are 0, and the last positive one where
        `target` asks for none.
    """
    return _Magnitudes(weights, levels, target).alternate(scale, rounds)


class _Magnitudes:
    """Sorted magnitudes; running sums of the target, its signs relative to the weights'.

    Symmetric levels need no more than that.
    """

    def __init__(self, weights: np.ndarray, levels: np.ndarray, target: np.ndarray | None = None):
        weights = np.asarray(weights, np.float32).reshape(-1)
        values = np.abs(weights)
        if target is None:  # sorting alone is several times as fast as sorting along
            values = along = np.sort(values).astype(np.float64)
        else:
            order = np.argsort(values)
            along = np.sign(weights) * np.asarray(target, np.float32).reshape(-1)
            values, along = (x[order].astype(np.float64) for x in (values, along))
        self.values = values
        self.sums = np.concatenate([[0.0], np.cumsum(along)])
        self.squares = float(np.sum(along**2))
        self.levels = np.asarray(levels, np.float64)
        self.levels = self.levels[self.levels >= 0]

    @property
    def largest(self) -> float:
        return float(self.values[-1])

    def products(self, scale: float) -> tuple[float, float]:
        """(target · V, V · V) with V the nearest levels of weights / scale."""
        inner = np.searchsorted(self.values, scale * (self.levels[:-1] + self.levels[1:]) / 2)
        bounds = np.concatenate([[0], inner, [len(self.values)]])
        across = float(self.levels @ np.diff(self.sums[bounds]))
        return across, float(self.levels**2 @ np.diff(bounds))

    def error(self, scale: float) -> float:
        across, within = self.products(scale)
        return self.squares - 2 * scale * across + scale**2 * within

    def alternate(self, scale: float, rounds: int) -> float:
        for _ in range(rounds):
            across, within = self.products(scale)
            if across <= 0 or across / within == scale:
                break
            scale = across / within
        return scale
