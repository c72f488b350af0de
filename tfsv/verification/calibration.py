"""Scores as log-likelihood ratios, by logistic regression with quality measures.

    ratio = offset + score · s + duration · D + level · L + imposter_mean · M

s is the score. D is ln(a / typical) + ln(b / typical) over the seconds of sound a and b of the two
sides. L is |a - b| - typical over the levels a and b of the two sides, dB. M is a + b - 2 · typical
over the imposter means a and b of the two sides: each is the mean of a side's highest cosines to
the cohort. So the ratio is the same when the sides are exchanged, and it rises with the score. What
is not known of a side counts as typical. Values beyond those of the development trials count as the
last of these.

The weights minimise the prior-weighted cross entropy (Brümmer and du Preez 2006), which is the Cllr
at a prior of one half. It is convex. Quality measures beside the score follow Mandasari et al.
2013, the imposter mean among them Thienpondt et al. 2021; the symmetric form is our choice.
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
        imposter_mean: Mean of the highest cosines of a side to the cohort. None: there was no
            cohort.
    """

    offset: float
    score: float
    duration: Quality
    level: Quality
    imposter_mean: Quality | None = None

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
            enrol: What is known of the enrolment sides, float `[trials, 3]`, as `quality_table`
                makes it.
            test: What is known of the test sides, float `[trials, 3]`.
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
        imposter_mean = None
        if np.isfinite(means := np.concatenate([enrol[:, 2], test[:, 2]])).any():
            imposter_mean = _measured(means, -1.0, 0.0)
        blank = cls(0.0, 1.0, duration, level, imposter_mean)
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

        best = scipy.optimize.minimize(cost, np.zeros(units.shape[1]), jac=True, method="L-BFGS-B",
                                       options={"ftol": 1e-14, "gtol": 1e-9}).x  # fmt: skip
        factors = best[1:] / spreads
        if not factors[0] > 0:
            raise InputError(
                "calibration: higher scores do not mean the same speaker on these trials; look at"
                " their labels"
            )
        measures = [
            dataclasses.replace(measure, weight=float(factor))
            for measure, factor in zip(blank._measures(), factors[1:], strict=True)
        ]
        return cls(float(best[0] - factors @ centres), float(factors[0]), *measures)

    def ratios(self, scores: np.ndarray, enrol: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The log-likelihood ratios of scores, float64 `[trials]`.

        Args:
            scores: Scores `[trials]`.
            enrol: What is known of the enrolment sides, float `[trials, 3]`, as `quality_table`
                makes it.
            test: What is known of the test sides, float `[trials, 3]`.
        """
        ratios = self.offset + self.score * np.asarray(scores, np.float64)
        for measure, term in zip(self._measures(), self._terms(enrol, test), strict=True):
            ratios = ratios + measure.weight * term
        return ratios

    def _measures(self) -> tuple[Quality, ...]:
        """The quality measures that there are, in the order of `_terms`."""
        last = () if self.imposter_mean is None else (self.imposter_mean,)
        return self.duration, self.level, *last

    def _terms(self, enrol: np.ndarray, test: np.ndarray) -> list[np.ndarray]:
        """D, L and, where there is one, M of the formula, `[trials]` each."""
        first, second = (
            np.log(self.duration.within(side[:, 0]) / self.duration.typical)
            for side in (enrol, test)
        )
        apart = self.level.within(np.abs(enrol[:, 1] - test[:, 1])) - self.level.typical
        terms = [first + second, apart]
        if (measure := self.imposter_mean) is not None:
            alike = measure.within(enrol[:, 2]) + measure.within(test[:, 2])
            terms.append(alike - 2 * measure.typical)
        return terms

    def to_table(self) -> dict[str, Any]:
        """The calibration as a table of a model card; a measure that there is not is left out."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_table(cls, table: Mapping[str, Any], source: str) -> "Calibration":
        """Reads what `to_table` gave, from a card of any origin.

        Raises:
            InputError: A key is missing or unknown, or a value is wrong; the message names the
                source.
        """
        measures = {"duration": card_fields.positive, "level": card_fields.finite}
        if "imposter_mean" in table:
            measures["imposter_mean"] = card_fields.finite
        numbers = {"offset": card_fields.finite, "score": card_fields.positive}
        fields = card_fields.checked(
            table, source, {**numbers, **dict.fromkeys(measures, card_fields.json_value)}
        )
        read = {
            name: _read_quality(fields[name], name, source, number)
            for name, number in measures.items()
        }
        return cls(fields["offset"], fields["score"], **read)


def quality_table(
    sounds: Sequence[Sound | None], imposter_means: np.ndarray | None = None
) -> np.ndarray:
    """What is known of sides beside their embeddings: seconds of sound, level, imposter mean.

    Example:
        >>> quality_table([Sound(2.0, -20.0), None], np.array([0.3, 0.4]))
        array([[  2. , -20. ,   0.3],
               [  nan,   nan,   0.4]])

    Args:
        sounds: What was heard of each side; None where it is not known.
        imposter_means: Mean of the highest cosines of each side to the cohort, float `[sides]`.
            None: there is no cohort.

    Returns:
        One row a side, float64 `[sides, 3]`; NaN where something is not known.
    """
    table = np.full((len(sounds), 3), np.nan)
    for row, one in zip(table, sounds, strict=True):
        if one is not None:
            row[:2] = one.seconds, one.level
    if imposter_means is not None:
        table[:, 2] = imposter_means
    return table


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
