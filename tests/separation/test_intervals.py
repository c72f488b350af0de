"""Intervals cover what they should, are paired, and count talkers who are drawn twice."""

import collections

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.resampling import draw_people, percentiles
from tfsv.separation.intervals import bootstrap_means


def test_means_of_mixtures_spread_as_the_standard_error_says():
    values = np.random.default_rng(0).normal(5, 2, 400)
    drawn = bootstrap_means(values, replicates=2000)
    assert drawn.shape == (2000,)
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(values.std() / 20, rel=0.06)
    low, high = percentiles(drawn)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)


def test_draws_of_talkers_are_those_of_a_loop():
    random = np.random.default_rng(1)
    first, second = random.choice(list("abcdef"), (2, 30))
    values = random.normal(size=(30, 2))
    words = random.integers(1, 9, 30)
    found = bootstrap_means(values, weights=words, talkers=(first, second), replicates=20, seed=4)
    names = sorted({*first, *second})
    generator = np.random.default_rng(4)
    for row in found:
        times = collections.Counter(
            names[i] for i in generator.integers(len(names), size=len(names))
        )
        above, below = np.zeros(2), 0
        for one, other, value, count in zip(first, second, values, words, strict=True):
            drawn = times[one] if one == other else times[one] * times[other]
            above, below = above + drawn * value, below + drawn * count
        np.testing.assert_allclose(row, above / below)


def test_talkers_who_differ_make_wider_intervals_than_mixtures():
    random = np.random.default_rng(2)
    talkers = random.integers(0, 10, (2, 300))
    values = random.normal(size=10)[talkers[0]] + 0.1 * random.normal(size=300)
    of_talkers = bootstrap_means(values, talkers=tuple(talkers)).std()
    assert of_talkers > 2 * bootstrap_means(values).std()


def test_differences_of_systems_are_paired():
    values = np.random.default_rng(3).normal(0, 10, 50)
    drawn = bootstrap_means(np.stack([values, values + 0.5], axis=1))
    assert percentiles(drawn[:, 1] - drawn[:, 0]) == pytest.approx((0.5, 0.5))
    again = bootstrap_means(values + 0.5)
    np.testing.assert_allclose(again, drawn[:, 1])


@pytest.mark.parametrize(
    "values, more, message",
    [
        ([], {}, "a value and a weight for each mixture"),
        ([1.0, 2.0], {"weights": [1.0]}, "a value and a weight for each mixture"),
        ([1.0, np.nan], {}, "finite values"),
        ([1.0, 2.0], {"talkers": (["a"], ["b"])}, "two talkers for each of 2 mixtures"),
        ([1.0], {"talkers": (["a"], ["a", "b"])}, "two people for each item"),
        ([1.0], {"replicates": 0}, "at least 1 replicate"),
        ([1.0, 2.0], {"weights": [0.0, 0.0]}, "too few talkers"),
    ],
)
def test_what_cannot_be_drawn_is_told(values, more, message):
    with pytest.raises(InputError, match=message):
        bootstrap_means(values, **more)


def test_percentiles_and_people_refuse_what_they_cannot_do():
    with pytest.raises(InputError, match="a confidence between 0 and 1, received 1"):
        percentiles([1.0], 1)
    assert draw_people(["a"], ["a"])(np.random.default_rng(0)).tolist() == [1]
