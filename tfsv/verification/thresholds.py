"""Thresholds for rates of false accepts that are to hold where strangers sound most alike.

One threshold for all pairs of a list is ruled by its largest corpora, and a corpus whose speakers
sound alike gets more false accepts than it says. Where the corpora of the trials are known, a rate
holds on the development list in each of them that has enough pairs to tell. It is our choice.
"""

from collections.abc import Sequence

import numpy as np

from tfsv.verification.metrics import det_points

FALSE_ACCEPT_RATES = (0.01, 0.001)
"""Operating points whose thresholds are recorded where the list is long enough to tell."""

_EXPECTED = 10
"""False accepts that a rate must let expect of a group before the group may set the threshold.

Of fewer, two or three pairs decide, who may be one person under two names. On the development
trials of the demo models 231 pairs of strangers would turn nine of ten true pairs away. Our choice.
"""


def thresholds_of(
    scores: np.ndarray, labels: np.ndarray, groups: Sequence[str] | np.ndarray | None = None
) -> dict[str, float]:
    """Lowest scores to accept, by operating point: "eer", "far_0.01", "far_0.001".

    Example:
        >>> thresholds_of(ratios, trials.labels, corpora)
        {'eer': 0.31, 'far_0.01': 4.87, 'far_0.001': 6.35}

    Args:
        scores: Scores `[trials]`.
        labels: Labels `[trials]`, 1 = target, 0 = non-target; both kinds occur.
        groups: Group of each trial `[trials]`, such as its corpus. A rate of false accepts then
            holds over all trials and in each group that has non-target trials for ten of them.
            None: it holds over all trials.

    Returns:
        The thresholds. A rate that the whole list is too short to tell has none.

    Raises:
        InputError: `det_points` refuses scores or labels.
    """
    points = det_points(scores, labels)
    thresholds = {"eer": points.threshold_at_eer()}
    strangers = np.asarray(labels) == 0
    names = np.zeros(len(labels), int) if groups is None else np.asarray(groups)
    parts = [scores[strangers & (names == name)] for name in np.unique(names)]
    observed = np.unique(scores)
    for rate in FALSE_ACCEPT_RATES:
        if points.nontargets * rate < 1:
            continue
        found = [points.threshold_at_far(rate)]
        if groups is not None:
            found += [
                _threshold(part, rate, observed) for part in parts if len(part) * rate >= _EXPECTED
            ]
        thresholds[f"far_{rate:g}"] = max(found)
    return thresholds


def _threshold(strangers: np.ndarray, rate: float, observed: np.ndarray) -> float:
    """Lowest of the observed scores from which on at most this fraction of strangers lies."""
    values, counts = np.unique(strangers, return_counts=True)
    above = np.cumsum(counts[::-1])[::-1] / len(strangers)
    last = values[np.flatnonzero(above > rate + 1e-12)[-1]]  # accepted, there would be too many
    place = int(np.searchsorted(observed, last, side="right"))
    return float(observed[place] if place < len(observed) else np.nextafter(last, np.inf))
