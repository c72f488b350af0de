import itertools

import pytest

from tfsv.errors import InputError
from tfsv.training.schedules import LearningRate, Margin


def test_learning_rate_decays_exponentially_after_warm_up():
    rate = LearningRate(0.1, 0.001, steps=100, warmup_steps=10)
    assert rate(0) == pytest.approx(0.1 * 0.1)
    assert rate(4) == pytest.approx(0.1 * 0.01**0.04 * 0.5)
    assert rate(50) == pytest.approx(0.01)
    assert rate(100) == pytest.approx(0.001)


def test_margin_rises_between_start_and_end():
    margin = Margin(0.2, start=10, end=20)
    values = [margin(step) for step in range(30)]
    assert values[:11] == [0.0] * 11
    assert values[20:] == [0.2] * 10
    assert all(a < b for a, b in itertools.pairwise(values[10:21]))
    assert values[15] < 0.1  # exponential: late
    assert Margin(0.3)(0) == 0.3


@pytest.mark.parametrize("arguments", [(0.1, 0.2, 10), (0.1, 0, 10), (-1, -1, 10)])
def test_bad_learning_rates_are_refused(arguments):
    with pytest.raises(InputError, match="learning rate"):
        LearningRate(*arguments)


def test_bad_margin_is_refused():
    with pytest.raises(InputError, match="margin"):
        Margin(2.0)
