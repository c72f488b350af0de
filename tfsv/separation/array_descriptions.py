"""Arrays of microphones as people describe them, in a file of JSON."""

import itertools
import os
from collections.abc import Mapping, Sequence

import numpy as np

from tfsv.audio.soundfiles import MOST_CHANNELS
from tfsv.errors import InputError
from tfsv.json_files import read_json
from tfsv.separation.microphones import MicrophoneArray

_LONGEST = 10.0  # metres
_PAIRS = 9  # as the paper's array has


def read_array(path: str | os.PathLike) -> MicrophoneArray:
    """Reads a description such as `{"positions": [0, 0.03, 0.08]}`.

    "positions" are places along the line in metres, ascending, from any point. "pairs" are the
    pairs whose phases are compared, such as `[[1, 3], [1, 2]]`; without them `usual_pairs` chooses.

    Example:
        >>> read_array("array.json").positions
        (-0.04, -0.01, 0.04)

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read, or describes no line of 2 to 64 microphones within 10
            metres.
    """
    fields = read_json(path, "a description of an array")
    if not isinstance(fields, Mapping) or not {"positions"} <= set(fields) <= {
        "positions",
        "pairs",
    }:
        raise InputError(f'{path}: expected {{"positions": [metres, …]}}, and "pairs" if wanted')
    given = fields["positions"]
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_CHANNELS:
        raise InputError(f"{path}: expected 2 to {MOST_CHANNELS} positions")
    array = MicrophoneArray.from_json({"positions": given, "pairs": []}, str(path))
    if array.length > _LONGEST:
        raise InputError(f"{path}: {array.length:g} m long; expected {_LONGEST:g} m at most")
    middle = (array.positions[0] + array.positions[-1]) / 2
    centred = [round(place - middle, 6) for place in array.positions]
    pairs = fields.get("pairs", usual_pairs(centred))
    if not pairs:
        raise InputError(f"{path}: has no pairs; leave them out for the usual ones")
    return MicrophoneArray.from_json({"positions": centred, "pairs": pairs}, str(path))


def usual_pairs(positions: Sequence[float]) -> list[list[int]]:
    """Pairs of microphones of nine distances at most, the nearest and the farthest among them.

    Example:
        >>> usual_pairs([-0.04, -0.01, 0.04])
        [[1, 2], [2, 3], [1, 3]]

    Args:
        positions: Places on the line, metres, ascending.

    Returns:
        Pairs by number, from 1, the nearest ones first.
    """
    distances: dict[float, list[int]] = {}
    for (a, one), (b, other) in itertools.combinations(enumerate(positions, start=1), 2):
        distances.setdefault(round(other - one, 4), [a, b])
    pairs = [distances[distance] for distance in sorted(distances)]
    chosen = np.linspace(0, len(pairs) - 1, min(_PAIRS, len(pairs))).round().astype(int)
    return [pairs[number] for number in chosen]
