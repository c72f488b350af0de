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

    Example:
        >>> point = Point({"stem": 8, "embedding": 2}, size=640_000, predicted=0.02)

    Attributes:
        bits: Width of each layer.
        size: Bytes of layers and tables, as `allocate` counts them.
        predicted: Predicted loss, the sum of sensitivities.
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

    Example:
        >>> losses = {"stem": {2: 0.9, 4: 0.1}, "embedding": {2: 0.2, 4: 0.1}}
        >>> sizes = {"stem": {2: 100, 4: 200}, "embedding": {2: 100, 4: 200}}
        >>> [point.size for point in pareto_front(losses, sizes, points=5)]
        [200, 300, 400]

    Args:
        sensitivities: Loss of the network when a layer alone has a width, by layer and width.
        sizes: Bytes of a layer at a width, by layer and width.
        points: Number of budgets to try, at least 2. Equal choices are one point.
        tied: Groups of layers that get one width.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.

    Returns:
        Points in the order of their sizes. The predicted loss falls along them.
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
    """A point for each width that all layers with several candidates have.

    Example:
        >>> losses = {"stem": {2: 0.9, 4: 0.1}, "embedding": {2: 0.2, 4: 0.1}}
        >>> sizes = {"stem": {2: 100, 4: 200}, "embedding": {2: 100, 4: 200}}
        >>> [point.size for point in uniform_points(losses, sizes)]
        [200, 400]

    Args:
        sensitivities: Loss of the network when a layer alone has a width, by layer and width.
        sizes: Bytes of a layer at a width, by layer and width.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.
    """
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

    Example:
        >>> lines = {"kmeans": [(640_000, 0.02, 0.03), (900_000, 0.01, 0.01)]}
        >>> plot_front("front.png", "resnet34", lines, budget=700_000)

    Args:
        path: Path of the PNG, which is replaced if it exists.
        title: Title above the plot.
        lines: Points (bytes, predicted loss, measured loss) of each line, by the line's name.
        budget: Bytes of the budget, drawn as a line.

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
