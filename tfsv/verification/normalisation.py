"""Adaptive symmetric normalisation of scores by a cohort (AS-Norm).

Every side of a trial is compared with a cohort of other speakers, and its highest cosines say how
alike it finds strangers. Matejka et al., *Analysis of score normalization in multilingual speaker
recognition*, Interspeech 2017, take the mean of the scores that both sides normalise. With the
whole cohort in place of the highest cosines this is S-Norm.

All is computed in float64, so that the order of a sum decides nothing that a decision could show.
"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from tfsv.errors import InputError

LOWEST_DEVIATION = 1e-3
"""Deviation of cosines below which none is taken, so that nothing is divided by zero.

Deviations of real speech are 0.01 and more; a cohort of equal vectors has none. The bound is our
choice.
"""

_CELLS = 1 << 20  # cosines at a time, 8 MB


@dataclasses.dataclass(frozen=True)
class CohortStatistics:
    """How alike each side of trials finds the strangers of a cohort that are most alike.

    Example:
        >>> found = cohort_statistics(embeddings, cohort, top=50)
        >>> as_norm(scores, found.of(trials.enrol), found.of(trials.test))

    Attributes:
        means: Means of the highest cosines, float64 `[sides]`.
        deviations: Standard deviations of the highest cosines, float64 `[sides]`, positive.
    """

    means: np.ndarray
    deviations: np.ndarray

    def of(self, sides: ArrayLike) -> "CohortStatistics":
        """The statistics of some sides, int `[trials]`, with one entry a trial."""
        sides = np.asarray(sides)
        return CohortStatistics(self.means[sides], self.deviations[sides])


def cohort_statistics(
    embeddings: np.ndarray, cohort: np.ndarray, top: int | None = None
) -> CohortStatistics:
    """Compares embeddings with a cohort, some rows at a time, so that memory does not grow.

    Example:
        >>> found = cohort_statistics(np.eye(2), np.array([[1, 0], [1, 1]]), top=1)
        >>> found.means
        array([1.        , 0.70710678])

    Args:
        embeddings: Embeddings, float `[sides, dimensions]`, of any length.
        cohort: Vectors of strangers, `[strangers, dimensions]`, of any length.
        top: Number of highest cosines that count. None, or more than there are: all of them.

    Returns:
        Mean and standard deviation (of the population) of the highest cosines of each embedding.

    Raises:
        InputError: `top` is below 2, the dimensions differ, or a vector is NaN or zero.
    """
    cohort = unit_rows(cohort)
    embeddings = unit_rows(embeddings)
    if embeddings.shape[1] != cohort.shape[1]:
        raise InputError(
            f"the cohort has {cohort.shape[1]} dimensions, the embeddings {embeddings.shape[1]};"
            " make it with the same model"
        )
    count = len(cohort) if top is None else min(top, len(cohort))
    if count < 2:
        raise InputError(f"a deviation needs 2 strangers at least, received {count}")
    rows = max(1, _CELLS // len(cohort))
    means, deviations = np.empty(len(embeddings)), np.empty(len(embeddings))
    for start in range(0, len(embeddings), rows):
        part = slice(start, start + rows)
        cosines = embeddings[part] @ cohort.T
        if count < len(cohort):
            cosines = np.partition(cosines, len(cohort) - count, axis=1)[:, -count:]
        means[part], deviations[part] = cosines.mean(axis=1), cosines.std(axis=1)
    return CohortStatistics(means, np.maximum(deviations, LOWEST_DEVIATION))


def as_norm(scores: ArrayLike, enrol: CohortStatistics, test: CohortStatistics) -> np.ndarray:
    """Mean of the scores as the enrolment and the test side normalise them.

    Example:
        >>> side = CohortStatistics(np.array([0.1]), np.array([0.2]))
        >>> as_norm([0.5], side, side)
        array([2.])

    Args:
        scores: Cosines `[trials]`.
        enrol: Statistics of the enrolment side of each trial.
        test: Statistics of the test side of each trial.

    Returns:
        The scores, float64 `[trials]`; about the number of deviations above strangers.
    """
    scores = np.asarray(scores, np.float64)
    first = (scores - enrol.means) / enrol.deviations
    second = (scores - test.means) / test.deviations
    return (first + second) / 2


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The rows of a matrix with length 1, float64.

    Example:
        >>> unit_rows(np.array([[3, 4]], np.int8))
        array([[0.6, 0.8]])

    Raises:
        InputError: A shape is wrong, or a row is NaN, infinite or zero.
    """
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2:
        raise InputError(f"vectors have the shape [rows, dimensions], received {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(broken):
        raise InputError(f"vector {broken[0]} is NaN, infinite or zero ({len(broken)} such)")
    return vectors / lengths
