"""The same models over several seeds, side by side as Markdown."""

from collections.abc import Mapping

import numpy as np

from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.text_tables import markdown


def seed_table(runs: Mapping[str, Mapping[str, Report]], baseline: str = "float") -> str:
    """The main measurement by seed and on average, the second one and the size of every model.

    Args:
        runs: Name of the run (its seed) to model name to its report, which has `bytes` in its
            details. All runs have the same models.
        baseline: The model that the means are compared with.

    Returns:
        A Markdown table: a line a model, a column a run.

    Raises:
        InputError: A run lacks a model, or there are no runs.
    """
    if not runs:
        raise InputError("no runs to tabulate")
    models = list(next(iter(runs.values())))
    for run, reports in runs.items():
        if missing := sorted(set(models) ^ set(reports)):
            raise InputError(f"{run}: the runs differ in their models: {', '.join(missing)}")
    if baseline not in models:
        raise InputError(f"{baseline}: none of the runs' models: {', '.join(models)}")
    main, *others = next(iter(runs.values()))[baseline].measurements[:2]
    columns = (f"{main.heading}, {run}" for run in runs)
    rows = [
        [
            "model",
            "kB",
            *columns,
            "mean",
            f"mean / {baseline}",
            *(other.heading for other in others),
        ]
    ]
    mean = {model: _mean(runs, model, main.name) for model in models}
    for model in models:
        size = next(iter(runs.values()))[model].details["bytes"]
        rows.append(
            [
                model,
                f"{size / 1000:.1f}",
                *(reports[model][main.name].text() for reports in runs.values()),
                main.text(mean[model]),
                f"{mean[model] / mean[baseline]:.3f}",
                *(other.text(_mean(runs, model, other.name)) for other in others),
            ]
        )
    return markdown(rows)


def _mean(runs: Mapping[str, Mapping[str, Report]], model: str, name: str) -> float:
    return float(np.mean([reports[model][name].value for reports in runs.values()]))
