"""Error rates against scikit-learn's ROC, brute force and cases computed by hand."""

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.verification.metrics import (
    DetPoints,
    bootstrap_interval,
    det_points,
    eer,
    min_dcf,
    threshold_at_eer,
    threshold_at_far,
)


def _normal_scores(targets, nontargets, seed=0, separation=2.0, decimals=None):
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.ones(targets, np.uint8), np.zeros(nontargets, np.uint8)])
    scores = generator.normal(size=len(labels)) + separation * labels
    if decimals is not None:
        scores = scores.round(decimals)
    order = generator.permutation(len(labels))
    return scores[order], labels[order]


def _reference_roc(scores, labels):
    false_accepts, detected, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    return false_accepts, 1 - detected


def _reference_eer(scores, labels):
    """Root of the piecewise linear curve, walked along its length."""
    false_accepts, false_rejects = _reference_roc(scores, labels)
    way = np.arange(len(false_accepts))

    def gap(place):
        return np.interp(place, way, false_rejects) - np.interp(place, way, false_accepts)

    place = scipy.optimize.brentq(gap, 0, way[-1], xtol=1e-13, rtol=1e-15)
    return np.interp(place, way, false_accepts)


def _reference_min_dcf(scores, labels, p_target, c_miss=1, c_fa=1):
    false_accepts, false_rejects = _reference_roc(scores, labels)
    costs = c_miss * p_target * false_rejects + c_fa * (1 - p_target) * false_accepts
    return min(costs) / min(c_miss * p_target, c_fa * (1 - p_target))


scored_trials = st.lists(
    st.tuples(st.integers(-6, 6).map(lambda k: k / 7), st.booleans()), min_size=2, max_size=40
).filter(lambda trials: len({label for _, label in trials}) == 2)


@settings(max_examples=150, deadline=None)
@given(scored_trials)
def test_agrees_with_scikit_learn_with_ties(trials):
    scores, labels = map(np.array, zip(*trials, strict=True))
    points = det_points(scores, labels)
    false_accepts, false_rejects = _reference_roc(scores, labels)
    np.testing.assert_allclose(points.false_accepts, false_accepts, atol=1e-12)
    np.testing.assert_allclose(points.false_rejects, false_rejects, atol=1e-12)
    assert eer(scores, labels) == pytest.approx(_reference_eer(scores, labels), abs=1e-9)
    for p_target in (0.01, 0.05, 0.5):
        expected = _reference_min_dcf(scores, labels, p_target)
        assert min_dcf(scores, labels, p_target) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_scikit_learn_on_many_trials(decimals, dtype):
    scores, labels = _normal_scores(3_000, 40_000, decimals=decimals)
    scores = scores.astype(dtype)
    assert eer(scores, labels) == pytest.approx(_reference_eer(scores, labels), abs=1e-9)
    for costs in ((0.01, 1, 1), (0.05, 1, 1), (0.01, 10, 1)):
        expected = _reference_min_dcf(scores, labels, *costs)
        assert min_dcf(scores, labels, *costs) == pytest.approx(expected, abs=1e-9)


def test_normal_scores_have_the_eer_of_theory():
    scores, labels = _normal_scores(100_000, 100_000)
    assert eer(scores, labels) == pytest.approx(scipy.stats.norm.cdf(-1), abs=0.002)


@pytest.mark.parametrize(
    ("targets", "nontargets", "expected"),
    [
        ([0.9, 0.8], [0.2, 0.1], 0.0),
        ([0.1, 0.2], [0.8, 0.9], 1.0),
        ([0.5, 0.5], [0.5, 0.5, 0.5], 0.5),
        ([0.9, 0.4], [0.6, 0.1], 0.5),
        ([0.9, 0.8, 0.3], [0.5, 0.2, 0.1], 1 / 3),
        ([2, 1], [1, 0, 0], 0.2),  # from (0, 1/2) to (1/3, 0): crosses where x = 1/2 − 3x/2
    ],
)
def test_eer_by_hand(targets, nontargets, expected):
    scores = np.array(targets + nontargets)
    labels = np.array([1] * len(targets) + [0] * len(nontargets))
    assert eer(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_min_dcf_by_hand_and_useless_system():
    # Rejecting the target at 0.4 costs 0.01/3; accepting one of two impostors would cost 0.495.
    assert min_dcf([0.9, 0.8, 0.4, 0.6, 0.1], [1, 1, 1, 0, 0]) == pytest.approx(1 / 3)
    assert min_dcf([0.5] * 4, [1, 1, 0, 0], 0.05) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(scored_trials)
def test_order_and_monotone_maps_of_scores_change_nothing(trials):
    scores, labels = map(np.array, zip(*trials, strict=True))
    reference = eer(scores, labels)
    assert 0 <= reference <= 1
    assert eer(scores[::-1], labels[::-1]) == reference
    assert eer(np.exp(scores) * 3, labels) == pytest.approx(reference, abs=1e-12)
    assert eer(-scores, 1 - labels) == pytest.approx(reference, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(scored_trials, st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_threshold_at_far_is_the_lowest_observed_that_keeps_the_rate(trials, far):
    scores, labels = map(np.array, zip(*trials, strict=True))
    nontargets = scores[~labels]
    if len(nontargets) * far < 1:
        with pytest.raises(InputError, match="non-target trials"):
            threshold_at_far(scores, labels, far)
        return
    threshold = threshold_at_far(scores, labels, far)
    assert np.mean(nontargets >= threshold) <= far
    for lower in scores[scores < threshold]:
        assert np.mean(nontargets >= lower) > far


def test_threshold_at_far_above_all_scores_when_the_best_are_impostors():
    threshold = threshold_at_far([0.9, 0.9, 0.1], [0, 0, 1], 0.5)
    assert 0.9 < threshold < 0.9000001


def test_threshold_at_eer_gives_the_eer():
    scores, labels = _normal_scores(20_000, 50_000)
    threshold = threshold_at_eer(scores, labels)
    rate = eer(scores, labels)
    assert np.mean(scores[labels == 0] >= threshold) == pytest.approx(rate, abs=1e-4)
    assert np.mean(scores[labels == 1] < threshold) == pytest.approx(rate, abs=1e-4)
    assert threshold_at_eer([0.9, 0.7, 0.3, 0.1], [1, 1, 0, 0]) == pytest.approx(0.5)
    assert threshold_at_eer([0.5, 0.5], [1, 0]) == 0.5


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, 0.2], [1, 1], "received 2 and 0"),
        ([0.1, 0.2], [0, 0], "received 0 and 2"),
        ([], [], "received 0 and 0"),
        ([0.1, np.nan], [0, 1], "1 of 2 scores are NaN"),
        ([0.1, np.inf], [0, 1], "NaN or infinite"),
        ([0.1, 0.2], [0, 2], "labels must be 1"),
        ([0.1, 0.2, 0.3], [0, 1], "one length"),
        ([[0.1, 0.2]], [[0, 1]], "one length"),
    ],
)
def test_bad_scores_and_labels(scores, labels, message):
    with pytest.raises(InputError, match=message):
        eer(scores, labels)


def test_bad_parameters():
    scores, labels = [0.1, 0.9], [0, 1]
    for p_target in (0, 1, -0.1):
        with pytest.raises(InputError, match="prior between 0 and 1"):
            min_dcf(scores, labels, p_target)
    for far in (0, 1):
        with pytest.raises(InputError, match="between 0 and 1"):
            threshold_at_far(scores, labels, far)
    with pytest.raises(InputError, match="at least 1,000 non-target trials, received 1"):
        threshold_at_far(scores, labels, 0.001)
    with pytest.raises(InputError, match="confidence"):
        bootstrap_interval(scores, labels, confidence=1)


def test_bootstrap_of_trials_matches_resampling_by_hand():
    scores, labels = _normal_scores(60, 200, separation=1.5, decimals=1)
    low, high = bootstrap_interval(scores, labels, replicates=300, seed=5)
    generator = np.random.default_rng(5)
    rates = []
    order = np.argsort(-scores, kind="stable")
    for _ in range(300):
        drawn = order[generator.integers(len(scores), size=len(scores))]
        rates.append(_reference_eer(scores[drawn], labels[drawn]))
    assert (low, high) == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=1e-9)
    assert low < eer(scores, labels) < high


def test_bootstrap_of_trials_covers_as_often_as_it_says():
    truth = scipy.stats.norm.cdf(-0.75)
    covered = 0
    for seed in range(60):
        scores, labels = _normal_scores(150, 150, seed=seed, separation=1.5)
        low, high = bootstrap_interval(scores, labels, replicates=150, confidence=0.9, seed=seed)
        covered += low <= truth <= high
    assert 46 <= covered <= 60  # 54 expected, standard deviation 2.3


def _trials_of_speakers(generator, speakers=20, utterances=4):
    """All pairs of utterances, with scores that depend on who speaks."""
    who = np.repeat(np.arange(speakers), utterances)
    ease = generator.normal(size=speakers)
    enrol, test = np.triu_indices(len(who), 1)
    first, second = who[enrol], who[test]
    labels = first == second
    scores = 2.0 * labels + 0.7 * (ease[first] + ease[second]) * np.where(labels, 1, -1)
    return scores + 0.3 * generator.normal(size=len(labels)), labels, (first, second)


def test_bootstrap_of_speakers_counts_a_pair_as_often_as_both_were_drawn():
    scores, labels, speakers = _trials_of_speakers(np.random.default_rng(3), speakers=6)
    low, high = bootstrap_interval(scores, labels, speakers=speakers, replicates=100, seed=8)
    generator = np.random.default_rng(8)
    rates = []
    for _ in range(100):
        times = np.bincount(generator.integers(6, size=6), minlength=6)
        repeats = [
            times[a] if a == b else times[a] * times[b] for a, b in zip(*speakers, strict=True)
        ]
        rates.append(_reference_eer(np.repeat(scores, repeats), np.repeat(labels, repeats)))
    assert (low, high) == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=1e-9)


def test_bootstrap_of_speakers_is_wider_because_trials_share_speakers():
    scores, labels, speakers = _trials_of_speakers(np.random.default_rng(1))
    by_trial = bootstrap_interval(scores, labels, replicates=200)
    by_speaker = bootstrap_interval(scores, labels, speakers=speakers, replicates=200)
    assert np.diff(by_speaker) > 2 * np.diff(by_trial)


def test_bootstrap_repeats_with_its_seed_and_takes_other_metrics():
    scores, labels, (first, second) = _trials_of_speakers(np.random.default_rng(2), speakers=8)
    names = np.array([f"speaker {k}" for k in range(8)])

    def interval(metric, seed):
        return bootstrap_interval(
            scores,
            labels,
            metric,
            speakers=(names[first], names[second]),
            replicates=50,
            seed=seed,
        )

    assert interval(DetPoints.eer, 1) == interval(DetPoints.eer, 1)
    assert interval(DetPoints.eer, 1) != interval(DetPoints.eer, 2)
    low, high = interval(lambda points: points.min_dcf(0.05), 1)
    assert low <= min_dcf(scores, labels, 0.05) <= high


def test_bootstrap_needs_speakers_enough_and_of_each_trial():
    with pytest.raises(InputError, match="too few speakers"):
        bootstrap_interval([0.9, 0.1], [1, 0], speakers=(["a", "a"], ["a", "b"]), replicates=200)
    with pytest.raises(InputError, match="each of the 2 trials"):
        bootstrap_interval([0.9, 0.1], [1, 0], speakers=(["a"], ["a"]))
