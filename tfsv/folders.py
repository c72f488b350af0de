"""Files and folders of a model and of a run, and the claim of a run on its folder."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from tfsv.errors import InputError
from tfsv.files import write_json
from tfsv.json_files import read_json

WEIGHTS = "network.weights.h5"
"""File of a model folder with the network's weights."""

CARD = "card.json"
"""File of a model folder with the model card. It is written last, so it marks a whole folder."""

COHORT = "cohort.npy"
"""File of a model folder with the cohort that its card's decision needs, int8 `[vectors, size]`."""

RESULTS = "results.json"
"""File of a model folder with the report of what was measured."""

REPLICATES = "replicates.npy"
"""File of a model folder with bootstrap replicates, float32 `[draws, measurements]`."""

RECIPE = "recipe.json"
"""File of a run's folder with all its settings."""

CHECKPOINTS = "checkpoints"
"""Folder of checkpoints in a model folder. A fit fills it; a finished model does not need it."""

FLOAT, POST_TRAINING = "float", "post_training"
FINE_TUNED, CONTROL = "fine_tuned", "control"
"""Model folders of a run: float, quantized, fine-tuned, and the float network trained further."""

TEACHER = "teacher"
"""Folder of a run with a teacher's embeddings of the training recordings."""

CALIBRATION = "calibration"
"""Folder in a model folder with the layers that were calibrated so far; a finished one has none."""

PLANS = "plans"
"""Folder of bit plans in a study's folder."""


def claim(
    file: pathlib.Path,
    settings: Mapping[str, Any],
    upgraded: Callable[[Any], Mapping[str, Any]] = dict,
) -> None:
    """Gives the folder of `file` to one run: writes the run's settings, or compares them.

    Example:
        >>> claim(pathlib.Path("runs/a/recipe.json"), {"seed": 0})
        >>> claim(pathlib.Path("runs/a/recipe.json"), {"seed": 1})
        Traceback (most recent call last):
        tfsv.errors.InputError: runs/a: holds a run with other settings (seed); ...

    Args:
        file: JSON file that keeps the settings.
        settings: JSON-ready settings. They are all that decides the outcome, hashes of inputs
            included.
        upgraded: Function that puts settings of an earlier version into today's form.

    Raises:
        InputError: The folder belongs to a run with other settings, which the message names, or the
            file cannot be read or written.
    """
    wanted = json.loads(json.dumps(settings))
    if not file.exists():
        write_json(file, wanted)
        return
    try:
        found = json.loads(json.dumps(upgraded(read_json(file))))
        different = _differences(wanted, found)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read; use another folder") from error
    if different:
        raise InputError(
            f"{file.parent}: holds a run with other settings ({', '.join(different)}); "
            "use another folder, or the same settings to resume"
        )


def _differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Names of the entries in which two tables differ, with the tables that hold them."""
    if not (isinstance(wanted, dict) and isinstance(found, dict)):
        return [path] if wanted != found else []
    names = []
    for key in sorted(set(wanted) | set(found)):
        inner = f"{path}.{key}" if path else key
        names += _differences(wanted.get(key), found.get(key), inner)
    return names
