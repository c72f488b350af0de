"""Centroids refitted to what a layer gives out, for codes as they are."""

import numpy as np

_ELEMENTS = 1 << 22  # of one-hot codes held at a time


def refitted(
    weights: np.ndarray,
    hessian: np.ndarray,
    codes: np.ndarray,
    codebook: np.ndarray,
    importance: np.ndarray | None = None,
) -> np.ndarray:
    """The centroids of least squared error of a layer's outputs, given the codes.

    The error of an output channel is (w − Z c)ᵀ H (w − Z c), with c the centroids and Z the codes,
    one-hot. Its sum over channels is least where Σ ZᵀHZ c = Σ ZᵀHw.

    Example:
        >>> weights, codes = np.array([[[1.0], [3.0]]]), np.zeros((1, 2, 1), np.uint8)
        >>> refitted(weights, np.eye(2)[np.newaxis], codes, np.zeros(1, np.float32))
        array([2.], dtype=float32)

    Args:
        weights: Weights, `[groups, inputs, outputs]`.
        hessian: Second moments of the inputs, `[groups, inputs, inputs]`.
        codes: Codes, uint8 `[groups, inputs, outputs]`.
        codebook: Present centroids, float32 `[k]`.
        importance: Factor of each output channel's error, `[groups, outputs]`. None: 1.

    Returns:
        Centroids, float32 `[k]`, in the order of the codes, which need not be ascending. Centroids
        without a member stay as they are.
    """
    centroids = codebook.astype(np.float64)
    count = len(centroids)
    quadratic, linear = np.zeros((count, count)), np.zeros(count)
    groups, inputs, outputs = weights.shape
    wide = max(1, _ELEMENTS // (inputs * count))
    for group in range(0, groups, max(1, wide // outputs)):
        some = slice(group, group + max(1, wide // outputs))
        for output in range(0, outputs, wide):
            part = slice(output, output + wide)
            of_codes, of_weights = _normal_equations(
                weights[some, :, part],
                hessian[some],
                codes[some, :, part],
                count,
                None if importance is None else importance[some, part],
            )
            quadratic += of_codes
            linear += of_weights
    used = np.flatnonzero(np.diagonal(quadratic) > 0)
    new = centroids.copy()
    # What a change of the centroids gains, so that round-off cannot move what has no slope.
    slope = linear[used] - quadratic[np.ix_(used, used)] @ centroids[used]
    new[used] += np.linalg.lstsq(quadratic[np.ix_(used, used)], slope, rcond=1e-10)[0]
    return new.astype(np.float32)


def ascending(codebook: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroids in ascending order, each once, and the codes that name them.

    Example:
        >>> ascending(np.array([2.0, 1.0], np.float32), np.array([0, 1], np.uint8))
        (array([1., 2.], dtype=float32), array([1, 0], dtype=uint8))
    """
    ordered, places = np.unique(codebook, return_inverse=True)
    return ordered, places.astype(np.uint8)[codes]


def _normal_equations(
    weights: np.ndarray,
    hessian: np.ndarray,
    codes: np.ndarray,
    count: int,
    importance: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    groups, inputs, _ = weights.shape
    one_hot = codes[..., np.newaxis] == np.arange(count, dtype=np.uint8)
    one_hot = one_hot.astype(np.float64)  # [groups, inputs, outputs, k]
    through = (hessian @ one_hot.reshape(groups, inputs, -1)).reshape(one_hot.shape)
    if importance is not None:
        through = through * importance[:, np.newaxis, :, np.newaxis]
    flat = through.reshape(-1, count)
    return one_hot.reshape(-1, count).T @ flat, weights.reshape(-1) @ flat
