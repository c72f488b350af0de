"""The ranges of the angle between two talkers by which paper 4 reports."""

import numpy as np

EDGES = (0.0, 15.0, 45.0, 90.0, 180.0)
"""Ends of the ranges, degrees. An angle at an inner edge belongs to the upper range."""

NAMES = ("0-15", "15-45", "45-90", "90-180")
"""Names of the ranges in tables."""

NO_RANGE = -1
"""Number in place of a range where fewer than two talkers speak."""


def range_of(degrees: float | np.ndarray) -> np.ndarray:
    """The number of the range that an angle between two talkers is in.

    Example:
        >>> range_of([3.0, 15.0, 180.0])
        array([0, 1, 3])

    Args:
        degrees: Angles from 0 to 180, of any shape.

    Returns:
        Numbers from 0 to 3, of the same shape.
    """
    return np.clip(np.searchsorted(EDGES, degrees, side="right") - 1, 0, len(NAMES) - 1)


def pairs_by_range(degrees: np.ndarray) -> list[np.ndarray]:
    """The ordered pairs of places whose directions differ by an angle of each range.

    Example:
        >>> [len(pairs) for pairs in pairs_by_range(np.array([10.0, 20.0, 100.0]))]
        [2, 0, 2, 2]

    Args:
        degrees: Direction of each place, degrees `[places]`.

    Returns:
        For each range the pairs, int64 `[pairs, 2]`, sorted.
    """
    between = np.abs(degrees[:, np.newaxis] - degrees)
    ranges = np.where(np.eye(len(degrees), dtype=bool), NO_RANGE, range_of(between))
    return [np.argwhere(ranges == number) for number in range(len(NAMES))]
