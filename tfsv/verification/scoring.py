"""Cosine scores of trials, and voiceprints from several recordings."""

import numpy as np
from numpy.typing import ArrayLike

from tfsv.errors import InputError
from tfsv.verification.trials import Trials

_CHUNK = 2048  # trials at a time: both sides of 256 dimensions stay in the processor's cache


def trial_scores(
    embeddings: np.ndarray, trials: Trials, *, mean: np.ndarray | None = None
) -> np.ndarray:
    """Scores a trial list by cosine. An enrolment of several recordings is their voiceprint.

    Example:
        >>> trials = read_trials("lists/trials.lst")
        >>> scores = trial_scores(extract_embeddings(model, paths), trials)

    Args:
        embeddings: Embeddings of `trials.names`, float `[names, dimensions]`, of any length.
        trials: The trials.
        mean: A vector that is subtracted from every embedding before it is normalised, float
            `[dimensions]`.

    Returns:
        The scores, float32 `[trials]`, -1 to 1.

    Raises:
        InputError: A shape is wrong, or an embedding is NaN or zero.
    """
    if trials.enrolments:
        unit = normalised(embeddings, mean=mean)
        enrolled = [voiceprint(unit[list(one.recordings)]) for one in trials.enrolments]
        embeddings, mean = np.concatenate([unit, np.stack(enrolled)]), None
    return cosine_scores(embeddings, trials.enrol, trials.test, mean=mean)


def cosine_scores(
    embeddings: np.ndarray,
    enrol: ArrayLike,
    test: ArrayLike,
    *,
    mean: np.ndarray | None = None,
) -> np.ndarray:
    """Scores trials by the cosine between their two embeddings.

    Each trial is scored from its own two embeddings: no statistic of the list enters. A `mean` must
    therefore come from other speech, as WeSpeaker subtracts the mean embedding of VoxCeleb2-dev.

    Example:
        >>> embeddings = np.array([[1, 0], [0, 2], [3, 3]], np.float32)
        >>> cosine_scores(embeddings, enrol=[0, 0], test=[1, 2])
        array([0.       , 0.7071068], dtype=float32)

    Args:
        embeddings: The embeddings, float `[utterances, dimensions]`, of any length.
        enrol: Rows of the enrolment side, int `[trials]`.
        test: Rows of the test side, int `[trials]`.
        mean: A vector that is subtracted from every embedding before it is normalised, float
            `[dimensions]`.

    Returns:
        The scores, float32 `[trials]`, -1 to 1.

    Raises:
        InputError: A shape is wrong, a row does not exist, or an embedding is NaN or zero.
    """
    enrol, test = np.asarray(enrol), np.asarray(test)
    if enrol.ndim != 1 or enrol.shape != test.shape:
        raise InputError(
            f"trials have one enrolment and one test side each, received {enrol.shape} and"
            f" {test.shape}"
        )
    unit = normalised(embeddings, mean=mean)
    for side in (enrol, test):
        if len(side) and not 0 <= side.min() <= side.max() < len(unit):
            raise InputError(
                f"trials name embeddings {side.min()} to {side.max()}, there are {len(unit)}"
            )
    scores = np.empty(len(enrol), np.float32)
    for start in range(0, len(scores), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        np.einsum("nd,nd->n", unit[enrol[chunk]], unit[test[chunk]], out=scores[chunk])
    return np.clip(scores, -1, 1, out=scores)


def normalised(embeddings: np.ndarray, *, mean: np.ndarray | None = None) -> np.ndarray:
    """Returns the embeddings with length 1.

    Example:
        >>> normalised(np.array([[3.0, 4.0]]))
        array([[0.6, 0.8]], dtype=float32)

    Args:
        embeddings: The embeddings, float `[utterances, dimensions]`, of any length.
        mean: A vector that is subtracted first, float `[dimensions]`.

    Returns:
        The embeddings, float32 `[utterances, dimensions]`, a new array.

    Raises:
        InputError: A shape is wrong, or an embedding is NaN, infinite or zero.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2:
        raise InputError(
            f"embeddings have the shape [utterances, dimensions], received {embeddings.shape}"
        )
    if mean is not None:
        if np.shape(mean) != embeddings.shape[1:]:
            raise InputError(
                f"a mean of {embeddings.shape[1]} dimensions is needed, received {np.shape(mean)}"
            )
        embeddings = embeddings - mean
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(broken):
        raise InputError(
            f"embedding {broken[0]} is NaN, infinite or zero ({len(broken)} such); the model is"
            " broken or was given bad audio"
        )
    return (embeddings / lengths).astype(np.float32, copy=False)


def voiceprint(embeddings: np.ndarray) -> np.ndarray:
    """Makes one enrolment from several recordings of a speaker.

    Each embedding is normalised first, so that every recording counts the same; their mean is
    normalised again. The papers enrol with one recording and are silent here; the choice is ours
    and the field's usual one.

    Example:
        >>> enrolled = voiceprint(extract_embeddings(model, ["ann-1.wav", "ann-2.wav"]))
        >>> score = enrolled @ embed_file(model, "test.wav")

    Args:
        embeddings: Embeddings of the speaker, float `[recordings, dimensions]`, at least one.

    Returns:
        The voiceprint, float32 `[dimensions]`, of length 1.

    Raises:
        InputError: There is no recording, or an embedding is NaN, infinite or zero.
    """
    if not len(embeddings):
        raise InputError("an enrolment needs at least one recording")
    return normalised(normalised(embeddings).mean(axis=0, keepdims=True))[0]
