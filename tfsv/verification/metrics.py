"""Error rates of a verification system from its scores: EER, minDCF, DET, thresholds.

A trial is accepted when its score is at least the threshold. *False accepts* are counted among the
non-target trials, and *false rejects* among the target trials. Trials of equal score are accepted
or rejected together, so an operating point exists only between groups of equal scores.

Everything is float64 and O(n log n) in time, O(n) in memory. The points are those of scikit-learn's
`roc_curve(drop_intermediate=False)`.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfsv.errors import InputError
from tfsv.resampling import Draw, draw_items, draw_people, drawn_values, percentiles


@dataclasses.dataclass(frozen=True)
class DetPoints:
    """Every operating point of a system, from "accept none" to "accept all".

    Example:
        >>> points = det_points(scores, labels)
        >>> points.eer(), points.min_dcf(0.05), points.threshold_at_far(0.01)

    Attributes:
        false_accepts: Rates of false accepts, float64 `[points]`, ascending from 0 to 1.
        false_rejects: Rates of false rejects, float64 `[points]`, descending from 1 to 0.
        thresholds: Thresholds, float64 `[points]`, descending; the first is infinite.
        nontargets: Number of non-target trials behind the points.
    """

    false_accepts: np.ndarray
    false_rejects: np.ndarray
    thresholds: np.ndarray
    nontargets: int

    def eer(self) -> float:
        """Equal error rate, a fraction, at which the linearly interpolated ROC has equal errors."""
        after, share = self._crossing()
        before, behind = self.false_accepts[after - 1], self.false_accepts[after]
        return float(before + share * (behind - before))

    def min_dcf(self, p_target: float = 0.01, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
        """Minimum of the NIST detection cost over all thresholds, normalised.

        Args:
            p_target: Prior of a target trial; the field reports 0.01 and 0.05.
            c_miss: Cost of a false reject.
            c_fa: Cost of a false accept.

        Raises:
            InputError: The prior lies outside (0, 1), or a cost is not positive.
        """
        if not 0 < p_target < 1 or c_miss <= 0 or c_fa <= 0:
            raise InputError(
                f"minDCF needs a target prior between 0 and 1 and positive costs, received"
                f" p_target={p_target}, c_miss={c_miss}, c_fa={c_fa}"
            )
        miss, accept = c_miss * p_target, c_fa * (1 - p_target)
        costs = miss * self.false_rejects + accept * self.false_accepts
        return float(costs.min() / min(miss, accept))

    def threshold_at_eer(self) -> float:
        """Threshold at the EER, interpolated between the two scores around it.

        Where an operating point has exactly equal errors, it is the middle of the thresholds that
        give this point.
        """
        after, share = self._crossing()
        if share == 1 and after + 1 < len(self.thresholds):
            return float((self.thresholds[after] + self.thresholds[after + 1]) / 2)
        if after == 1:
            return float(self.thresholds[1])
        before, behind = self.thresholds[after - 1], self.thresholds[after]
        return float(before + share * (behind - before))

    def threshold_at_far(self, far: float) -> float:
        """Lowest observed threshold that accepts at most the fraction `far` of non-targets.

        Raises:
            InputError: `far` is not between 0 and 1, or one false accept is already more than
                `far`, so that the list cannot tell.
        """
        if not 0 < far < 1:
            raise InputError(f"a false-accept rate lies between 0 and 1, received {far}")
        if self.nontargets * far < 1 - 1e-9:
            raise InputError(
                f"a false-accept rate of {far:g} needs at least {int(np.ceil(1 / far - 1e-6)):,}"
                f" non-target trials, received {self.nontargets:,}; use a longer trial list"
            )
        last = int(np.searchsorted(self.false_accepts, far + 1e-12, side="right")) - 1
        if last == 0:
            return float(np.nextafter(self.thresholds[1], np.inf))
        return float(self.thresholds[last])

    def _crossing(self) -> tuple[int, float]:
        """Index of the first point with false rejects ≤ false accepts, and the share of the step.

        The share, 0 to 1, says how far from the point before it the errors are equal.
        """
        gaps = self.false_rejects - self.false_accepts
        after = int(np.argmax(gaps <= 0))
        return after, float(gaps[after - 1] / (gaps[after - 1] - gaps[after]))


def det_points(scores: ArrayLike, labels: ArrayLike) -> DetPoints:
    """Returns all operating points.

    Example:
        >>> points = det_points([0.9, 0.5, 0.75, 0.25], [1, 1, 0, 0])
        >>> points.false_rejects
        array([1. , 0.5, 0.5, 0. , 0. ])

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.

    Raises:
        InputError: The lengths differ, there is no target or no non-target trial, a label is not 0
            or 1, or a score is NaN or infinite.
    """
    return _Sorted.of(scores, labels).points()


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Equal error rate, a fraction from 0 to 1.

    The ROC is interpolated linearly between its points. This is neither the larger of the two
    rates at the nearest threshold nor the EER of the convex hull, which other tools report.

    Example:
        >>> eer([0.9, 0.5, 0.75, 0.25], [1, 1, 0, 0])
        0.5

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.

    Raises:
        InputError: The lengths differ, there is no target or no non-target trial, a label is not 0
            or 1, or a score is NaN or infinite.
    """
    return det_points(scores, labels).eer()


def min_dcf(
    scores: ArrayLike,
    labels: ArrayLike,
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Minimum of the NIST detection cost over all thresholds, normalised.

    The cost is `c_miss · p_target · FRR(t) + c_fa · (1 − p_target) · FAR(t)` at the threshold t.
    It is divided by the cost of the better of "accept all" and "accept none", so that 1 means
    useless.

    Example:
        >>> min_dcf([0.9, 0.5, 0.75, 0.25], [1, 1, 0, 0], p_target=0.05)
        0.5

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.
        p_target: Prior of a target trial; the field reports 0.01 and 0.05.
        c_miss: Cost of a false reject.
        c_fa: Cost of a false accept.

    Raises:
        InputError: The prior lies outside (0, 1), a cost is not positive, or `det_points` refuses
            scores or labels.
    """
    return det_points(scores, labels).min_dcf(p_target, c_miss, c_fa)


def threshold_at_eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Threshold at the EER, interpolated between the two scores around it.

    Example:
        >>> threshold_at_eer([0.9, 0.5, 0.75, 0.25], [1, 1, 0, 0])
        0.625

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.

    Raises:
        InputError: `det_points` refuses scores or labels.
    """
    return det_points(scores, labels).threshold_at_eer()


def threshold_at_far(scores: ArrayLike, labels: ArrayLike, far: float) -> float:
    """Lowest observed threshold that accepts at most the fraction `far` of non-targets.

    Example:
        >>> threshold_at_far([0.9, 0.5, 0.75, 0.25], [1, 1, 0, 0], 0.5)
        0.5

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.
        far: Rate of false accepts, between 0 and 1.

    Raises:
        InputError: `far` is not between 0 and 1, the list is too short to tell, or `det_points`
            refuses scores or labels.
    """
    return det_points(scores, labels).threshold_at_far(far)


def bootstrap_interval(
    scores: ArrayLike,
    labels: ArrayLike,
    metric: Callable[[DetPoints], float] = DetPoints.eer,
    *,
    speakers: tuple[ArrayLike, ArrayLike] | None = None,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a metric.

    Trials of one list share speakers, so they are not independent, and resampling trials gives
    intervals that are far too narrow. With `speakers` the *speakers* are drawn with replacement. A
    trial of two speakers counts (draws of the one) × (draws of the other) times. A trial within
    one speaker counts as often as the speaker was drawn: two draws of one speaker are two people
    who never meet. Without `speakers`, trials are drawn. The papers report no intervals; the form
    is our choice.

    Example:
        >>> speakers = enrolled_speakers, test_speakers
        >>> low, high = bootstrap_interval(scores, labels, speakers=speakers)

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.
        metric: A function of the points, e.g. `DetPoints.eer` or
            `lambda points: points.min_dcf(0.05)`.
        speakers: The speakers of the enrolment and of the test side, each `[trials]` of any
            hashable type that sorts. None: trials are drawn.
        confidence: Probability that the interval covers, between 0 and 1.
        replicates: Number of draws. A draw without target or without non-target trials is
            repeated.
        seed: Seed of the draws; the same seed gives the same interval.

    Returns:
        The lower and the upper end.

    Raises:
        InputError: `det_points` refuses scores or labels, the speakers have another length, or
            most draws lack one class because there are too few speakers.
    """
    drawn = bootstrap_replicates(
        scores, labels, [metric], speakers=speakers, replicates=replicates, seed=seed
    )
    return percentiles(drawn[:, 0], confidence)


def bootstrap_replicates(
    scores: ArrayLike,
    labels: ArrayLike,
    metrics: Sequence[Callable[[DetPoints], float]],
    *,
    speakers: tuple[ArrayLike, ArrayLike] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Metrics of resampled trials, which are drawn as `bootstrap_interval` draws them.

    Draw n of one seed takes the same speakers (or trials) whatever the scores are. So the
    replicates of two systems on one list can be subtracted.

    Example:
        >>> drawn = bootstrap_replicates(scores, labels, [DetPoints.eer], replicates=100)
        >>> drawn.shape
        (100, 1)

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 or True for target trials, 0 or False for non-target trials.
        metrics: Functions of the points of each draw, such as `DetPoints.eer`.
        speakers: The speakers of the enrolment and of the test side, each `[trials]` of any
            hashable type that sorts. None: trials are drawn.
        replicates: Number of draws, at least 1.
        seed: Seed of the draws.

    Returns:
        The metrics of each draw, float64 `[replicates, metrics]`.

    Raises:
        InputError: `det_points` refuses scores or labels, the speakers have another length, or
            most draws lack one class because there are too few speakers.
    """
    ranked = _Sorted.of(scores, labels)
    draw = draw_items(len(ranked.order)) if speakers is None else _draw_speakers(ranked, *speakers)

    def values(counts: np.ndarray) -> list[float] | None:
        points = ranked.points(counts)
        return None if points is None else [metric(points) for metric in metrics]

    return drawn_values(
        draw, values, replicates=replicates, seed=seed,
        too_few="too few speakers or trials for a bootstrap interval: most draws have no target or"
        " no non-target trial; use a longer trial list or no interval",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Sorted:
    """Trials by descending score: sorted once, counted as often as a bootstrap wants."""

    order: np.ndarray  # int64 [trials]
    targets: np.ndarray  # bool [trials], in that order
    ends: np.ndarray  # int64 [groups], last place of each group of equal scores
    thresholds: np.ndarray  # float64 [groups + 1]

    @classmethod
    def of(cls, scores: ArrayLike, labels: ArrayLike) -> "_Sorted":
        scores = np.asarray(scores, np.float64)
        labels = np.asarray(labels)
        if scores.ndim != 1 or scores.shape != labels.shape:
            raise InputError(
                f"scores and labels must be two lists of one length, received shapes"
                f" {scores.shape} and {labels.shape}"
            )
        broken = int(np.count_nonzero(~np.isfinite(scores)))
        if broken:
            raise InputError(
                f"{broken} of {len(scores)} scores are NaN or infinite; the model is broken or"
                " was given bad audio"
            )
        targets = labels == 1
        if not np.all(targets | (labels == 0)):
            raise InputError("labels must be 1 (target) or 0 (non-target)")
        if not targets.any() or targets.all():
            raise InputError(
                f"error rates need target and non-target trials, received {int(targets.sum())}"
                f" and {int((~targets).sum())}"
            )
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        return cls(order, targets[order], ends, np.concatenate([[np.inf], ranked[ends]]))

    def points(self, weights: np.ndarray | None = None) -> DetPoints | None:
        """The points with each trial counted `weights` times; None where a class has no weight."""
        counts = np.ones(len(self.order), np.int64) if weights is None else weights
        accepted = np.cumsum(counts * ~self.targets)[self.ends]
        detected = np.cumsum(counts * self.targets)[self.ends]
        if not accepted[-1] or not detected[-1]:
            return None
        return DetPoints(
            false_accepts=np.concatenate([[0.0], accepted / accepted[-1]]),
            false_rejects=np.concatenate([[1.0], (detected[-1] - detected) / detected[-1]]),
            thresholds=self.thresholds,
            nontargets=int(accepted[-1]),
        )


def _draw_speakers(ranked: _Sorted, enrol: ArrayLike, test: ArrayLike) -> Draw:
    enrol, test = np.asarray(enrol), np.asarray(test)
    if enrol.shape != ranked.order.shape or test.shape != ranked.order.shape:
        raise InputError(
            f"speakers must be given for each of the {len(ranked.order)} trials, received shapes"
            f" {enrol.shape} and {test.shape}"
        )
    return draw_people(enrol[ranked.order], test[ranked.order])
