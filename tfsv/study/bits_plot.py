"""Mixed precision and stages: differences with their intervals, as a picture."""

import os

from matplotlib.figure import Figure

from tfsv.files import replacing
from tfsv.folders import FINE_TUNED, POST_TRAINING
from tfsv.study.bits_table import EQUAL
from tfsv.study.cells import Cell
from tfsv.study.table import Outcomes, difference_points, main_title, parent

_TITLES = {POST_TRAINING: "post-training", FINE_TUNED: "fine-tuned"}
_COLOURS = {EQUAL: "#888888", "plan": "#0072b2", "stages": "#d55e00"}


def plot_differences(outcomes: Outcomes, path: str | os.PathLike, title: str) -> None:
    """Draws by how much every quantized model differs from its float parent, and writes a PNG.

    Each cell is a row, and its 95 % interval a line. One panel has the post-training models, whose
    parent is the float one. The other has the fine-tuned models, whose parent is the control. A
    panel without models is left out.

    Example:
        >>> outcomes = read_outcomes(runs, read_plan_cells(["kmeans 2 kl norm"]))
        >>> plot_differences(outcomes, "bits.png", "ResNet18")

    Args:
        outcomes: Outcomes that `tfsv.study.table.read_outcomes` gave.
        path: The PNG to write; it is replaced if it exists.
        title: The text above the plot.

    Raises:
        InputError: The file cannot be written.
    """
    cells = list(dict.fromkeys(cell for cell, _ in outcomes if cell.bits))
    cells.sort(key=lambda cell: -cell.bits)  # stable: within a width as they were given
    figure = Figure(figsize=(10, 1.2 + 0.24 * len(cells)), dpi=160, layout="constrained")
    made = {model for cell, model in outcomes if cell.bits}
    shown = {model: title for model, title in _TITLES.items() if model in made} or _TITLES
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    unit = next(iter(outcomes.values())).measurements[0].unit
    for axes, (model, heading) in zip(panels, shown.items(), strict=True):
        for row, cell in enumerate(cells):
            found = difference_points(outcomes.get((cell, model)), parent(outcomes, model))
            if found:
                middle, low, high = found
                colour = _COLOURS[_group(cell)]
                axes.plot([low, high], [row, row], color=colour, linewidth=1.6, alpha=0.6)
                axes.plot(middle, row, "o", color=colour, markersize=5)
        axes.axvline(0, color="#444444", linewidth=0.8)
        axes.set_title(heading, fontsize=10)
        axes.set_xlabel(f"{main_title(outcomes)} − float's, {'points' if unit == '%' else unit}")
        axes.grid(axis="x", color="#e4e4e4", linewidth=0.7)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(cells)), [_label(cell) for cell in cells], fontsize=8)
    panels[0].invert_yaxis()
    figure.suptitle(title, fontsize=11)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _group(cell: Cell) -> str:
    return "stages" if cell.order else "plan" if cell.plan else EQUAL


def _label(cell: Cell) -> str:
    text = f"{cell.plan or EQUAL} {cell.bits}"
    return f"{text}, stages by {cell.order}" if cell.order else text
