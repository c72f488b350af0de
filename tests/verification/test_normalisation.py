"""AS-Norm against a loop over trials, and S-Norm as its end."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.verification.normalisation import (
    LOWEST_DEVIATION,
    as_norm,
    cohort_statistics,
)


def _brute_force(first, second, cohort, top):
    """The formula of Matejka et al. 2017, for one trial."""

    def cosine(a, b):
        return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))

    score, halves = cosine(first, second), []
    for side in (first, second):
        highest = sorted((cosine(side, stranger) for stranger in cohort), reverse=True)[:top]
        mean = sum(highest) / len(highest)
        deviation = (sum((x - mean) ** 2 for x in highest) / len(highest)) ** 0.5
        halves.append((score - mean) / deviation)
    return sum(halves) / 2


@pytest.mark.parametrize("top", [2, 7, 30, 31, None])
def test_agrees_with_a_loop(top):
    random = np.random.default_rng(0)
    embeddings, cohort = random.normal(size=(12, 8)), random.normal(size=(30, 8)) + 0.5
    found = cohort_statistics(embeddings, cohort, top)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    enrol, test = np.arange(11), np.arange(1, 12)
    scores = as_norm((unit[enrol] * unit[test]).sum(axis=1), found.of(enrol), found.of(test))
    expected = [_brute_force(embeddings[i], embeddings[i + 1], cohort, top) for i in range(11)]
    np.testing.assert_allclose(scores, expected, atol=1e-10)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
@settings(max_examples=30, deadline=None)
def test_neither_lengths_nor_order_nor_ties_decide(seed, top):
    random = np.random.default_rng(seed)
    embeddings, cohort = random.normal(size=(3, 5)), random.normal(size=(9, 5))
    cohort[4] = cohort[2]  # two strangers who are equally alike to everyone
    found = cohort_statistics(embeddings, cohort, top)
    shuffled = cohort[random.permutation(9)] * random.uniform(0.1, 9, size=(9, 1))
    again = cohort_statistics(3 * embeddings, shuffled, top)
    np.testing.assert_allclose(again.means, found.means, atol=1e-12)
    np.testing.assert_allclose(again.deviations, found.deviations, atol=1e-12)


def test_many_embeddings_take_the_memory_of_a_few():
    random = np.random.default_rng(1)
    embeddings = random.normal(size=(20_000, 16)).astype(np.float32)
    cohort = random.normal(size=(3_000, 16))
    tracemalloc.start()
    found = cohort_statistics(embeddings, cohort, 50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6  # all cosines would be 480 MB
    row = cohort_statistics(embeddings[12_345:12_346], cohort, 50)
    assert found.means[12_345] == pytest.approx(row.means[0], abs=1e-12)


def test_a_cohort_of_equals_divides_by_no_zero():
    found = cohort_statistics(np.eye(2), np.ones((5, 2)))
    assert (found.deviations == LOWEST_DEVIATION).all()


@pytest.mark.parametrize(
    "embeddings, cohort, top, words",
    [
        (np.eye(3), np.eye(2), None, "2 dimensions, the embeddings 3"),
        (np.eye(2), np.eye(2), 1, "2 strangers at least, received 1"),
        (np.eye(2), np.array([[1, 0]]), None, "2 strangers at least"),
        (np.eye(2), np.array([[1, 0], [0, np.nan]]), None, "vector 1 is NaN"),
        (np.zeros((1, 2)), np.eye(2), None, "vector 0 is NaN, infinite or zero"),
    ],
)
def test_bad_cohorts(embeddings, cohort, top, words):
    with pytest.raises(InputError, match=words):
        cohort_statistics(embeddings, cohort, top)
