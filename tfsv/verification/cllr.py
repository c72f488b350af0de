"""Log-likelihood ratios from scores: what they cost, at best and as they are.

A log-likelihood ratio (LLR) is the natural logarithm of how much likelier the two recordings are
if one speaker made both than if two did.
"""

import numpy as np


def cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Cost of log-likelihood ratios, in bits (Brümmer and du Preez 2006).

    Example:
        >>> cllr(np.array([0.0, 0.0]), np.array([1, 0]))
        1.0

    Args:
        scores: Log-likelihood ratios `[trials]`, natural logarithms.
        labels: Labels `[trials]`, 1 = target, 0 = non-target.
    """
    scores = np.asarray(scores, np.float64)
    targets, others = scores[labels == 1], scores[labels == 0]
    costs = np.logaddexp(0, -targets).mean() + np.logaddexp(0, others).mean()
    return float(costs / (2 * np.log(2)))


def min_cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Cllr after the best monotone map of the scores, in bits: what calibration cannot mend.

    The map is isotonic regression by pooling adjacent violators, as in Brümmer's thesis (2010). It
    is made on the same trials, so it is the lower bound of the Cllr of every monotone map.

    Example:
        >>> min_cllr(np.array([3.0, 1.0, 2.0, 0.0]), np.array([1, 1, 0, 0]))
        0.5

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 = target, 0 = non-target; both kinds occur.
    """
    targets, counts = _pooled(scores, labels)
    others = counts - targets
    with np.errstate(divide="ignore"):
        ratios = np.log(targets / targets.sum()) - np.log(others / others.sum())
    misses = targets[targets > 0] * np.logaddexp(0, -ratios[targets > 0])
    accepts = others[others > 0] * np.logaddexp(0, ratios[others > 0])
    costs = misses.sum() / targets.sum() + accepts.sum() / others.sum()
    return float(costs / (2 * np.log(2)))


def act_dcf(ratios: np.ndarray, labels: np.ndarray, p_target: float = 0.01) -> float:
    """NIST's detection cost where a trial is accepted by its LLR and the prior alone, normalised.

    The threshold is the one of Bayes for costs of 1, `log((1 - p_target) / p_target)`. Minus the
    minDCF of the same prior, the cost is what miscalibration costs.

    Example:
        >>> act_dcf(np.array([9.0, -9.0]), np.array([1, 0]))
        0.0

    Args:
        ratios: Log-likelihood ratios `[trials]`, natural logarithms.
        labels: Labels `[trials]`, 1 = target, 0 = non-target; both kinds occur.
        p_target: Prior of a target trial, between 0 and 1.
    """
    ratios, labels = np.asarray(ratios), np.asarray(labels)
    accepted = ratios >= np.log((1 - p_target) / p_target)
    missed = np.mean(~accepted[labels == 1])
    falsely = np.mean(accepted[labels == 0])
    cost = p_target * missed + (1 - p_target) * falsely
    return float(cost / min(p_target, 1 - p_target))


def llr_calibration(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Factor and offset that minimise the Cllr of the scores (linear logistic regression).

    Example:
        >>> factor, offset = llr_calibration(scores, labels)
        >>> cllr(factor * scores + offset, labels)

    Args:
        scores: Scores `[trials]`, higher means "same speaker".
        labels: Labels `[trials]`, 1 = target, 0 = non-target.
    """
    import scipy.optimize  # half a second, for those who need it only

    scores = np.asarray(scores, np.float64)
    centre, spread = scores.mean(), scores.std() or 1.0
    units = (scores - centre) / spread
    best = scipy.optimize.minimize(lambda line: cllr(line[0] * units + line[1], labels), [1.0, 0.0])
    factor = best.x[0] / spread
    return float(factor), float(best.x[1] - factor * centre)


def _pooled(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and trials of each pool of adjacent violators, by ascending score."""
    ranks = np.unique(np.asarray(scores, np.float64), return_inverse=True)[1]
    trials = np.bincount(ranks).astype(np.float64)
    hits = np.bincount(ranks, weights=np.asarray(labels) == 1)
    pools: list[list[float]] = []
    for hit, count in zip(hits.tolist(), trials.tolist(), strict=True):
        pools.append([hit, count])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [pools[-1][0] + last[0], pools[-1][1] + last[1]]
    found = np.array(pools)
    return found[:, 0], found[:, 1]
