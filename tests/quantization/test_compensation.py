"""Compensated codes and refitted centroids against least squares solved outright."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from tfsv.quantization.codebook import assign, kmeans
from tfsv.quantization.compensation import compensated, damped, descended, output_error
from tfsv.quantization.refitting import ascending, refitted

ORDERS = ("natural", "curvature")


def problem(seed=0, groups=2, inputs=7, outputs=5, samples=40, bits=2):
    """Correlated inputs, weights, and the codebook of k-means."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(groups, inputs, inputs))
    x = random.normal(size=(groups, samples, inputs)) @ mixing
    weights = random.normal(size=(groups, inputs, outputs))
    hessian = x.transpose(0, 2, 1) @ x / samples
    return x, weights, hessian, kmeans(weights, 2**bits)


def sequential(x, weights, codebook, places):
    """The codes of one group when, after each input, the rest is solved by least squares anew."""
    weights, codes = weights.copy(), np.zeros(weights.shape, np.uint8)
    wanted = x @ weights
    moved = weights.copy()
    for number, i in enumerate(places):
        codes[i] = assign(moved[i], codebook)
        moved[i] = codebook[codes[i]]
        done, left = places[: number + 1], places[number + 1 :]
        if len(left):
            rest = wanted - x[:, done] @ moved[done]
            moved[left] = np.linalg.lstsq(x[:, left], rest, rcond=None)[0]
    return codes


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("inputs", [1, 7, 150])
def test_compensation_is_sequential_least_squares(order, inputs):
    x, weights, hessian, codebook = problem(inputs=inputs, samples=3 * inputs + 9)
    codes = compensated(weights, hessian, codebook, order=order)
    for group in range(len(x)):
        places = np.arange(inputs)
        if order == "curvature":
            places = np.argsort(-np.diagonal(hessian[group]))
        wanted = sequential(x[group], weights[group], codebook, places)
        assert np.mean(codes[group] == wanted) > 0.999, group  # a weight may lie on a boundary


def test_uncorrelated_inputs_need_no_compensation():
    _, weights, _, codebook = problem()
    identity = np.tile(np.eye(weights.shape[1]), (2, 1, 1))
    nearest = assign(weights, codebook)
    np.testing.assert_array_equal(compensated(weights, identity, codebook), nearest)
    np.testing.assert_array_equal(descended(weights, identity, codebook, nearest), nearest)


def test_output_error_is_that_of_the_outputs():
    x, weights, hessian, codebook = problem()
    difference = weights - codebook[assign(weights, codebook)]
    np.testing.assert_allclose(
        output_error(difference, hessian), np.mean((x @ difference) ** 2, axis=1)
    )


def test_damping_makes_any_hessian_invertible():
    x = np.array([[[1.0, 1.0, 0.0]]])  # one sample, and an input that is always 0
    added = damped(x.transpose(0, 2, 1) @ x, 0.01)
    assert np.linalg.eigvalsh(added[0]).min() > 0
    np.testing.assert_array_equal(damped(np.zeros((1, 2, 2)), 0.01)[0], np.eye(2))


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(strategies.integers(0, 10_000), strategies.integers(1, 4))
def test_no_step_raises_the_error(seed, bits):
    _, weights, hessian, codebook = problem(seed, inputs=9, bits=bits)
    hessian = damped(hessian, 0.01)

    def error(codebook, codes):
        return output_error(weights - codebook.astype(float)[codes], hessian).sum()

    codes = compensated(weights, hessian, codebook)
    errors = [error(codebook, codes)]
    for _ in range(2):
        codebook, codes = ascending(refitted(weights, hessian, codes, codebook), codes)
        errors.append(error(codebook, codes))
        codes = descended(weights, hessian, codebook, codes, sweeps=2)
        errors.append(error(codebook, codes))
    assert np.all(np.diff(errors) <= 1e-6 * errors[0]), errors


def test_descent_ends_where_no_single_code_is_better():
    _, weights, hessian, codebook = problem(inputs=70)
    codes = descended(weights, hessian, codebook, assign(weights, codebook), sweeps=100)
    least = output_error(weights - codebook[codes], hessian)
    for i in range(70):
        for code in range(len(codebook)):
            other = codes.copy()
            other[:, i] = code
            assert np.all(output_error(weights - codebook[other], hessian) > least - 1e-5)


def test_refitted_centroids_are_least_squares():
    x, weights, _, codebook = problem()
    importance = np.random.default_rng(3).uniform(0.5, 2, size=weights.shape[::2])
    hessian = x.transpose(0, 2, 1) @ x
    codes = assign(weights, codebook)
    rows, targets = [], []
    for group in range(2):
        for output in range(weights.shape[2]):
            root = np.sqrt(importance[group, output])
            one_hot = np.eye(len(codebook))[codes[group, :, output]]
            rows.append(root * x[group] @ one_hot)
            targets.append(root * x[group] @ weights[group, :, output])
    wanted = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    found = refitted(weights, hessian, codes, codebook, importance)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_centroids_without_members_stay():
    _, weights, hessian, codebook = problem()
    codes = np.where(weights > 0, 3, 1).astype(np.uint8)
    found = refitted(weights, hessian, codes, codebook)
    np.testing.assert_array_equal(found[[0, 2]], codebook[[0, 2]])
    assert found[1] != codebook[1]


def test_ascending_keeps_what_codes_mean():
    codebook, codes = np.array([2, -1, 2, 0], np.float32), np.array([[0, 1], [2, 3]], np.uint8)
    ordered, named = ascending(codebook, codes)
    assert list(ordered) == [-1, 0, 2] and named.dtype == np.uint8
    np.testing.assert_array_equal(ordered[named], codebook[codes])
