import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.bitwidth.allocation import allocate, smallest
from tfsv.bitwidth.search import predicted_size
from tfsv.errors import InputError


def tables(seed, layers, widths):
    random = np.random.default_rng(seed)
    counts = random.integers(10, 400, layers)
    sensitivities, sizes = {}, {}
    for i, count in enumerate(counts):
        scale = 10 ** random.uniform(-5, 1)  # what is left is a tiny part of the worst choice
        sensitivities[f"layer{i}"] = {b: scale * 4.0**-b * random.uniform(0.5, 2) for b in widths}
        sizes[f"layer{i}"] = {b: float(-(-count * b // 8) + 2**b) for b in widths}
    return sensitivities, sizes


def brute_force(sensitivities, sizes, budget, tied, shared):
    best = None
    names = list(sensitivities)
    for bits in itertools.product(*(sensitivities[name] for name in names)):
        plan = dict(zip(names, bits, strict=True))
        if any(len({plan[name] for name in group}) > 1 for group in tied):
            continue
        if predicted_size(sizes, plan, shared) <= budget:
            loss = sum(sensitivities[n][b] for n, b in plan.items())
            best = loss if best is None else min(best, loss)
    return best


SHARED = {1: {1: 40}, 2: {2: 20}, 3: {2: 20, 1: 40}, 4: {4: 10}, 8: {}}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 1.0), tie=st.booleans())
def test_optimal_against_brute_force(seed, share, tie):
    sensitivities, sizes = tables(seed, 5, tuple(SHARED))
    tied = [("layer1", "layer3")] if tie else []
    least = smallest(sizes, tied, SHARED)
    low = predicted_size(sizes, least, SHARED)
    assert brute_force(sensitivities, sizes, low - 1, tied, SHARED) is None
    high = sum(max(row.values()) for row in sizes.values()) + 70
    budget = low + share * (high - low)
    plan = allocate(sensitivities, sizes, budget, tied=tied, tables=SHARED)
    loss = sum(sensitivities[n][b] for n, b in plan.items())
    assert predicted_size(sizes, plan, SHARED) <= budget and list(plan) == list(sensitivities)
    assert loss == pytest.approx(brute_force(sensitivities, sizes, budget, tied, SHARED))
    for chosen in (plan, least):
        assert not tie or chosen["layer1"] == chosen["layer3"]


def test_a_deep_network_is_solved():
    sensitivities, sizes = tables(1, 236, range(1, 9))
    budget = sum(row[4] for row in sizes.values())
    plan = allocate(sensitivities, sizes, budget, tables=SHARED)
    assert predicted_size(sizes, plan, SHARED) <= budget
    uniform = sum(row[4] for row in sensitivities.values())
    assert sum(sensitivities[n][b] for n, b in plan.items()) < uniform


def test_a_budget_that_is_too_small_names_the_smallest():
    sensitivities, sizes = tables(2, 3, (1, 2))
    least = int(sum(row[1] for row in sizes.values()))
    with pytest.raises(InputError, match=f"budget=5: too small; the smallest possible is {least}"):
        allocate(sensitivities, sizes, 5)
    assert set(allocate(sensitivities, sizes, least).values()) == {1}


def test_tables_that_do_not_fit_are_named():
    sensitivities, sizes = tables(3, 2, (1, 2))
    with pytest.raises(InputError, match="different layers: \\['layer1'\\]"):
        allocate(sensitivities, {"layer0": sizes["layer0"]}, 100)
    with pytest.raises(InputError, match="layer0: sensitivities for"):
        allocate(sensitivities, {**sizes, "layer0": {1: 3.0}}, 100)
    sensitivities["layer1"][2] = float("nan")
    with pytest.raises(InputError, match="layer1: a sensitivity is not finite"):
        allocate(sensitivities, sizes, 1000)
    sensitivities, sizes = tables(3, 2, (1, 2))
    apart = {"layer0": {1: 1.0}, "layer1": {2: 1.0}}
    with pytest.raises(InputError, match="tied layers need a width in common"):
        allocate(apart, apart, 100, tied=[("layer0", "layer1")])
