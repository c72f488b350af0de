"""A scorer learned from development trials: what a model decides with."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsv.verification.calibration import Calibration
from tfsv.verification.extraction import Voices
from tfsv.verification.scorer import Scorer
from tfsv.verification.thresholds import thresholds_of
from tfsv.verification.trials import Trials


def learned_scorer(
    scorer: Scorer,
    voices: Voices,
    trials: Trials,
    corpora: Sequence[str] | np.ndarray | None = None,
) -> Scorer:
    """Adds the calibration and the thresholds that development trials give.

    Corpora count alike in the calibration, however many trials they have. A threshold for a rate
    of false accepts holds in each corpus, as `thresholds_of` finds it.

    Example:
        >>> scorer = learned_scorer(Scorer(cohort, top=20), voices, trials, corpora)
        >>> scorer.thresholds["far_0.01"]
        4.87

    Args:
        scorer: Cohort and `top`; it may have neither.
        voices: Embeddings and sounds of `trials.names`.
        trials: Development trials, of speakers who are neither trained on nor reported.
        corpora: Corpus of each trial. None, or all the same: trials count alike.

    Raises:
        InputError: There is only one kind of trial, or higher scores do not mean "same speaker".
    """
    if corpora is not None and len(set(corpora)) < 2:
        corpora = None
    plain = Scorer(scorer.cohort, scorer.top)
    found = plain.compared(voices.embeddings, trials, voices.sounds)
    calibration = Calibration.fitted(found.scores, trials.labels, found.enrol, found.test, corpora)
    ratios = calibration.ratios(found.scores, found.enrol, found.test)
    thresholds = thresholds_of(ratios, trials.labels, corpora)
    return dataclasses.replace(plain, calibration=calibration, thresholds=thresholds)
