"""Scores as log-likelihood ratios, by logistic regression with quality measures.

    ratio = offset + score · s + duration · D + level · L

s is the score. D is ln(a / typical) + ln(b / typical) over the seconds of sound a and b of the two
sides. L is |a - b| - typical over the levels a and b of the two sides, dB. So the ratio is the same
when the sides are exchanged, and it rises with the score. What is not known of a side counts as
typical. Durations and differences beyond those of the development trials count as the last of
these.

The weights minimise the prior-weighted cross entropy (Brümmer and du Preez 2006), which is the Cllr
at a prior of one half. It is convex. Quality measures beside the score follow Mandasari et al.
2013; the symmetric form is our choice.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfsv import card_fields
from tfsv.errors import InputError
from tfsv.verification.voices import Sound

_RIDGE = 1e-6  # keeps the weights finite where the trials can be told apart without error
_TAILS = (0.01, 0.5, 0.99)  # quantiles of what counts as lowest, typical and highest
_SHORTEST = 0.01  # seconds: one frame


@dataclasses.dataclass(frozen=True)
class Quality:
    """A quality measure of both sides, and its weight.

    Example:
        >>> Quality(weight=-0.4, lowest=0.5, typical=2.0, highest=6.0)

    Attributes:
        weight: What the log-likelihood ratio gains for each unit of the measure.
        lowest: Least value that counts.
        typical: Value that counts where none is known.
        highest: Largest value that counts.
    """

    weight: float
    lowest: float
    typical: float
    highest: float

    def within(self, values: np.ndarray) -> np.ndarray:
        """The values as they count: those that are NaN are typical."""
        known = np.where(np.isnan(values), self.typical, values)
        return np.clip(known, self.lowest, self.highest)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A map from scores to natural log-likelihood ratios.

    Example:
        >>> calibration = Calibration.fitted(scores, trials.labels, enrolled, tested)
        >>> ratios = calibration.ratios(scores, enrolled, tested)

    Attributes:
        offset: Ratio of a score of 0 at typical quality.
        score: What the ratio gains for each unit of the score, positive.
        duration: Seconds of sound of a side.
        level: Difference of the levels of the sides, dB.
    """

    offset: float
    score: float
    duration: Quality
    level: Quality

    @classmethod
    def fitted(
        cls,
        scores: np.ndarray,
        labels: np.ndarray,
        enrol: np.ndarray,
        test: np.ndarray,
        groups: Sequence[str] | np.ndarray | None = None,
        p_target: float = 0.5,
    ) -> "Calibration":
        """Learns the weights from development trials.

        Args:
            scores: Scores `[trials]`.
            labels: Labels `[trials]`, 1 = target, 0 = non-target.
            enrol: Seconds of sound and level of the enrolment sides, float `[trials, 2]`, as
                `sound_table` makes them.
            test: Seconds of sound and level of the test sides, float `[trials, 2]`.
            groups: Group of each trial, such as its corpus, `[trials]`. Groups count alike, however
                many trials they have. None: trials count alike.
            p_target: Prior of a target, at which the cross entropy is minimised.

        Raises:
            InputError: There is only one kind of trial, or higher scores do not mean "same
                speaker".
        """
        import scipy.optimize  # half a second, for those who need it only

        scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
        if set(np.unique(labels).tolist()) != {0, 1}:
            raise InputError("calibration needs target and non-target trials, labelled 1 and 0")
        weights = balanced_weights(labels, groups)
        weights *= np.where(labels == 1, p_target, 1 - p_target)
        duration = _measured(np.concatenate([enrol[:, 0], test[:, 0]]), _SHORTEST, 1.0)
        level = _measured(np.abs(enrol[:, 1] - test[:, 1]), 0.0, 0.0)
        blank = cls(0.0, 1.0, duration, level)
        columns = np.stack([scores, *blank._terms(enrol, test)], axis=1)
        centres, spreads = columns.mean(axis=0), columns.std(axis=0)
        spreads[spreads < 1e-9] = np.inf  # a measure that is always the same has no weight
        units = np.concatenate([np.ones((len(scores), 1)), (columns - centres) / spreads], axis=1)
        signs = np.where(labels == 1, -1.0, 1.0)
        prior = np.log(p_target / (1 - p_target))

        def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
            odds = units @ line + prior
            entropy = weights @ np.logaddexp(0, signs * odds)
            slope = (weights * signs / (1 + np.exp(np.clip(-signs * odds, -500, 500)))) @ units
            ridge = _RIDGE * line
            ridge[0] = 0
            return entropy + ridge @ line / 2, slope + ridge

        best = scipy.optimize.minimize(cost, np.zeros(4), jac=True, method="L-BFGS-B",
                                       options={"ftol": 1e-14, "gtol": 1e-9}).x  # fmt: skip
        factors = best[1:] / spreads
        if not factors[0] > 0:
            raise InputError(
                "calibration: higher scores do not mean the same speaker on these trials; look at"
                " their labels"
            )
        return cls(
            float(best[0] - factors @ centres),
            float(factors[0]),
            dataclasses.replace(duration, weight=float(factors[1])),
            dataclasses.replace(level, weight=float(factors[2])),
        )

    def ratios(self, scores: np.ndarray, enrol: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The log-likelihood ratios of scores, float64 `[trials]`.

        Args:
            scores: Scores `[trials]`.
            enrol: Seconds of sound and level of the enrolment sides, float `[trials, 2]`; NaN where
                they are not known.
            test: Seconds of sound and level of the test sides, float `[trials, 2]`.
        """
        duration, level = self._terms(enrol, test)
        scores = np.asarray(scores, np.float64)
        return (
            self.offset
            + self.score * scores
            + self.duration.weight * duration
            + self.level.weight * level
        )

    def _terms(self, enrol: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D and L of the formula, `[trials]` each."""
        first, second = (
            np.log(self.duration.within(side[:, 0]) / self.duration.typical)
            for side in (enrol, test)
        )
        apart = self.level.within(np.abs(enrol[:, 1] - test[:, 1])) - self.level.typical
        return first + second, apart

    def to_table(self) -> dict[str, Any]:
        """The calibration as a table of a model card."""
        return dataclasses.asdict(self)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], source: str) -> "Calibration":
        """Reads what `to_table` gave, from a card of any origin.

        Raises:
            InputError: A key is missing or unknown, or a value is wrong; the message names the
                source.
        """
        measures = {"duration": card_fields.json_value, "level": card_fields.json_value}
        numbers = {"offset": card_fields.finite, "score": card_fields.positive}
        fields = card_fields.checked(table, source, {**numbers, **measures})
        duration = _read_quality(fields["duration"], "duration", source, card_fields.positive)
        level = _read_quality(fields["level"], "level", source, card_fields.finite)
        return cls(fields["offset"], fields["score"], duration, level)


def sound_table(sounds: Sequence[Sound | None]) -> np.ndarray:
    """Seconds of sound and level of sides, float64 `[sides, 2]`; NaN where they are not known.

    Example:
        >>> sound_table([Sound(2.0, -20.0), None])
        array([[  2., -20.],
               [ nan,  nan]])
    """
    rows = [(np.nan, np.nan) if one is None else (one.seconds, one.level) for one in sounds]
    return np.array(rows, np.float64).reshape(-1, 2)


def balanced_weights(
    labels: np.ndarray, groups: Sequence[str] | np.ndarray | None = None
) -> np.ndarray:
    """Weights of trials with which both kinds of trial count alike, and groups within a kind.

    Example:
        >>> balanced_weights(np.array([1, 0, 0]))
        array([1. , 0.5, 0.5])

    Args:
        labels: Labels `[trials]`, 1 = target, 0 = non-target.
        groups: Group of each trial `[trials]`. None: all are of one group.

    Returns:
        The weights, float64 `[trials]`. They sum to 1 for each kind of trial that there is.
    """
    labels = np.asarray(labels)
    names = np.zeros(len(labels), int)
    if groups is not None:
        names = np.unique(np.asarray(groups), return_inverse=True)[1]
    weights = np.empty(len(labels))
    for kind in (0, 1):
        inside = labels == kind
        counts = np.bincount(names[inside])
        shares = 1 / np.maximum(counts, 1) / max(1, np.count_nonzero(counts))
        weights[inside] = shares[names[inside]]
    return weights


def _measured(values: np.ndarray, least: float, unknown: float) -> Quality:
    """The measure of development trials, its weight not yet known."""
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, _TAILS) if len(known) else (unknown,) * 3
    return Quality(0.0, *(float(max(least, value)) for value in (low, middle, high)))


def _read_quality(table: Any, name: str, source: str, number: Callable[[Any], float]) -> Quality:
    if not isinstance(table, Mapping):
        raise InputError(f"{source}: {name!r} of the model card must be a table")
    bounds = dict.fromkeys(("lowest", "typical", "highest"), number)
    found = Quality(**card_fields.checked(table, source, {"weight": card_fields.finite, **bounds}))
    if not found.lowest <= found.typical <= found.highest:
        raise InputError(
            f"{source}: {name!r} of the model card must have lowest, typical and highest in order"
        )
    return found
