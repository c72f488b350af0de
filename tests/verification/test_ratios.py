"""Log-likelihood ratios: their cost, and the regression that makes them, against scikit-learn."""

import numpy as np
import pytest
import sklearn.isotonic
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.verification.calibration import Calibration, balanced_weights, quality_table
from tfsv.verification.cllr import act_dcf, cllr, min_cllr
from tfsv.verification.metrics import min_dcf
from tfsv.verification.voices import Sound


def _trials(count=3_000, seed=0):
    """Scores that are better for long recordings of one level, with a third of them targets."""
    random = np.random.default_rng(seed)
    labels = (random.uniform(size=count) < 1 / 3).astype(int)
    enrol, test = (
        np.stack(
            [
                random.uniform(0.5, 8, count),
                random.normal(-25, 6, count),
                random.normal(0.3, 0.1, count),
            ],
            axis=1,
        )
        for _ in range(2)
    )
    help = np.log(enrol[:, 0] * test[:, 0]) - 0.05 * np.abs(enrol[:, 1] - test[:, 1])
    scores = random.normal(size=count) + labels * (1.5 + 0.5 * help)
    scores -= 3 * (enrol[:, 2] + test[:, 2])
    return scores, labels, enrol, test


def test_min_cllr_is_that_of_isotonic_regression():
    random = np.random.default_rng(3)
    labels = np.repeat([1, 0], [40, 160])
    scores = np.round(random.normal(size=200) + labels, 1)  # with ties
    weights = np.where(labels == 1, 1 / 40, 1 / 160)
    regression = sklearn.isotonic.IsotonicRegression().fit(scores, labels, sample_weight=weights)
    posteriors = np.clip(regression.predict(scores), 1e-300, 1 - 1e-16)
    expected = cllr(np.log(posteriors) - np.log1p(-posteriors), labels)
    assert min_cllr(scores, labels) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=4, max_size=40))
@settings(max_examples=100, deadline=None)
def test_min_cllr_bounds_every_rising_map(pairs):
    scores = np.array([score for score, _ in pairs], float)
    labels = np.array([int(label) for _, label in pairs])
    if set(labels) != {0, 1}:
        return
    lowest = min_cllr(scores, labels)
    assert 0 <= lowest <= 1 + 1e-12
    for factor, offset in ((1, 0), (0.2, 1), (3, -2)):
        assert lowest <= cllr(factor * scores + offset, labels) + 1e-12
    assert min_cllr(np.exp(scores), labels) == pytest.approx(lowest)


def test_act_dcf_by_counting():
    ratios = np.array([5.0, 4.0, -1.0, 4.7, 0.0])
    labels = np.array([1, 1, 1, 0, 0])
    # The threshold is ln 99 = 4.595: one target of three passes, and one impostor of two.
    assert act_dcf(ratios, labels, 0.01) == pytest.approx((0.01 * 2 / 3 + 0.99 / 2) / 0.01)
    assert act_dcf(ratios, labels, 0.01) >= min_dcf(ratios, labels, 0.01)


@pytest.mark.parametrize("p_target", [0.5, 0.1])
def test_agrees_with_scikit_learn(p_target):
    scores, labels, enrol, test = _trials()
    found = Calibration.fitted(scores, labels, enrol, test, p_target=p_target)
    duration = np.log(found.duration.within(enrol[:, 0]) * found.duration.within(test[:, 0]))
    level = found.level.within(np.abs(enrol[:, 1] - test[:, 1]))
    mean = found.imposter_mean.within(enrol[:, 2]) + found.imposter_mean.within(test[:, 2])
    columns = np.stack([scores, duration, level, mean], axis=1)
    weights = np.where(labels == 1, p_target / labels.sum(), (1 - p_target) / (1 - labels).sum())
    reference = sklearn.linear_model.LogisticRegression(C=1e8, tol=1e-10, max_iter=10_000)
    reference.fit(columns, labels, sample_weight=weights * len(labels))
    expected = reference.decision_function(columns) - np.log(p_target / (1 - p_target))
    np.testing.assert_allclose(found.ratios(scores, enrol, test), expected, atol=0.02)


def test_quality_measures_make_ratios_better_and_ratios_rise_with_scores():
    scores, labels, enrol, test = _trials()
    found = Calibration.fitted(scores, labels, enrol, test)
    blind = np.full_like(enrol, np.nan)
    without = Calibration.fitted(scores, labels, blind, blind)
    fresh = _trials(seed=1)
    assert cllr(found.ratios(fresh[0], *fresh[2:]), fresh[1]) < cllr(
        without.ratios(fresh[0], *fresh[2:]), fresh[1]
    )
    assert without.duration.weight == without.level.weight == 0
    assert without.imposter_mean is None and found.imposter_mean.weight > 0
    assert found.score > 0 and found.duration.weight < 0


def test_exchanged_sides_have_the_same_ratio_and_unknown_ones_count_as_typical():
    scores, labels, enrol, test = _trials()
    found = Calibration.fitted(scores, labels, enrol, test)
    np.testing.assert_allclose(
        found.ratios(scores, enrol, test), found.ratios(scores, test, enrol), atol=1e-12
    )
    typical = quality_table([Sound(found.duration.typical, -20.0)])
    other = quality_table([Sound(found.duration.typical, -20.0 - found.level.typical)])
    unknown = quality_table([None])
    assert found.ratios([1.0], unknown, unknown) == pytest.approx(
        found.ratios([1.0], typical, other)
    )
    endless, long = (quality_table([Sound(s, -20.0)]) for s in (1e6, found.duration.highest))
    assert found.ratios([1.0], endless, typical) == found.ratios([1.0], long, typical)


def test_groups_count_alike():
    labels = np.array([1, 1, 1, 0, 0, 1, 0])
    groups = np.array(["big", "big", "big", "big", "big", "small", "small"])
    weights = balanced_weights(labels, groups)
    np.testing.assert_allclose(weights, [1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4, 1 / 2, 1 / 2])


def test_trials_without_error_and_trials_that_say_the_contrary():
    blank = quality_table([None] * 4)
    labels = np.array([1, 1, 0, 0])
    found = Calibration.fitted(np.array([2.0, 3.0, -2.0, -3.0]), labels, blank, blank)
    assert np.isfinite([found.offset, found.score]).all() and found.score > 0
    with pytest.raises(InputError, match="higher scores do not mean the same speaker"):
        Calibration.fitted(np.array([-2.0, -3.0, 2.0, 3.0]), labels, blank, blank)
    with pytest.raises(InputError, match="needs target and non-target"):
        Calibration.fitted(np.zeros(4), np.ones(4, int), blank, blank)
