"""Intervals of means over mixtures, whose talkers or which themselves are drawn anew."""

import numpy as np
from numpy.typing import ArrayLike

from tfsv.errors import InputError
from tfsv.resampling import draw_items, draw_people, drawn_values


def bootstrap_means(
    values: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    talkers: tuple[ArrayLike, ArrayLike] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Means over mixtures, of draws with replacement.

    Draw n of one seed takes the same mixtures whatever the values are. So the means of two systems
    on the same mixtures can be subtracted, and `tfsv.resampling.percentiles` of the differences is
    a paired interval. Paper 4 tests pairs too (MAPSSWE); the bootstrap is our choice, since
    mixtures share talkers.

    Example:
        >>> gains = np.array([[3.0, 2.5], [5.0, 4.75]])  # of two systems
        >>> drawn = bootstrap_means(gains, replicates=100)
        >>> low, high = percentiles(drawn[:, 0] - drawn[:, 1])

    Args:
        values: Values of each mixture, float `[mixtures]` or `[mixtures, systems]`, such as SI-SNR
            or errors of words.
        weights: What is divided by, float `[mixtures]`, such as numbers of words. None: it is 1.
        talkers: The talker who is asked for and the other one, each `[mixtures]`. Where there is no
            other one, the same name stands twice. Then talkers are drawn, as `draw_people` does.
            None: mixtures are drawn.
        replicates: Number of draws, at least 1. A draw without any weight is repeated.
        seed: Seed of the draws.

    Returns:
        The sums of values over the sums of weights, float64 `[replicates]` or
        `[replicates, systems]`.

    Raises:
        InputError: Numbers of values, weights and talkers differ, a value is not finite, there are
            no mixtures, or most draws have no weight because there are too few talkers.
    """
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    if not values.size or weights.shape != values.shape[:1]:
        raise InputError(
            f"a bootstrap needs a value and a weight for each mixture, received shapes "
            f"{values.shape} and {weights.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(weights).all()):
        raise InputError("a bootstrap needs finite values, received NaN or infinity")
    draw = draw_items(len(values)) if talkers is None else draw_people(*talkers)

    def mean(counts: np.ndarray) -> np.ndarray | None:
        if counts.shape != weights.shape:
            raise InputError(
                f"a bootstrap needs two talkers for each of {len(values)} mixtures, received "
                f"{len(counts)}"
            )
        total = counts @ weights
        return counts @ values / total if total else None

    return drawn_values(
        draw, mean, replicates=replicates, seed=seed,
        too_few="too few talkers for a bootstrap: most draws have no mixture of two of them",
    )  # fmt: skip
