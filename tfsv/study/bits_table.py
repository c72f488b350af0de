"""Outcomes of mixed precision and stages as Markdown tables."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfsv.bitwidth.sensitivity import rank_correlation
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.study.cells import Cell
from tfsv.study.plans import Finding
from tfsv.study.table import (
    Outcome,
    Outcomes,
    difference_text,
    file_bytes,
    kilobytes_text,
    main_title,
    measured_headings,
    measured_texts,
    parent,
)
from tfsv.text_tables import markdown

EQUAL = "equal"
"""Name in tables and plots of one width for all layers; a *uniform* quantizer is something else."""

Findings = Mapping[Cell, Mapping[str, Finding]]
"""What the method of each plan found, by cell and by run."""


def bits_table(outcomes: Outcomes, findings: Findings) -> str:
    """One row for each cell and model, in the order of the outcomes, post-training ones first.

    Differences are paired and in points of EER. The first is to the float model, for fine-tuned
    models to the control. The second is to all layers at one width in the same bytes. The third is
    that of stages to the same plan in one go.

    Example:
        >>> cells = read_plan_cells(["kmeans 2 kl norm"])
        >>> findings = {cell: read_findings(run_names(runs), cell) for cell in cells}
        >>> print(bits_table(read_outcomes(runs, cells), findings))

    Args:
        outcomes: Outcomes that `tfsv.study.table.read_outcomes` gave.
        findings: Findings by run for each cell with a plan, as `read_findings` gives them.
    """
    title = main_title(outcomes)
    rows = [
        [
            "model", "bits", "widths", "stages", "runs", *measured_headings(outcomes),
            f"{title} − float's", f"{title} − equal's", f"{title} − one go's", "packed kB",
            "search s",
        ]
    ]  # fmt: skip
    for (cell, model), outcome in sorted(outcomes.items(), key=_kind):
        files = file_bytes(outcomes, cell)
        found = list(findings.get(Cell(cell.scheme, cell.bits, cell.plan), {}).values())
        rows.append(
            [
                model.replace("_", " "),
                f"{cell.plan or EQUAL} {cell.bits}" if cell.bits else "32",
                _widths(found),
                cell.order,
                str(len(outcome.reports)),
                *measured_texts(outcome),
                difference_text(outcome, parent(outcomes, model)),
                difference_text(outcome, equal(outcomes, cell, model)),
                difference_text(outcome, in_one_go(outcomes, cell, model)),
                kilobytes_text(files.get("packed", files.get("float32"))),
                f"{np.mean([finding.seconds for finding in found]):.0f}" if found else "",
            ]
        )
    return markdown(rows, left=range(4))


def equal(outcomes: Outcomes, cell: Cell, model: str) -> Outcome | None:
    """The outcome of one width in the bytes of a cell with a plan.

    Example:
        >>> equal(outcomes, Cell("kmeans", 2, "kl"), "fine_tuned").mean("eer")
    """
    return outcomes.get((Cell(cell.scheme, cell.bits), model)) if cell.plan else None


def in_one_go(outcomes: Outcomes, cell: Cell, model: str) -> Outcome | None:
    """The outcome of a staged cell's plan in one go; None where the cell has no stages.

    Example:
        >>> in_one_go(outcomes, Cell("kmeans", 2, "kl", "bits"), "fine_tuned").mean("eer")
    """
    if not cell.order:
        return None
    return outcomes.get((Cell(cell.scheme, cell.bits, cell.plan), model))


def correlation_table(findings: Findings, widths: Sequence[int], reference: str) -> str:
    """Spearman's correlations of methods' sensitivities with a reference method's, and seconds.

    A method is listed once. An architecture search, whose outcome depends on the budget, has the
    bytes of the first cell. Entries are means over the runs.

    Example:
        >>> print(correlation_table(findings, widths=[2, 4], reference="perturbation"))

    Args:
        findings: Findings by run for each cell with a plan, as `read_findings` gives them.
        widths: Widths that have a column each for the order of the layers. One more column has all
            widths together.
        reference: Name of the method that the others are compared with.
    """
    by_method: dict[str, Mapping[str, Finding]] = {}
    for cell, found in findings.items():
        by_method.setdefault(cell.plan, found)
    columns = [*widths, None]
    rows = [
        ["method", *(f"{b} bits" if b else "all widths" for b in columns), "seconds"],
    ]
    references = by_method.get(reference, {})
    for method, found in by_method.items():
        pairs = [(found[run], references[run]) for run in found if run in references]
        values = [
            [rank_correlation(a.sensitivities, b.sensitivities, width) for a, b in pairs]
            for width in columns
        ]
        shown = [f"{np.mean(row):+.2f}" if row else "" for row in values]
        seconds = np.mean([finding.seconds for finding in found.values()])
        rows.append([method, *shown, f"{seconds:.1f}"])
    return markdown(rows)


def plan_table(findings: Findings) -> str:
    """The bits of the first run's plans: a row for each layer, a column for each plan.

    Example:
        >>> print(plan_table(findings))

    Args:
        findings: Findings by run for each cell with a plan, as `read_findings` gives them.
    """
    chosen = {
        f"{cell.plan} {cell.bits}": next(iter(found.values())).bits
        for cell, found in findings.items()
    }
    layers = list(next(iter(chosen.values())))
    rows = [["layer", *chosen]]
    rows += [[layer, *(str(bits[layer]) for bits in chosen.values())] for layer in layers]
    return markdown(rows)


def _widths(found: Sequence[Finding]) -> str:
    """How often each width is chosen over the runs, such as 3×1 9×2 9×4."""
    if not found:
        return ""
    widths = [width for finding in found for width in finding.bits.values()]
    return " ".join(f"{widths.count(width)}×{width}" for width in sorted(set(widths)))


def _kind(item: tuple[tuple[Cell, str], Outcome]) -> int:
    return (FLOAT, CONTROL, POST_TRAINING, FINE_TUNED).index(item[0][1])
