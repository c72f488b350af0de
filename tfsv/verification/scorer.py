"""How two sides become a score that means the same everywhere: a log-likelihood ratio.

The cosine is normalised by a cohort (`tfsv.verification.normalisation`), and the normalised score
becomes a log-likelihood ratio (`tfsv.verification.calibration`). A model carries both: the cohort
as int8 beside its weights, the rest in the table `scoring` of its card's decision.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsv import card_fields
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.verification.calibration import Calibration, quality_table
from tfsv.verification.normalisation import as_norm, cohort_statistics, unit_rows
from tfsv.verification.scoring import normalised, voiceprint
from tfsv.verification.thresholds import FALSE_ACCEPT_RATES
from tfsv.verification.trials import Trials
from tfsv.verification.voices import Sound, Voice, joined, joined_sound

SCORING = "scoring"
"""Key of the card's table `decision` under which the scorer is."""

Side = np.ndarray | Voice | Sequence["np.ndarray | Voice"]
"""One side of a trial: an embedding or a voice, or several recordings of it."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """Sides of trials, compared but not yet calibrated.

    Attributes:
        scores: Cosines, normalised where there is a cohort, float64 `[trials]`.
        enrol: Qualities of the enrolment sides, float64 `[trials, 3]`, as
            `tfsv.verification.calibration.quality_table` makes them.
        test: Qualities of the test sides, float64 `[trials, 3]`.
    """

    scores: np.ndarray
    enrol: np.ndarray
    test: np.ndarray


@dataclasses.dataclass(frozen=True)
class Scorer:
    """What makes scores of embeddings.

    Example:
        >>> scorer = Scorer(cohort, top=50)
        >>> scores = scorer.trial_scores(embeddings, trials)

    Attributes:
        cohort: Vectors of strangers, `[strangers, dimensions]`, of any length. None: cosines are
            not normalised.
        top: Number of highest cosines to the cohort that count. None: all of them.
        calibration: Map from scores to log-likelihood ratios. None: there is none.
        thresholds: Scores at and above which to accept, by operating point.
    """

    cohort: np.ndarray | None = None
    top: int | None = None
    calibration: Calibration | None = None
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a score is, in words."""
        if self.calibration is not None:
            return "log-likelihood ratio"
        return "cosine" if self.is_cosine else "normalised cosine"

    @property
    def is_cosine(self) -> bool:
        """Whether scores are plain cosines."""
        return self.cohort is None and self.calibration is None

    def score(self, enrol: Side, test: Side) -> float:
        """The score of one trial. It is the same when the sides are exchanged.

        Example:
            >>> scorer.score([enrolled, enrolled_again], tested)
            3.7

        Args:
            enrol: One side: an embedding float `[dimensions]`, a `Voice`, or several of one
                speaker.
            test: The other side.

        Raises:
            InputError: An embedding is NaN, zero or of the wrong size.
        """
        first, second = as_voice(enrol), as_voice(test)
        vectors = np.stack([first.embedding, second.embedding])
        found = self._compared(vectors, [0], [1], [first.sound, second.sound])
        return float(self._calibrated(found)[0])

    def trial_scores(
        self,
        embeddings: np.ndarray,
        trials: Trials,
        sounds: Sequence[Sound | None] | None = None,
        *,
        mean: np.ndarray | None = None,
    ) -> np.ndarray:
        """Scores a trial list. An enrolment of several recordings is their voiceprint.

        Args:
            embeddings: Embeddings of `trials.names`, float `[names, dimensions]`, of any length.
            trials: The trials.
            sounds: What was heard in each of `trials.names`. None: it is not known.
            mean: A vector that is subtracted from every embedding before it is normalised.

        Returns:
            The scores, float64 `[trials]`.

        Raises:
            InputError: A shape is wrong, or an embedding is NaN or zero.
        """
        return self._calibrated(self.compared(embeddings, trials, sounds, mean=mean))

    def compared(
        self,
        embeddings: np.ndarray,
        trials: Trials,
        sounds: Sequence[Sound | None] | None = None,
        *,
        mean: np.ndarray | None = None,
    ) -> Compared:
        """What a calibration learns from or is applied to: scores and qualities of both sides.

        Example:
            >>> found = Scorer(cohort, top=20).compared(embeddings, trials)
            >>> Calibration.fitted(found.scores, trials.labels, found.enrol, found.test)

        Args:
            embeddings: Embeddings of `trials.names`, as for `trial_scores`.
            trials: The trials.
            sounds: What was heard in each of `trials.names`. None: it is not known.
            mean: A vector that is subtracted from every embedding before it is normalised.

        Raises:
            InputError: A shape is wrong, or an embedding is NaN or zero.
        """
        known = [None] * len(embeddings) if sounds is None else list(sounds)
        sides = normalised(embeddings, mean=mean)
        if trials.enrolments:
            enrolled = [voiceprint(sides[list(one.recordings)]) for one in trials.enrolments]
            sides = np.concatenate([sides, np.stack(enrolled)])
            for one in trials.enrolments:
                heard = [known[row] for row in one.recordings]
                known.append(None if None in heard else joined_sound(heard))
        return self._compared(sides, trials.enrol, trials.test, known)

    def _compared(
        self,
        sides: np.ndarray,
        enrol: Sequence[int] | np.ndarray,
        test: Sequence[int] | np.ndarray,
        sounds: Sequence[Sound | None],
    ) -> Compared:
        enrol, test = np.asarray(enrol), np.asarray(test)
        unit, means = unit_rows(sides), None
        scores = np.empty(len(enrol))
        for start in range(0, len(scores), _CHUNK):
            part = slice(start, start + _CHUNK)
            scores[part] = np.einsum("nd,nd->n", unit[enrol[part]], unit[test[part]])
        np.clip(scores, -1, 1, out=scores)
        if self.cohort is not None:
            found = cohort_statistics(unit, self.cohort, self.top)
            scores, means = as_norm(scores, found.of(enrol), found.of(test)), found.means
        table = quality_table(sounds, means)
        return Compared(scores, table[enrol], table[test])

    def _calibrated(self, found: Compared) -> np.ndarray:
        if self.calibration is None:
            return found.scores
        return self.calibration.ratios(found.scores, found.enrol, found.test)

    def to_table(self) -> dict[str, Any]:
        """The table `scoring` of a card; the cohort lies beside it.

        Raises:
            ValueError: The scorer is not calibrated.
        """
        if self.calibration is None:
            raise ValueError("only a calibrated scorer can be kept")
        count = None if self.cohort is None else len(self.cohort)
        return {
            "cohort": count,
            "top": None if count is None else min(self.top or count, count),
            **self.calibration.to_table(),
            "thresholds": dict(self.thresholds),
        }

    @classmethod
    def of(
        cls, card: ModelCard, cohort: np.ndarray | None, source: str | os.PathLike
    ) -> "Scorer | None":
        """The scorer that a model carries; None where it carries none.

        Example:
            >>> Scorer.of(card, read_cohort(content), "model.tflite")

        Args:
            card: The model's card, from a file of any origin.
            cohort: The cohort beside the card, int8 `[strangers, dimensions]`. None: there is none.
            source: The model's file or folder, for errors.

        Raises:
            InputError: A value of the table is wrong, or the cohort does not fit it or the model.
        """
        if (table := card.decision.get(SCORING)) is None:
            return None
        if not isinstance(table, Mapping):
            raise InputError(f"{source}: {SCORING!r} of the model card must be a table")
        own = {name: table.get(name) for name in ("cohort", "top", "thresholds") if name in table}
        rest = {name: value for name, value in table.items() if name not in own}
        own = card_fields.checked(own, source, _OWN)
        calibration = Calibration.from_table(rest, str(source))
        rows, top = own["cohort"], own["top"]
        if (rows is None) != (top is None) or (top is not None and not 2 <= top <= rows):
            raise InputError(
                f"{source}: 'top' of the model card must lie between 2 and the size of its cohort"
            )
        if rows is None:
            return cls(None, None, calibration, own["thresholds"])
        wanted = rows, card.network.get("embedding_size")
        if cohort is None or cohort.shape != wanted:
            found = "none" if cohort is None else " × ".join(map(str, cohort.shape))
            raise InputError(
                f"{source}: its card needs a cohort of {wanted[0]} × {wanted[1]}, it has {found};"
                " export the model again"
            )
        return cls(cohort, top, calibration, own["thresholds"])


def scorer_of(model: Any, *, cosine: bool = False) -> Scorer:
    """The scorer that a model carries, or the cosine with the thresholds of its card.

    Example:
        >>> scorer_of(tfsv.load("demo")).score(enrolled, tested)

    Args:
        model: A model, which may have a scorer and a card.
        cosine: Whether the cosine is wanted even if the model carries a scorer.
    """
    own = None if cosine else getattr(model, "scorer", None)
    card = getattr(model, "card", None)
    return own or Scorer(thresholds={} if card is None else card.thresholds)


def model_threshold(
    scorer: Scorer, false_accept_rate: float, name: object = "model"
) -> tuple[float, str]:
    """The threshold of a scorer for a rate of false accepts, and its name.

    Example:
        >>> threshold, name = model_threshold(scorer, 0.01, "demo")
        >>> name
        'far_0.01'

    Args:
        scorer: The scorer of a model, with its thresholds.
        false_accept_rate: Rate of impostors that is bearable, such as 0.01.
        name: Name of the model, for errors.

    Raises:
        InputError: There is no such threshold; the message names the model and the remedy.
    """
    thresholds, wanted = scorer.thresholds, f"far_{false_accept_rate:g}"
    if wanted in thresholds:
        return thresholds[wanted], wanted
    known = ", ".join(thresholds) or "none"
    remedy = "give 'threshold'"
    if false_accept_rate in FALSE_ACCEPT_RATES:
        remedy = (
            "run `tfsv evaluate --calibrate` on its model folder and export it again, or " + remedy
        )
    raise InputError(f"{name}: its card has no threshold {wanted!r} (it has: {known}); {remedy}")


def decision_of(
    cosines: Mapping[str, float], scorer: Scorer | None
) -> tuple[dict[str, Any], np.ndarray | None]:
    """What a model decides with from now on.

    Thresholds of cosines stay beside a scorer, for readers that do not know of scorers.

    Example:
        >>> decision, cohort = decision_of({"eer": 0.3}, scorer)

    Args:
        cosines: Thresholds of cosines, by operating point.
        scorer: The scorer that was learned. None: the model decides by cosine.

    Returns:
        The card's table `decision`, and the cohort to keep beside it, or None.
    """
    table: dict[str, Any] = {"thresholds": dict(cosines)}
    if scorer is None:
        return table, None
    return {**table, SCORING: scorer.to_table()}, scorer.cohort


def as_voice(side: Side) -> Voice:
    """One side of a trial as a voice.

    Example:
        >>> as_voice([first, second]).embedding.shape
        (128,)

    Raises:
        InputError: There is no recording, or an embedding has another shape than `[dimensions]`,
            or is NaN, infinite or zero.
    """
    if isinstance(side, Voice):
        return side
    if isinstance(side, np.ndarray) and side.ndim == 1:
        return Voice(side)
    parts = list(side) if isinstance(side, Sequence | np.ndarray) else []
    voices = [one if isinstance(one, Voice) else Voice(np.asarray(one)) for one in parts]
    if not voices or any(voice.embedding.ndim != 1 for voice in voices):
        raise InputError(
            "a side of a trial is an embedding [dimensions], a voice, or several of one speaker"
        )
    return joined(voices)


_CHUNK = 2048  # trials at a time

_OWN = {
    "cohort": card_fields.optional(card_fields.size),
    "top": card_fields.optional(card_fields.size),
    "thresholds": card_fields.table(card_fields.finite),
}
