"""The outcome of a comparison as a Markdown table."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tfsv import folders
from tfsv.errors import InputError
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.report import Measurement, Report
from tfsv.study.cells import FLOAT_CELL, Cell
from tfsv.text_tables import markdown

_SHOWN = 2  # measurements in a table
_BASELINE = "kmeans"  # the scheme of paper 1, which the others are compared with


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What was measured of one model over several runs.

    Example:
        >>> outcomes = read_outcomes(["runs/seed0", "runs/seed1"], [Cell("kmeans", 2)])
        >>> outcome = outcomes[Cell("kmeans", 2), "fine_tuned"]
        >>> outcome.mean("eer"), outcome.interval("eer")

    Attributes:
        reports: Report of the model by the run's name; all have the same measurements.
    """

    reports: Mapping[str, Report]

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The measurements of the first run, for names, units and digits."""
        return next(iter(self.reports.values())).measurements

    def values(self, name: str) -> list[float]:
        """Values of a measurement, one for each run."""
        return [report[name].value for report in self.reports.values()]

    def mean(self, name: str) -> float:
        """Mean of a measurement over the runs."""
        return float(np.mean(self.values(name)))

    def interval(self, name: str) -> tuple[float, float] | None:
        """95 % interval of the mean over the runs: speakers are drawn, the runs stay.

        It is None where a run has no replicates.
        """
        drawn = [report[name].replicates for report in self.reports.values()]
        return None if any(x is None for x in drawn) else _interval(np.mean(drawn, axis=0))

    def difference(self, other: "Outcome", name: str) -> tuple[float, float, float] | None:
        """Mean difference over the runs of both, with its 95 % interval.

        The speakers of a draw are the same for both, so what makes a list hard cancels out.
        Without replicates the ends are NaN. The result is None where both have no run in common.
        """
        runs = sorted(set(self.reports) & set(other.reports))
        if not runs:
            return None
        pairs = [(self.reports[run][name], other.reports[run][name]) for run in runs]
        middle = float(np.mean([a.value - b.value for a, b in pairs]))
        if any(a.replicates is None or b.replicates is None for a, b in pairs):
            return middle, float("nan"), float("nan")
        return middle, *_interval(np.mean([a.replicates - b.replicates for a, b in pairs], axis=0))


Outcomes = dict[tuple[Cell, str], Outcome]


def run_names(runs: Sequence[str]) -> dict[str, pathlib.Path]:
    """The folder of each run by its name, the last part of its path.

    Example:
        >>> list(run_names(["runs/seed0", "runs/seed1"]))
        ['seed0', 'seed1']

    Raises:
        InputError: Two runs have one name.
    """
    named: dict[str, pathlib.Path] = {}
    for run in map(pathlib.Path, runs):
        if run.name in named:
            raise InputError(f"runs: {run}: another run has this name; name folders by seeds")
        named[run.name] = run
    return named


def read_outcomes(runs: Sequence[str], cells: Iterable[Cell]) -> Outcomes:
    """Reads what is there of the cells' models in several runs' folders.

    Example:
        >>> outcomes = read_outcomes(["runs/seed0", "runs/seed1"], read_cells(["kmeans 4 2"]))
        >>> print(scheme_table(outcomes))

    Args:
        runs: Folders of runs.
        cells: Cells of the comparison.

    Returns:
        The outcome of each cell and model that at least one run has, the float ones first.

    Raises:
        InputError: A report cannot be read, or two runs have one name.
    """
    outcomes = {}
    pairs = [(FLOAT_CELL, FLOAT), (FLOAT_CELL, CONTROL)]
    pairs += [(cell, model) for cell in cells for model in cell.models]
    for cell, model in pairs:
        reports = {}
        for name, run in run_names(runs).items():
            folder = run / "study" / cell.folder(model)
            if (folder / folders.RESULTS).exists():
                reports[name] = Report.read(folder)
        if reports:
            outcomes[cell, model] = Outcome(reports)
    return outcomes


def measured_headings(outcomes: Outcomes) -> list[str]:
    """Headings of the columns that `measured_texts` fills.

    Example:
        >>> measured_headings(outcomes)
        ['EER %', '95 %', 'minDCF 0.01', '95 %']
    """
    first = next(iter(outcomes.values()))
    return [text for m in first.measurements[:_SHOWN] for text in (m.heading, "95 %")]


def measured_texts(outcome: Outcome) -> list[str]:
    """Mean and interval of the two most important measurements, as texts.

    Example:
        >>> mean, interval, *others = measured_texts(outcomes[Cell("kmeans", 2), "fine_tuned"])
    """
    texts = []
    for measurement in outcome.measurements[:_SHOWN]:
        ends = outcome.interval(measurement.name)
        texts.append(measurement.text(outcome.mean(measurement.name)))
        texts.append(range_text(measurement, ends) if ends else "")
    return texts


def main_title(outcomes: Outcomes) -> str:
    """Title of the main measurement, which tables and plots are about, without its unit.

    Example:
        >>> main_title(outcomes)
        'EER'
    """
    main = next(iter(outcomes.values())).measurements[0]
    return main.title or main.name


def scheme_table(outcomes: Outcomes) -> str:
    """One row for each cell and model: error rates with intervals, differences, bytes.

    Differences are paired and in points of EER. The first is to the float model for post-training
    models, and to the control for fine-tuned ones. The second is to k-means of the same width and
    kind.

    Example:
        >>> print(scheme_table(read_outcomes(runs, read_cells(["kmeans 4 2", "uniform 4 2"]))))

    Args:
        outcomes: Outcomes that `read_outcomes` gave.

    Returns:
        A Markdown table, by kind, then width, then scheme.
    """
    title = main_title(outcomes)
    rows = [
        [
            "model", "scheme", "bits", "runs", *measured_headings(outcomes),
            f"{title} − float's", f"{title} − k-means'", "packed kB", "zipped", "int8 kB", "zipped",
        ]
    ]  # fmt: skip
    for (cell, model), outcome in sorted(outcomes.items(), key=_place):
        baseline = outcomes.get((Cell(_BASELINE, cell.bits), model))
        files = file_bytes(outcomes, cell)
        rows.append(
            [
                model.replace("_", " "),
                cell.scheme if cell.bits else "",
                str(cell.bits or 32),
                str(len(outcome.reports)),
                *measured_texts(outcome),
                difference_text(outcome, parent(outcomes, model)),
                difference_text(outcome, baseline),
                kilobytes_text(files.get("packed", files.get("float32"))),
                kilobytes_text(files.get("packed_zip")),
                kilobytes_text(files.get("int8")),
                kilobytes_text(files.get("int8_zip")),
            ]
        )
    return markdown(rows, left=(0, 1))


def grid_table(outcomes: Outcomes) -> str:
    """What each scheme loses at each width, at a glance: a row a scheme, a column a width.

    An entry has two numbers: the points of EER above the float network, post-training, and above
    the control, fine-tuned. A number is bold where the 95 % interval of the difference excludes 0.
    It has a ° where the scheme has fewer runs than its parent. Differences are paired over the runs
    that both have.

    Example:
        >>> print(grid_table(read_outcomes(runs, read_cells(["kmeans 4 2", "uniform 4 2"]))))

    Args:
        outcomes: Outcomes that `read_outcomes` gave.

    Returns:
        A Markdown table, schemes in their order, widths descending. An entry is empty where
        nothing was measured.
    """
    cells = [cell for cell, _ in outcomes if cell.bits]
    widths = sorted({cell.bits for cell in cells}, reverse=True)
    rows = [["scheme", *(f"{width} bit" for width in widths)]]
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
    """The outcome that a model is compared with: the control for fine-tuned ones, else the float.

    Example:
        >>> control = parent(outcomes, "fine_tuned")
    """
    return outcomes.get((FLOAT_CELL, CONTROL if model == FINE_TUNED else FLOAT))


def file_bytes(outcomes: Outcomes, cell: Cell) -> dict[str, int]:
    """Bytes of the cell's files: the first run's before fine-tuning, which changes no width.

    Example:
        >>> file_bytes(outcomes, Cell("kmeans", 2))["packed"]

    Returns:
        Bytes by form, as `tfsv.study.file_sizes.file_sizes` gives them. Empty where they are not
        known.
    """
    cell = dataclasses.replace(cell, order="")
    outcome = outcomes.get((cell, POST_TRAINING if cell.bits else FLOAT))
    return next(iter(outcome.reports.values())).details["files"] if outcome else {}


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
    return text if set(other.reports) <= set(outcome.reports) else f"{text}°"


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def range_text(measurement: Measurement, ends: tuple[float, float]) -> str:
    """Both ends of an interval as text, in per cent with one digit less than the value.

    Example:
        >>> range_text(Measurement("eer", 0.05, "EER", "%"), (0.041, 0.062))
        '4.1 – 6.2'
    """
    coarser = dataclasses.replace(measurement, digits=max(1, measurement.digits - 1))
    shown = coarser if measurement.unit == "%" else measurement
    return " – ".join(shown.text(end) for end in ends)


def difference_points(
    outcome: Outcome | None, other: Outcome | None
) -> tuple[float, float, float] | None:
    """Difference of the main measurement as it is shown, and its interval; None: not known.

    Example:
        >>> found = difference_points(outcomes.get((cell, "fine_tuned")), control)
        >>> middle, low, high = found
    """
    if not (outcome and other):
        return None
    main = outcome.measurements[0]
    found = outcome.difference(other, main.name)
    return tuple(main.factor * value for value in found) if found else None


def difference_text(outcome: Outcome, other: Outcome | None) -> str:
    """The difference of two models with its 95 % interval as text; empty: nothing to compare.

    Example:
        >>> print(difference_text(outcomes[cell, "fine_tuned"], parent(outcomes, "fine_tuned")))
        +0.42 (+0.11 to +0.73)
    """
    found = None if other is outcome else difference_points(outcome, other)
    if found is None:
        return ""
    middle, low, high = found
    return f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"


def kilobytes_text(count: int | None) -> str:
    """Bytes in kB as text; empty: not known.

    Example:
        >>> kilobytes_text(12480)
        '12.5'
    """
    return "" if count is None else f"{count / 1000:.1f}"
