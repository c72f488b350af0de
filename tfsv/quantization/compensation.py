"""Codes whose errors make up for one another in a layer's outputs."""

import numpy as np

from tfsv.quantization.codebook import assign

_BLOCK = 64  # inputs whose errors are passed on together


def output_error(difference: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """dᵀ H d of every output channel: the mean squared error of the layer's outputs.

    Example:
        >>> output_error(np.array([[[1.0], [2.0]]]), np.eye(2)[np.newaxis])
        array([[5.]])

    Args:
        difference: Weights minus coded weights, `[groups, inputs, outputs]`.
        hessian: Second moments of the layer's inputs, `[groups, inputs, inputs]`.

    Returns:
        float64 `[groups, outputs]`.
    """
    return np.maximum(np.sum(difference * (hessian @ difference), axis=1), 0)


def damped(hessian: np.ndarray, damping: float) -> np.ndarray:
    """The Hessian plus a part of its mean diagonal, so that it can be inverted.

    Inputs that are always 0 get 1 on the diagonal.

    Example:
        >>> damped(np.diag([1.0, 3.0])[np.newaxis], 0.5)[0]
        array([[2., 0.],
               [0., 4.]])

    Args:
        hessian: Second moments, `[groups, inputs, inputs]`.
        damping: Part of the mean diagonal of each group.
    """
    diagonal = np.diagonal(hessian, axis1=1, axis2=2)
    added = np.repeat(damping * diagonal.mean(1, keepdims=True), diagonal.shape[1], 1)
    added = np.where(diagonal + added > 0, added, 1.0)
    return hessian + added[:, :, np.newaxis] * np.eye(diagonal.shape[1])


def compensated(
    weights: np.ndarray,
    hessian: np.ndarray,
    codebook: np.ndarray,
    *,
    order: str = "curvature",
) -> np.ndarray:
    """The codes of a layer, input by input, each error passed on to inputs not yet coded (GPTQ).

    After the weights of an input have got their nearest centroids, all weights not yet coded move
    to where the outputs are best, given the coded ones. With U the upper Cholesky factor of H⁻¹
    that is w_j −= (w_i − q_i) · U_ij / U_ii (arXiv:2210.17323).

    Example:
        >>> hessian = np.array([[[1.0, 0.9], [0.9, 1.0]]])
        >>> compensated(np.array([[[0.4], [0.4]]]), hessian, np.array([0.0, 1.0], np.float32))[0]
        array([[0],
               [1]], dtype=uint8)

    Args:
        weights: Weights, `[groups, inputs, outputs]`.
        hessian: Positive definite second moments of the inputs, `[groups, inputs, inputs]`.
        codebook: Ascending centroids, float32 `[k]`.
        order: One of the orders of `CodeCalibration`. "curvature" codes inputs by descending
            diagonal of H (the "act order" of GPTQ's code), separately in each group.

    Returns:
        Codes, uint8 `[groups, inputs, outputs]`.
    """
    groups, count, _ = weights.shape
    places = np.tile(np.arange(count), (groups, 1))
    if order == "curvature":
        places = np.argsort(-np.diagonal(hessian, axis1=1, axis2=2), axis=1, kind="stable")
    rows = np.arange(groups)[:, np.newaxis]
    moved = np.array(weights[rows, places], np.float64)
    sorted_hessian = hessian[rows[:, :, np.newaxis], places[:, :, None], places[:, None, :]]
    inverse = np.linalg.inv(sorted_hessian)
    inverse = (inverse + inverse.transpose(0, 2, 1)) / 2
    upper = np.linalg.cholesky(inverse).transpose(0, 2, 1)
    upper = upper / np.diagonal(upper, axis1=1, axis2=2)[:, :, np.newaxis]
    codes = np.empty(weights.shape, np.uint8)
    centroids = codebook.astype(np.float64)
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        errors = np.empty_like(moved[:, start:end])
        for i in range(start, end):
            codes[:, i] = assign(moved[:, i], codebook)
            error = moved[:, i] - centroids[codes[:, i]]
            errors[:, i - start] = error
            passed = upper[:, i, i + 1 : end, np.newaxis] * error[:, np.newaxis]
            moved[:, i + 1 : end] -= passed
        moved[:, end:] -= upper[:, start:end, end:].transpose(0, 2, 1) @ errors
    restored = np.empty_like(codes)
    restored[rows, places] = codes
    return restored


def descended(
    weights: np.ndarray,
    hessian: np.ndarray,
    codebook: np.ndarray,
    codes: np.ndarray,
    *,
    sweeps: int = 1,
) -> np.ndarray:
    """Better codes, each in turn the best one given all others.

    This is coordinate descent on `output_error`, which no change raises. What is best for input i
    is the centroid nearest to q_i − (H (q − w))_i / H_ii.

    Example:
        >>> better = descended(weights, hessian, codebook, codes, sweeps=2)
        >>> output_error(weights - codebook[better], hessian).sum()

    Args:
        weights: Weights, `[groups, inputs, outputs]`.
        hessian: Second moments of the inputs with a diagonal above 0, `[groups, inputs, inputs]`.
        codebook: Ascending centroids, float32 `[k]`.
        codes: Codes to start from, uint8 `[groups, inputs, outputs]`.
        sweeps: Most passes over all inputs. It ends earlier when nothing changes.

    Returns:
        Codes, uint8 `[groups, inputs, outputs]`.
    """
    centroids = codebook.astype(np.float64)
    codes = codes.copy()
    slopes = hessian @ (centroids[codes] - weights)
    diagonal = np.diagonal(hessian, axis1=1, axis2=2)
    count = codes.shape[1]
    for _ in range(sweeps):
        any_changed = False
        for start in range(0, count, _BLOCK):
            end = min(start + _BLOCK, count)
            changes = np.zeros(slopes[:, start:end].shape)
            for i in range(start, end):
                present = centroids[codes[:, i]]
                best = assign(present - slopes[:, i] / diagonal[:, i, np.newaxis], codebook)
                change = centroids[best] - present
                if not change.any():
                    continue
                codes[:, i] = best
                changes[:, i - start] = change
                along = hessian[:, i, start:end, np.newaxis] * change[:, np.newaxis]
                slopes[:, start:end] += along
            if changes.any():
                any_changed = True
                moved = hessian[:, :, start:end] @ changes
                slopes[:, :start] += moved[:, :start]
                slopes[:, end:] += moved[:, end:]
        if not any_changed:
            break
    return codes
