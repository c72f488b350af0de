"""What lies in a model's and in a run's folder, and whose run a folder is."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from tfsv.errors import InputError
from tfsv.files import write_json

WEIGHTS = "network.weights.h5"
"""File of a model folder with the network's weights."""

CARD = "card.json"
"""File of a model folder with the model card; the last that is written, so it marks a whole one."""

RESULTS = "results.json"
"""File of a model folder with the report of what was measured."""

REPLICATES = "replicates.npy"
"""File of a model folder with bootstrap replicates, float32 `[draws, measurements]`."""

RECIPE = "recipe.json"
"""File of a run's folder with all its settings."""

CHECKPOINTS = "checkpoints"
"""Folder of a model folder that a fit fills; superfluous once the model is there."""

FLOAT, POST_TRAINING = "float", "post_training"
FINE_TUNED, CONTROL = "fine_tuned", "control"
"""Model folders of a run: float, quantized, fine-tuned, and the float network trained further."""

PLANS = "plans"
"""Folder of bit plans in that of a study."""


def claim(
    file: pathlib.Path,
    settings: Mapping[str, Any],
    upgraded: Callable[[Any], Mapping[str, Any]] = dict,
) -> None:
    """Makes the folder of `file` that of one run: writes the settings, or compares them.

    Args:
        file: Keeps the settings, as JSON.
        settings: JSON-ready; whatever decides the outcome, hashes of inputs included.
        upgraded: Puts settings that an earlier version wrote into today's form.

    Raises:
        InputError: The folder is of a run with other settings (the message names them), or the
            file cannot be read or written.
    """
    wanted = json.loads(json.dumps(settings))
    if not file.exists():
        write_json(file, wanted)
        return
    try:
        found = json.loads(json.dumps(upgraded(json.loads(file.read_text(encoding="utf-8")))))
        different = _differences(wanted, found)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read; use another folder") from error
    if different:
        raise InputError(
            f"{file.parent}: holds a run with other settings ({', '.join(different)}); "
            "use another folder, or the same settings to resume"
        )


def _differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Names of what differs between two tables, with the tables that it is in."""
    if not (isinstance(wanted, dict) and isinstance(found, dict)):
        return [path] if wanted != found else []
    names = []
    for key in sorted(set(wanted) | set(found)):
        inner = f"{path}.{key}" if path else key
        names += _differences(wanted.get(key), found.get(key), inner)
    return names
