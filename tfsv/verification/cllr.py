"""Log-likelihood ratios from scores: their cost, and the line that calibrates them."""

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
