import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from sklearn.cluster import KMeans

from tfsv.errors import InputError
from tfsv.quantization.codebook import assign, kmeans, midpoints, squared_error
from tfsv.quantization.scale import best_scale
from tfsv.quantization.schemes.levels import uniform_levels

floats = strategies.floats(-1e3, 1e3, width=32)
quick = settings(max_examples=40, deadline=None)


def brute_force_error(weights, count):
    """Least error over all ways to cut the sorted weights into intervals."""
    values = np.sort(np.asarray(weights, np.float64))
    best = np.inf
    for cuts in itertools.combinations(range(1, len(values)), min(count, len(values)) - 1):
        parts = np.split(values, cuts)
        best = min(best, sum(((part - part.mean()) ** 2).sum() for part in parts))
    return best


@quick
@given(strategies.lists(floats, min_size=1, max_size=9), strategies.integers(1, 5))
def test_small_inputs_reach_the_optimum(weights, count):
    centroids = kmeans(np.array(weights), count)
    error = squared_error(weights, centroids)
    scale = max(1.0, np.abs(weights).max()) ** 2
    assert error <= brute_force_error(weights, count) + 1e-6 * scale


@pytest.mark.parametrize("count", [2, 4, 16])
@pytest.mark.parametrize("shape", ["normal", "laplace", "two_humps"])
def test_not_worse_than_scikit_learn(count, shape):
    random = np.random.default_rng(count)
    weights = {
        "normal": random.normal(size=5000),
        "laplace": random.laplace(size=5000),
        "two_humps": np.concatenate([random.normal(-3, 0.2, 2500), random.normal(3, 1, 2500)]),
    }[shape].astype(np.float32)
    reference = KMeans(count, init="k-means++", n_init=10, random_state=0)
    reference.fit(weights[:, None].astype(np.float64))
    assert squared_error(weights, kmeans(weights, count)) <= reference.inertia_ * (1 + 1e-6)


@pytest.mark.parametrize("bits", [7, 8])
@pytest.mark.parametrize("shape", ["normal", "student", "outliers"])
def test_many_centroids_for_few_weights(bits, shape):
    random = np.random.default_rng(bits)
    weights = {
        "normal": random.normal(size=4608),
        "student": random.standard_t(3, 9216),
        "outliers": np.concatenate([random.normal(size=4608), [-100, -80, 90, 100, 120]]),
    }[shape].astype(np.float32)
    error = squared_error(weights, kmeans(weights, 2**bits))
    reference = KMeans(2**bits, init="k-means++", n_init=1, random_state=0)
    reference.fit(weights[:, None].astype(np.float64))
    assert error <= reference.inertia_
    levels = uniform_levels(bits)
    grid = levels * best_scale(weights, levels)
    assert error <= squared_error(weights, grid.astype(np.float32))
    assert error < squared_error(weights, kmeans(weights, 2 ** (bits - 1)))


def test_large_layer_is_fast_and_near_the_theory():
    weights = np.random.default_rng(0).normal(size=1_300_000).astype(np.float32)
    start = time.process_time()
    centroids = kmeans(weights, 16)
    assert time.process_time() - start < 2.0  # about 0.15 s on a quiet core
    # 0.009497: least mean squared error of a 4-bit quantizer of a Gaussian (Max, 1960)
    assert squared_error(weights, centroids) / len(weights) == pytest.approx(0.009497, rel=0.01)


@quick
@given(
    strategies.lists(floats, min_size=5, max_size=200, unique=True),
    strategies.sampled_from([2, 4, 8]),
    strategies.sampled_from([0.001, 0.5, 4.0, 1000.0]),
)
def test_scale_equivariance(weights, count, scale):
    weights = np.array(weights, np.float64)
    error = squared_error(weights, kmeans(weights, count))
    scaled = squared_error(weights * scale, kmeans(weights * scale, count))
    assert scaled == pytest.approx(error * scale**2, rel=1e-3, abs=1e-6 * scale**2)


@quick
@given(
    strategies.lists(floats, min_size=1, max_size=300), strategies.sampled_from([1, 2, 3, 16, 256])
)
def test_centroids_ascend_and_quantizing_twice_changes_nothing(weights, count):
    weights = np.array(weights, np.float32)
    centroids = kmeans(weights, count)
    assert centroids.dtype == np.float32
    assert 1 <= len(centroids) <= count
    assert (np.diff(centroids) > 0).all()
    decoded = centroids[assign(weights, centroids)]
    np.testing.assert_array_equal(centroids[assign(decoded, centroids)], decoded)


def test_order_of_the_weights_does_not_matter():
    weights = np.random.default_rng(1).normal(size=20_000).astype(np.float32)
    shuffled = np.random.default_rng(2).permutation(weights)
    np.testing.assert_array_equal(kmeans(weights, 8), kmeans(shuffled, 8))


def test_fewer_distinct_weights_than_centroids():
    weights = np.array([3, 1, 1, 3, 2, 2], np.float32)
    np.testing.assert_array_equal(kmeans(weights, 16), [1, 2, 3])
    assert squared_error(weights, kmeans(weights, 16)) == 0


@pytest.mark.parametrize("value", [0.0, -7.25, 1e-30, 1e30])
def test_constant_layer(value):
    np.testing.assert_array_equal(
        kmeans(np.full((3, 3), value, np.float32), 4), np.float32([value])
    )


def test_far_from_zero_keeps_its_precision():
    weights = np.float32(1000) + np.linspace(0, 1, 5000, dtype=np.float32)
    spread = squared_error(weights, kmeans(weights, 4)) / len(weights)
    assert spread == pytest.approx((1 / 4) ** 2 / 12, rel=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_names_the_layer(bad):
    with pytest.raises(InputError, match="stage1_conv: 1 of 3 weights are NaN or infinite"):
        kmeans(np.array([1.0, bad, 2.0]), 2, name="stage1_conv")


def test_nothing_to_quantize():
    with pytest.raises(InputError, match="no weights"):
        kmeans(np.array([]), 2)
    with pytest.raises(InputError, match="257 centroids"):
        kmeans(np.array([1.0]), 257)


def test_warm_start_goes_to_a_fixed_point():
    random = np.random.default_rng(3)
    weights = random.normal(size=50_000).astype(np.float32)
    before = kmeans(weights, 16)
    moved = weights + 0.01 * random.normal(size=weights.shape).astype(np.float32)
    warm = kmeans(moved, 16, start=before)
    assert squared_error(moved, warm) <= 1.005 * squared_error(moved, kmeans(moved, 16))
    codes = assign(moved, warm)
    means = [moved[codes == k].mean() for k in range(16)]
    np.testing.assert_allclose(warm, means, atol=1e-4)


def test_start_with_useless_centroids_is_mended():
    weights = np.random.default_rng(4).normal(size=5000).astype(np.float32)
    warm = kmeans(weights, 8, start=np.array([100.0, 200.0, 300.0]))
    assert len(warm) == 8
    assert squared_error(weights, warm) <= 1.05 * squared_error(weights, kmeans(weights, 8))


def test_codes_are_the_nearest_centroids():
    random = np.random.default_rng(5)
    centroids = np.sort(random.normal(size=16)).astype(np.float32)
    weights = random.normal(size=(7, 9)).astype(np.float32)
    nearest = np.abs(weights[..., None] - centroids).argmin(-1)
    np.testing.assert_array_equal(assign(weights, centroids), nearest)
    middle = midpoints(centroids)
    np.testing.assert_array_equal(assign(middle, centroids), np.arange(15))  # a tie goes down
