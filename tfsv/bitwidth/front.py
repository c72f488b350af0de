"""The Pareto front of size against loss, as points and as a picture."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from tfsv.bitwidth.allocation import LookUpTables, WidthTable, allocate, smallest
from tfsv.bitwidth.search import predicted_loss, predicted_size
from tfsv.files import replacing


@dataclasses.dataclass(frozen=True)
class Point:
    """A choice of widths on the front.

    Attributes:
        bits: By layer.
        size: Bytes that the layers take, as `allocate` counts them.
        predicted: The sum of sensitivities.
    """

    bits: Mapping[str, int]
    size: float
    predicted: float


def pareto_front(
    sensitivities: WidthTable,
    sizes: WidthTable,
    points: int,
    *,
    tied: Sequence[Sequence[str]] = (),
    tables: LookUpTables | None = None,
) -> list[Point]:
    """The best choices for budgets spread evenly over the logarithm of size.

    Args:
        sensitivities: By layer and width.
        sizes: Bytes by layer and width.
        points: Budgets to try, at least 2; equal choices are one point.
        tied: See `allocate`.
        tables: See `allocate`.

    Returns:
        Points by size; the predicted loss falls along them.
    """
    ends = (
        smallest(sizes, tied, tables),
        allocate(sensitivities, sizes, float("inf"), tied=tied),
    )
    low, high = (predicted_size(sizes, end, tables) for end in ends)
    front: list[Point] = []
    for budget in np.geomspace(low, max(low, high), points):
        bits = allocate(sensitivities, sizes, np.ceil(budget), tied=tied, tables=tables)
        point = Point(
            bits, predicted_size(sizes, bits, tables), predicted_loss(sensitivities, bits)
        )
        if not front or point.predicted < front[-1].predicted:
            front.append(point)
    return front


def uniform_points(
    sensitivities: WidthTable, sizes: WidthTable, tables: LookUpTables | None = None
) -> list[Point]:
    """A point for each width that all layers with several candidates have."""
    rows = [set(row) for row in sensitivities.values() if len(row) > 1]
    points = []
    for width in sorted(set.intersection(*rows)) if rows else []:
        bits = {n: width if width in row else next(iter(row)) for n, row in sensitivities.items()}
        size = predicted_size(sizes, bits, tables)
        points.append(Point(bits, size, predicted_loss(sensitivities, bits)))
    return points


def plot_front(
    path: str | os.PathLike,
    title: str,
    lines: Mapping[str, Sequence[tuple[float, float, float]]],
    budget: int,
) -> None:
    """Draws predicted and measured loss over the bytes of the file and writes a PNG.

    Args:
        path: The PNG; replaced if it exists.
        title: Above the plot.
        lines: By name, points (bytes, predicted loss, measured loss).
        budget: Bytes, drawn as a line.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(10, 4.4), dpi=160, layout="constrained")
    panels = zip(
        figure.subplots(1, 2, sharex=True),
        ("sum of sensitivities", "rise of the training loss, all layers quantized"),
        (1, 2),
        strict=True,
    )
    for axes, label, column in panels:
        for (name, points), marker in zip(lines.items(), "osDX", strict=False):
            kilobytes = [point[0] / 1000 for point in points]
            heights = [point[column] for point in points]
            style = {"marker": marker, "markersize": 5, "linewidth": 1.2 if len(points) > 1 else 0}
            axes.plot(kilobytes, heights, label=name, **style)
        axes.axvline(budget / 1000, color="#888888", linewidth=1, linestyle=":", label="budget")
        losses = [point[column] for points in lines.values() for point in points]
        if min(losses) > 0:
            axes.set_yscale("log")
        else:  # linear below the smallest loss that is not nothing
            step = max(
                min((abs(x) for x in losses if x), default=1.0), 1e-6 * max(map(abs, losses))
            )
            axes.set_yscale("symlog", linthresh=step)
        axes.set_xlabel("packed file (kB)")
        axes.set_ylabel(label)
        axes.grid(color="#e4e4e4", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    with replacing(path) as part:
        figure.savefig(part, format="png")
