"""The array is the one that the cards state, and its arrivals are those of plane waves."""

import json

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray


def test_the_line_is_symmetric_uneven_and_half_a_metre():
    places = np.array(LINE_OF_15.positions)
    assert places.shape == (15,) and np.isclose(LINE_OF_15.length, 0.56)
    np.testing.assert_allclose(places, -places[::-1], atol=1e-12)
    np.testing.assert_allclose(np.diff(places)[:7], [0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01])
    assert len(LINE_OF_15.pairs) == 9 and LINE_OF_15.pair_indices.max() == 14


@pytest.mark.parametrize("degrees", [0, 37, 90, 180])
def test_arrivals_are_those_of_a_source_far_away(degrees):
    source = 1e5 * np.array([-np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    places = np.stack([LINE_OF_15.positions, np.zeros(15)], axis=1)
    seconds = np.linalg.norm(source - places, axis=1) / 343
    found = LINE_OF_15.arrivals(degrees)
    np.testing.assert_allclose(found, seconds - seconds[0], atol=1e-8)
    assert LINE_OF_15.arrivals(np.zeros((2, 3))).shape == (2, 3, 15)


def test_a_card_keeps_all_of_it():
    fields = json.loads(json.dumps(LINE_OF_15.to_json()))
    assert MicrophoneArray.from_json(fields, "bank.json") == LINE_OF_15


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {"positions": [0, 1]},
        {"positions": [1, 0], "pairs": []},
        {"positions": [0, 1], "pairs": [[1, 3]]},
        {"positions": [0, float("nan")], "pairs": []},
        {"positions": [0, 1], "pairs": [1]},
    ],
)
def test_what_describes_no_array_is_one_line(fields):
    with pytest.raises(InputError, match="bank.json: describes no array") as caught:
        MicrophoneArray.from_json(fields, "bank.json")
    assert "\n" not in str(caught.value)
