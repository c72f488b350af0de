"""The same models over several seeds, side by side as Markdown."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from tfsv import folders
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.text_tables import markdown


def read_runs(runs: Sequence[str | os.PathLike]) -> dict[str, dict[str, Report]]:
    """Reads what `tfsv train` measured in several runs' folders.

    Example:
        >>> print(seed_table(read_runs(["runs/real/seed0", "runs/real/seed1"])))

    Args:
        runs: Folders of runs.

    Returns:
        Reports by the name of the run, which is the last part of its path, and by the name of the
        model. Models are in the order in which they were made.

    Raises:
        InputError: Two runs have one name, a run has no report, or a report is broken.
    """
    names = [pathlib.Path(run).name for run in runs]
    if len(set(names)) < len(names):
        raise InputError(f"runs={','.join(map(str, runs))}: two folders have the same name")
    return {name: _reports(pathlib.Path(run)) for name, run in zip(names, runs, strict=True)}


def seed_table(runs: Mapping[str, Mapping[str, Report]], baseline: str = "float") -> str:
    """The main measurement by seed and on average, the second one and the size of every model.

    Example:
        >>> print(seed_table(read_runs(["runs/seed0", "runs/seed1"]), baseline="control"))

    Args:
        runs: Reports by the name of the run (its seed) and by the name of the model. They have
            `bytes` in their details, and all runs have the same models.
        baseline: Name of the model that the means are compared with.

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


def _reports(run: pathlib.Path) -> dict[str, Report]:
    files = sorted(run.glob(f"*/{folders.RESULTS}"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise InputError(f"{run}: no {folders.RESULTS} in it; run `tfsv train` to its end")
    reports = {file.parent.name: Report.read(file.parent) for file in files}
    return {name: report for name, report in reports.items() if "bytes" in report.details}


def _mean(runs: Mapping[str, Mapping[str, Report]], model: str, name: str) -> float:
    return float(np.mean([reports[model][name].value for reports in runs.values()]))
