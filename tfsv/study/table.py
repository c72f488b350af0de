"""The outcome of a comparison as a Markdown table."""

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfsv.errors import InputError
from tfsv.study.cells import CONTROL, FINE_TUNED, FLOAT, FLOAT_CELL, POST_TRAINING, Cell
from tfsv.study.comparison import METRICS, RECORD, REPLICATES

_BASELINE = "kmeans"  # the scheme of paper 1, which the others are compared with


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was measured of one model over several runs.

    Attributes:
        records: Run's name to the record of the model.
        replicates: Run's name to the bootstrap replicates, float32 `[draws, metrics]`.
    """

    records: Mapping[str, Mapping[str, Any]]
    replicates: Mapping[str, np.ndarray]

    def mean(self, metric: str) -> float:
        """Mean over the runs."""
        return float(np.mean([record[metric] for record in self.records.values()]))

    def interval(self, metric: str) -> tuple[float, float]:
        """95 % interval of the mean over the runs: speakers are drawn, the runs stay."""
        column = METRICS.index(metric)
        return _interval(np.mean([drawn[:, column] for drawn in self.replicates.values()], axis=0))

    def difference(self, other: "Outcome", metric: str) -> tuple[float, float, float] | None:
        """Mean difference over the runs of both, with its 95 % interval; None: no such run.

        The speakers of a draw are the same for both, so what makes a list hard cancels out.
        """
        column = METRICS.index(metric)
        runs = sorted(set(self.records) & set(other.records))
        if not runs:
            return None
        found = [self.records[run][metric] - other.records[run][metric] for run in runs]
        drawn = [self.replicates[run] - other.replicates[run] for run in runs]
        return float(np.mean(found)), *_interval(np.mean(drawn, axis=0)[:, column])


Outcomes = dict[tuple[Cell, str], Outcome]


def run_names(runs: Sequence[str]) -> dict[str, pathlib.Path]:
    """The folder of each run by its name, the last part of its path.

    Raises:
        InputError: Two runs have one name.
    """
    named: dict[str, pathlib.Path] = {}
    for run in map(pathlib.Path, runs):
        if run.name in named:
            raise InputError(f"--runs: {run}: another run has this name; name folders by seeds")
        named[run.name] = run
    return named


def read_outcomes(runs: Sequence[str], cells: Iterable[Cell]) -> Outcomes:
    """Reads what is there of the cells' models in several runs' folders.

    Args:
        runs: Folders of runs.
        cells: Cells of the comparison.

    Returns:
        The outcome of each cell and model that at least one run has, the float ones first.

    Raises:
        InputError: A record cannot be read, or two runs have one name.
    """
    outcomes = {}
    pairs = [(FLOAT_CELL, FLOAT), (FLOAT_CELL, CONTROL)]
    pairs += [(cell, model) for cell in cells for model in cell.models]
    for cell, model in pairs:
        records, replicates = {}, {}
        for name, run in run_names(runs).items():
            folder = run / "study" / cell.folder(model)
            if not (folder / RECORD).exists():
                continue
            try:
                records[name] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
                replicates[name] = np.load(folder / REPLICATES, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise InputError(f"{folder}: broken record; delete the folder") from error
        if records:
            outcomes[cell, model] = Outcome(records, replicates)
    return outcomes


def scheme_table(outcomes: Outcomes) -> str:
    """One row for each cell and model: error rates with intervals, differences, bytes.

    Differences are paired and in points of EER: to the float model for post-training ones, to the
    control for fine-tuned ones; and to k-means of the same width and kind.

    Args:
        outcomes: See `read_outcomes`.

    Returns:
        A Markdown table, by kind, then width, then scheme.
    """
    header = [
        "model", "scheme", "bits", "runs", "EER %", "95 %", "minDCF", "95 %",
        "EER − float's", "EER − k-means'", "packed kB", "zipped", "int8 kB", "zipped",
    ]  # fmt: skip
    rows = [header, ["---"] * 2 + ["---:"] * (len(header) - 2)]
    for (cell, model), outcome in sorted(outcomes.items(), key=_place):
        baseline = outcomes.get((Cell(_BASELINE, cell.bits), model))
        files = file_bytes(outcomes, cell)
        rows.append(
            [
                model.replace("_", " "),
                cell.scheme if cell.bits else "",
                str(cell.bits or 32),
                str(len(outcome.records)),
                f"{100 * outcome.mean('eer'):.2f}",
                range_text(outcome.interval("eer"), 100, ".1f"),
                f"{outcome.mean('min_dcf_0.01'):.3f}",
                range_text(outcome.interval("min_dcf_0.01"), 1, ".3f"),
                difference_text(outcome, parent(outcomes, model)),
                difference_text(outcome, baseline),
                kilobytes_text(files.get("packed", files.get("float32"))),
                kilobytes_text(files.get("packed_zip")),
                kilobytes_text(files.get("int8")),
                kilobytes_text(files.get("int8_zip")),
            ]
        )
    return markdown(rows)


def grid_table(outcomes: Outcomes) -> str:
    """What each scheme loses at each width, at a glance: a row a scheme, a column a width.

    An entry is the points of EER above the float network, post-training, and above the control,
    fine-tuned; bold where the 95 % interval of the difference excludes 0, with a ° where the
    scheme has fewer runs than its parent. Differences are paired over the runs that both have.

    Args:
        outcomes: See `read_outcomes`.

    Returns:
        A Markdown table, schemes in their order, widths descending; empty entries: not measured.
    """
    cells = [cell for cell, _ in outcomes if cell.bits]
    widths = sorted({cell.bits for cell in cells}, reverse=True)
    rows = [["scheme", *(f"{width} bit" for width in widths)], ["---"] + ["---:"] * len(widths)]
    for scheme in dict.fromkeys(cell.scheme for cell in cells):
        texts = []
        for width in widths:
            models = [
                _points_text(outcomes.get((Cell(scheme, width), model)), parent(outcomes, model))
                for model in (POST_TRAINING, FINE_TUNED)
            ]
            texts.append(" → ".join(m or "–" for m in models) if any(models) else "")
        rows.append([scheme, *texts])
    return markdown(rows)


def parent(outcomes: Outcomes, model: str) -> Outcome | None:
    """What a model is compared with: the float one, with further epochs if it had them."""
    return outcomes.get((FLOAT_CELL, CONTROL if model == FINE_TUNED else FLOAT))


def file_bytes(outcomes: Outcomes, cell: Cell) -> dict[str, int]:
    """Bytes of the cell's files: the first run's before fine-tuning, which changes no width.

    Returns:
        See `tfsv.study.file_sizes.file_sizes`; empty where they are not known.
    """
    cell = dataclasses.replace(cell, order="")
    outcome = outcomes.get((cell, POST_TRAINING if cell.bits else FLOAT))
    return next(iter(outcome.records.values()))["files"] if outcome else {}


def _place(item: tuple[tuple[Cell, str], Outcome]) -> tuple:
    cell, model = item[0]
    kind = (FLOAT, CONTROL, POST_TRAINING, FINE_TUNED).index(model)
    return kind, -cell.bits, cell.scheme != _BASELINE, cell.scheme


def _points_text(outcome: Outcome | None, other: Outcome | None) -> str:
    found = difference_points(outcome, other)
    if found is None:
        return ""
    middle, low, high = found
    text = f"{middle:+.2f}" if low <= 0 <= high else f"**{middle:+.2f}**"
    return text if set(other.records) <= set(outcome.records) else f"{text}°"


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table; the second row tells the columns' alignment."""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def range_text(ends: tuple[float, float], factor: float, style: str) -> str:
    """Both ends of an interval, times a factor."""
    return " – ".join(format(factor * end, style) for end in ends)


def difference_points(
    outcome: Outcome | None, other: Outcome | None
) -> tuple[float, float, float] | None:
    """Points of EER between two models and both ends of the 95 % interval; None: not known."""
    found = outcome and other and outcome.difference(other, "eer")
    return tuple(100 * value for value in found) if found else None


def difference_text(outcome: Outcome, other: Outcome | None) -> str:
    """Points of EER between two models with their 95 % interval; empty: nothing to compare."""
    found = None if other is outcome else difference_points(outcome, other)
    if found is None:
        return ""
    middle, low, high = found
    return f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"


def kilobytes_text(count: int | None) -> str:
    """Bytes in kB; empty: not known."""
    return "" if count is None else f"{count / 1000:.1f}"
