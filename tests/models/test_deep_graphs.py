"""Networks deeper than Python's stack of calls."""

import sys

import pytest

from tfsv.models.deep_graphs import allow_depth


def deep(calls):
    return 0 if calls == 0 else 1 + deep(calls - 1)


@pytest.fixture(autouse=True)
def usual_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


def test_room_for_one_call_a_layer():
    with pytest.raises(RecursionError):
        deep(1500)
    allow_depth(1500)
    assert deep(1500) == 1500


def test_the_limit_is_never_lowered():
    allow_depth(3000)
    allow_depth(10)
    assert sys.getrecursionlimit() == 4000
