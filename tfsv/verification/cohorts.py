"""Cohorts: speakers whom nobody in a trial is, from many recordings to tens of kilobytes."""

from collections.abc import Sequence

import numpy as np

from tfsv.errors import InputError
from tfsv.verification.normalisation import unit_rows

_ROUNDS = 50  # of k-means; it converges before on tens of thousands of speakers


def speaker_means(embeddings: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """The mean of each speaker's normalised embeddings, normalised again.

    Example:
        >>> cohort = speaker_means(extract_embeddings(model, paths), speakers)

    Args:
        embeddings: Embeddings, float `[recordings, dimensions]`, of any length.
        speakers: Speaker of each recording.

    Returns:
        The means, float64 `[speakers, dimensions]`, in the order of the speakers' names. Means
        that cancel are left out.

    Raises:
        InputError: An embedding is NaN, infinite or zero.
    """
    names, rows = np.unique(np.asarray(speakers), return_inverse=True)
    sums = np.zeros((len(names), np.shape(embeddings)[1]))
    np.add.at(sums, rows, unit_rows(embeddings))
    return unit_rows(sums[np.linalg.norm(sums, axis=1) > 1e-9])


def smaller_cohort(means: np.ndarray, size: int, seed: int = 0) -> np.ndarray:
    """So many directions that stand for all speakers: k-means on the sphere.

    A direction stands for several speakers, so that the file holds no single speaker's voiceprint.
    On development trials it normalises as well as the speakers nearest to each, and better than
    speakers drawn at random (docs/results/scores.md).

    Example:
        >>> smaller_cohort(speaker_means(embeddings, speakers), 200).shape
        (200, 128)

    Args:
        means: Speakers, float `[speakers, dimensions]`.
        size: Number of directions. With as many or more, all speakers are kept.
        seed: Seed of the first choice.

    Returns:
        The directions, float64 `[size, dimensions]`, of length 1.
    """
    means = unit_rows(means)
    if size >= len(means):
        return means
    centres = _spread(means, size, np.random.default_rng(seed))
    nearest = None
    for _ in range(_ROUNDS):
        cosines = means @ centres.T
        found = cosines.argmax(axis=1)
        if nearest is not None and (found == nearest).all():
            break
        nearest = found
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, means)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-9, sums / np.maximum(lengths, 1e-9), centres)
    return centres


def int8_cohort(directions: np.ndarray) -> np.ndarray:
    """The directions as int8: each row is scaled so that its largest value is 127 or -127.

    Example:
        >>> int8_cohort(np.array([[0.5, 0.25]]))
        array([[127,  64]], dtype=int8)

    Args:
        directions: The cohort, float `[strangers, dimensions]`.

    Raises:
        InputError: There are fewer than 2, or one is NaN or zero.
    """
    directions = unit_rows(directions)
    if len(directions) < 2:
        raise InputError(f"a cohort has 2 speakers at least, received {len(directions)}")
    largest = np.abs(directions).max(axis=1, keepdims=True)
    return np.round(127 * directions / largest).astype(np.int8)


def _spread(means: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """First centres, each drawn with a chance that grows with its distance from those before."""
    chosen = [int(random.integers(len(means)))]
    nearest = means @ means[chosen[0]]
    while len(chosen) < size:
        chances = np.maximum(1 - nearest, 0)
        total = chances.sum()
        if total <= 0:  # the rest are copies of those chosen
            rest = np.setdiff1d(np.arange(len(means)), chosen)
            chosen.append(int(rest[0]))
        else:
            chosen.append(int(random.choice(len(means), p=chances / total)))
        nearest = np.maximum(nearest, means @ means[chosen[-1]])
    return means[chosen].copy()
