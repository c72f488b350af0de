"""EER against the bytes of the file, as a picture."""

import os

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from tfsv.files import replacing
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.report import Measurement
from tfsv.study.cells import FLOAT_CELL
from tfsv.study.table import Outcomes, file_bytes

_COLOURS = {
    "kmeans": "#0072b2",
    "uniform": "#d55e00",
    "pot": "#cc79a7",
    "apot": "#e69f00",
    "admm": "#56b4e9",
    "static_binary": "#009e73",
    "adaptive_binary": "#000000",
    "binary_weight": "#8c564b",
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_TITLES = {POST_TRAINING: "post-training", FINE_TUNED: "fine-tuned"}


def plot_tradeoff(outcomes: Outcomes, path: str | os.PathLike, title: str) -> None:
    """Draws the mean EER of every model over the bytes of its packed file and writes a PNG.

    One panel has the post-training models, the other the fine-tuned ones. Each scheme is a line,
    and the single runs are small dots where there are several. The grey line is the float model's
    (or the control's) EER, its 95 % interval shaded.

    Example:
        >>> outcomes = read_outcomes(runs, read_cells(["kmeans 8 4 2"]))
        >>> plot_tradeoff(outcomes, "tradeoff.png", "ResNet18")

    Args:
        outcomes: Outcomes that `tfsv.study.table.read_outcomes` gave.
        path: The PNG to write; it is replaced if it exists.
        title: The text above the plot.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(10, 4.8), dpi=160, layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, model in zip(panels, (POST_TRAINING, FINE_TUNED), strict=True):
        _panel(axes, outcomes, model)
    panels[0].set_ylabel(_main(outcomes).heading)
    figure.suptitle(title, fontsize=11)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _main(outcomes: Outcomes) -> Measurement:
    return next(iter(outcomes.values())).measurements[0]


def _panel(axes, outcomes: Outcomes, model: str) -> None:
    main = _main(outcomes)
    schemes = dict.fromkeys(cell.scheme for cell, kind in outcomes if kind == model)
    for number, scheme in enumerate(schemes):
        colour = _COLOURS.get(scheme, "#777777")
        points = []
        for (cell, kind), outcome in outcomes.items():
            if kind != model or cell.scheme != scheme:
                continue
            kilobytes = file_bytes(outcomes, cell)["packed"] / 1000
            points.append((kilobytes, main.factor * outcome.mean(main.name)))
            runs = [main.factor * value for value in outcome.values(main.name)]
            if len(runs) > 1:
                axes.plot([kilobytes] * len(runs), runs, ".", color=colour, alpha=0.4, markersize=4)
        marker = _MARKERS[number % len(_MARKERS)]
        axes.plot(
            *zip(*sorted(points), strict=True), marker=marker, color=colour, linewidth=1.4,
            markersize=6, markeredgecolor="white", label=scheme,
        )  # fmt: skip
    reference = CONTROL if model == FINE_TUNED else FLOAT
    if parent := outcomes.get((FLOAT_CELL, reference)):
        if ends := parent.interval(main.name):
            axes.axhspan(*(main.factor * end for end in ends), color="#eeeeee", zorder=0)
        mean = main.factor * parent.mean(main.name)
        axes.axhline(mean, color="#888888", linewidth=1, label=reference)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 6)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(_TITLES[model], fontsize=10)
    axes.set_xlabel("packed file (kB)")
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    if schemes:
        axes.legend(fontsize=8)
