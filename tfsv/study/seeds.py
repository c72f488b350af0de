"""The same models over several seeds, side by side as Markdown."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsv.errors import InputError


def seed_table(runs: Mapping[str, Mapping[str, Mapping[str, Any]]], baseline: str = "float") -> str:
    """EER, minDCF and size of every model, by seed and on average.

    Args:
        runs: Name of the run (its seed) to model name to the record of
            `tfsv.verification.evaluation.evaluate` with `bytes`. All runs have the same models.
        baseline: The model that the mean EERs are compared with.

    Returns:
        A Markdown table: a line a model, a column a run.

    Raises:
        InputError: A run lacks a model, or there are no runs.
    """
    if not runs:
        raise InputError("no runs to tabulate")
    models = list(next(iter(runs.values())))
    for run, records in runs.items():
        if missing := sorted(set(models) ^ set(records)):
            raise InputError(f"{run}: the runs differ in their models: {', '.join(missing)}")
    if baseline not in models:
        raise InputError(f"{baseline}: none of the runs' models: {', '.join(models)}")
    rows = [
        ["model", "kB", *(f"EER %, {run}" for run in runs), "mean", f"mean / {baseline}", "minDCF"],
        ["---", *["---:"] * (len(runs) + 4)],
    ]
    mean = {model: _mean(runs, model, "eer") for model in models}
    for model in models:
        size = next(iter(runs.values()))[model]["bytes"]
        rows.append(
            [
                model,
                f"{size / 1000:.1f}",
                *(f"{100 * records[model]['eer']:.2f}" for records in runs.values()),
                f"{100 * mean[model]:.2f}",
                f"{mean[model] / mean[baseline]:.3f}",
                f"{_mean(runs, model, 'min_dcf_0.01'):.3f}",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _mean(runs: Mapping[str, Mapping[str, Mapping[str, Any]]], model: str, key: str) -> float:
    return float(np.mean([records[model][key] for records in runs.values()]))
