"""Cosine scores and voiceprints."""

import time

import numpy as np
import pytest
import sklearn.metrics.pairwise

from tfsv.errors import InputError
from tfsv.verification.scoring import cosine_scores, normalised, voiceprint


def _embeddings(count, dimensions, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


def test_agrees_with_scikit_learn_over_several_chunks():
    generator = np.random.default_rng(1)
    embeddings = 7 * _embeddings(40, 16) + 1
    enrol, test = generator.integers(40, size=(2, 5_000))
    scores = cosine_scores(embeddings, enrol.astype(np.int32), test.astype(np.int32))
    reference = sklearn.metrics.pairwise.cosine_similarity(embeddings.astype(np.float64))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, reference[enrol, test], atol=2e-6)


def test_mean_is_subtracted_before_the_norm():
    embeddings = _embeddings(10, 4) + 5
    mean = embeddings.mean(axis=0)
    enrol, test = np.arange(9), np.arange(1, 10)
    scores = cosine_scores(embeddings, enrol, test, mean=mean)
    np.testing.assert_allclose(scores, cosine_scores(embeddings - mean, enrol, test), atol=1e-6)
    assert cosine_scores(embeddings, enrol, test).min() > 0.5 > scores.min()


def test_stays_within_one():
    embeddings = _embeddings(200, 256)
    everyone = np.arange(200)
    both = np.concatenate([embeddings, -embeddings])
    assert 0.999999 < cosine_scores(both, everyone, everyone).max() <= 1
    assert -1 <= cosine_scores(both, everyone, everyone + 200).min() < -0.999999


def test_580_000_trials_over_5_000_embeddings_in_two_seconds():
    embeddings = _embeddings(5_000, 256)
    enrol, test = np.random.default_rng(2).integers(5_000, size=(2, 580_000)).astype(np.int32)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        scores = cosine_scores(embeddings, enrol, test)
        times.append(time.perf_counter() - start)
    print(f"580,000 trials scored in {min(times):.2f} s")
    assert scores.shape == (580_000,)
    assert min(times) < 2


def test_bad_embeddings_and_trials():
    embeddings = _embeddings(3, 4)
    embeddings[1, 2] = np.nan
    with pytest.raises(InputError, match="embedding 1 is NaN"):
        cosine_scores(embeddings, [0], [2])
    embeddings[1] = 0
    with pytest.raises(InputError, match="embedding 1 is NaN, infinite or zero"):
        cosine_scores(embeddings, [0], [2])
    embeddings[1] = 1
    with pytest.raises(InputError, match="embeddings 3 to 3, there are 3"):
        cosine_scores(embeddings, [0], [3])
    with pytest.raises(InputError, match="embeddings -1 to"):
        cosine_scores(embeddings, [-1], [0])
    with pytest.raises(InputError, match="one enrolment and one test side"):
        cosine_scores(embeddings, [0, 1], [0])
    with pytest.raises(InputError, match="mean of 4 dimensions"):
        cosine_scores(embeddings, [0], [1], mean=np.zeros(3))
    with pytest.raises(InputError, match="utterances, dimensions"):
        cosine_scores(embeddings[0], [0], [1])


def test_no_trials_give_no_scores():
    assert cosine_scores(_embeddings(3, 4), np.array([], int), np.array([], int)).shape == (0,)


def test_voiceprint_weighs_recordings_alike():
    quiet, loud = _embeddings(2, 8)
    expected = quiet / np.linalg.norm(quiet) + loud / np.linalg.norm(loud)
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(voiceprint(np.stack([0.1 * quiet, 9 * loud])), expected, atol=1e-6)
    alone = normalised(quiet[np.newaxis])
    np.testing.assert_allclose(voiceprint(quiet[np.newaxis]), alone[0], atol=1e-6)
    with pytest.raises(InputError, match="at least one recording"):
        voiceprint(np.empty((0, 8)))
    with pytest.raises(InputError, match="zero"):
        voiceprint(np.stack([quiet, -quiet]))
