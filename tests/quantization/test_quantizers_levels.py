"""Tables of levels and their least-squares scales."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from tfsv.quantization.scale import alternate, best_scale
from tfsv.quantization.schemes.levels import additive_power_levels, power_levels, uniform_levels

# The tables of the public APoT code, magnitudes only, largest 1.
PUBLISHED = {
    2: [0, 1],
    3: [0, 0.25, 0.5, 1],
    4: [0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1],
    5: [0, 1 / 48, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 3 / 16, 1 / 4, 1 / 3, 3 / 8, 1 / 2,
        2 / 3, 11 / 16, 3 / 4, 1],
}  # fmt: skip


@pytest.mark.parametrize("bits", PUBLISHED)
def test_additive_powers_are_the_published_tables(bits):
    levels = additive_power_levels(bits)
    np.testing.assert_allclose(levels[levels >= 0], PUBLISHED[bits], rtol=1e-6)


@pytest.mark.parametrize("bits", range(2, 9))
def test_additive_powers_are_sums_of_few_powers(bits):
    levels = additive_power_levels(bits).astype(np.float64)
    pairs, single = divmod(bits - 1, 2)
    unit = 2.0 ** (-(3 * pairs + single - 1))
    largest = sum(2.0**-i for i in range(pairs)) + single * 2.0 ** (-2 * pairs)
    integers = np.round(levels[levels > 0] * largest / unit).astype(int)
    np.testing.assert_allclose(integers * unit / largest, levels[levels > 0], rtol=1e-6)
    assert max(bin(n).count("1") for n in integers) == pairs + single


@pytest.mark.parametrize("table", [uniform_levels, power_levels, additive_power_levels])
def test_counts_order_and_symmetry(table):
    for bits in range(2, 8):
        levels = table(bits)
        assert levels.dtype == np.float32 and len(levels) == 2**bits - 1
        assert (np.diff(levels) > 0).all()
        np.testing.assert_array_equal(levels, -levels[::-1])


def test_one_bit_two_bits_and_powers():
    np.testing.assert_array_equal(uniform_levels(1), [-1, 1])
    for table in (uniform_levels, power_levels, additive_power_levels):
        np.testing.assert_array_equal(table(2), [-1, 0, 1])
    np.testing.assert_array_equal(power_levels(3), [-1, -0.5, -0.25, 0, 0.25, 0.5, 1])
    np.testing.assert_array_equal(uniform_levels(8), np.arange(-127, 128))


def error(weights, levels, scale):
    nearest = np.abs(weights[:, None] - scale * levels).min(1)
    return np.sum(nearest**2)


@settings(max_examples=25, deadline=None)
@given(
    strategies.lists(strategies.floats(-100, 100, width=32), min_size=1, max_size=60),
    strategies.sampled_from([uniform_levels(1), uniform_levels(2), uniform_levels(4),
                             power_levels(3), additive_power_levels(4)]),
)  # fmt: skip
def test_best_scale_against_a_fine_search(weights, levels):
    weights = np.array(weights)
    levels = levels.astype(np.float64)
    scale = best_scale(weights, levels)
    widest = np.abs(weights).max() / levels[-1]
    searched = min(error(weights, levels, a) for a in np.linspace(0, widest, 2000))
    assert error(weights, levels, scale) <= 1.15 * searched + 1e-9 * np.sum(weights**2)


@pytest.mark.parametrize(
    # least mean squared errors of uniform midtread and sign quantizers of a Gaussian (Max, 1960)
    ("bits", "expected"),
    [(1, 0.3634), (2, 0.1902), (3, 0.04686)],
)
def test_error_of_gaussian_weights(bits, expected):
    weights = np.random.default_rng(0).normal(size=200_000)
    levels = uniform_levels(bits).astype(np.float64)
    scale = best_scale(weights, levels)
    assert error(weights, levels, scale) / 200_000 == pytest.approx(expected, rel=0.02)


def test_alternating_never_gets_worse():
    weights = np.random.default_rng(1).laplace(size=3000)
    levels = uniform_levels(3).astype(np.float64)
    errors = [error(weights, levels, alternate(weights, levels, 2.0, n)) for n in range(12)]
    assert (np.diff(errors) <= 1e-9).all() and errors[-1] < 0.7 * errors[0]


def test_nothing_to_scale():
    assert best_scale(np.zeros(4), uniform_levels(2)) == 0
    assert alternate(np.full(4, 0.1), uniform_levels(2), 1.0) == 1.0
    weights = np.array([-0.3, 0.3], np.float32)
    assert alternate(weights, uniform_levels(1), 0.3, target=-weights) == 0.3
