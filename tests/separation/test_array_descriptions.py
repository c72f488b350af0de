"""Arrays that people describe, and a line for what describes none."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tfsv.errors import InputError
from tfsv.separation.array_descriptions import read_array, usual_pairs


def described(folder, text):
    path = folder / "array.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def test_places_count_from_the_middle(tmp_path):
    array = read_array(described(tmp_path, {"positions": [0.1, 0.13, 0.18]}))
    np.testing.assert_allclose(array.positions, [-0.04, -0.01, 0.04])
    assert array.pairs == ((1, 2), (2, 3), (1, 3))


def test_pairs_may_be_chosen(tmp_path):
    fields = {"positions": [0, 0.05, 0.1, 0.2], "pairs": [[4, 1], [1, 2]]}
    assert read_array(described(tmp_path, fields)).pairs == ((4, 1), (1, 2))


@given(some.lists(some.integers(1, 200), min_size=1, max_size=40))
def test_usual_pairs_have_distances_of_their_own_from_nearest_to_farthest(gaps):
    places = np.concatenate([[0], np.cumsum(gaps)]) / 1000
    pairs = usual_pairs(places)
    distances = [places[b - 1] - places[a - 1] for a, b in pairs]
    assert 1 <= len(pairs) <= 9
    assert np.all(np.diff(distances) > 0)
    assert distances[-1] == pytest.approx(places[-1])
    assert distances[0] == pytest.approx(min(gaps) / 1000) or len(pairs) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[0, 1]", 'expected {"positions"'),
        ({"places": [0, 1]}, 'expected {"positions"'),
        ({"positions": [0, 1], "angle": 3}, 'expected {"positions"'),
        ({"positions": [0]}, "expected 2 to 64 positions"),
        ({"positions": list(range(65))}, "expected 2 to 64 positions"),
        ({"positions": [0.1, 0]}, "describes no array of microphones"),
        ({"positions": [0, "a"]}, "describes no array of microphones"),
        ({"positions": [0, 1e999]}, "array.json"),
        ({"positions": [0, 30]}, "30 m long; expected 10 m at most"),
        ({"positions": [0, 1], "pairs": []}, "has no pairs; leave them out"),
        ({"positions": [0, 1], "pairs": [[1, 3]]}, "describes no array of microphones"),
        ({"positions": [0, 1], "pairs": [[1]]}, "describes no array of microphones"),
        ("{", "not a description of an array"),
    ],
)
def test_what_describes_no_array_is_one_line(tmp_path, text, line):
    path = described(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_array(path)
    assert line in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
