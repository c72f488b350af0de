"""Draws of the bootstrap: how often each item counts when items or people are drawn anew."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfsv.errors import InputError

Draw = Callable[[np.random.Generator], np.ndarray]
"""Function from a generator to how often each item counts, int64 `[items]`."""


def draw_items(count: int) -> Draw:
    """Draws of items with replacement.

    Example:
        >>> int(draw_items(10)(np.random.default_rng(0)).sum())
        10

    Args:
        count: Number of items.
    """
    return lambda generator: np.bincount(generator.integers(count, size=count), minlength=count)


def draw_people(first: ArrayLike, second: ArrayLike) -> Draw:
    """Draws with replacement of the people whom items are of.

    Items of one list share people, so they are not independent, and draws of items give intervals
    that are far too narrow. An item of two people counts (draws of the one) × (draws of the other)
    times. An item of one person counts as often as the person was drawn.

    Example:
        >>> draw_people(["a", "a"], ["b", "a"])(np.random.default_rng(0)).shape
        (2,)

    Args:
        first: One person of each item, `[items]` of any type that sorts.
        second: The other person of each item, or the same one, `[items]`.

    Raises:
        InputError: The lists have two lengths.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 1 or first.shape != second.shape:
        raise InputError(
            f"a bootstrap needs two people for each item, received shapes {first.shape} and "
            f"{second.shape}"
        )
    names, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, other = places.reshape(2, -1)
    within = one == other

    def draw(generator: np.random.Generator) -> np.ndarray:
        times = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
        return times[one] * np.where(within, 1, times[other])

    return draw


def drawn_values(
    draw: Draw, value: Callable[[np.ndarray], Any], *, replicates: int, seed: int, too_few: str
) -> np.ndarray:
    """Values of so many draws, the same draws for one seed.

    A draw that has no value is repeated, up to as often as there are replicates.

    Example:
        >>> mean = lambda counts: counts @ [1.0, 3.0] / 2
        >>> drawn_values(draw_items(2), mean, replicates=9, seed=0, too_few="none").shape
        (9,)

    Args:
        draw: What draws.
        value: Function from how often each item counts to a value, or None.
        replicates: Number of values, at least 1.
        seed: Seed of the draws.
        too_few: Message where most draws have no value.

    Returns:
        The values, float64 `[replicates, ...]`.

    Raises:
        InputError: No values are asked for, or most draws have none.
    """
    if replicates < 1:
        raise InputError(f"a bootstrap needs at least 1 replicate, received {replicates}")
    generator = np.random.default_rng(seed)
    values: list[Any] = []
    for _ in range(2 * replicates):
        found = value(draw(generator))
        if found is not None:
            values.append(found)
        if len(values) == replicates:
            return np.array(values)
    raise InputError(too_few)


def percentiles(replicates: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval of a bootstrap.

    Example:
        >>> percentiles(np.arange(101.0), 0.9)
        (5.0, 95.0)

    Args:
        replicates: A metric of each draw, float `[draws]`.
        confidence: Probability that the interval covers, between 0 and 1.

    Returns:
        The lower and the upper end.

    Raises:
        InputError: The confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise InputError(f"a bootstrap needs a confidence between 0 and 1, received {confidence}")
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
