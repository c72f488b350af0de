"""A picture of how often each weight of a model occurs."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.runtime.inspection import InspectedLayer
from tfsv.runtime.model_files import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLUMNS = 8


def plot_histograms(layers: Sequence[InspectedLayer], path: str | os.PathLike, title: str) -> None:
    """Draws how often each weight occurs, layer by layer, and writes a PNG.

    Each centroid or int8 value is a line whose height is the fraction of the layer's weights. Float
    kernels without codes are drawn as areas. The horizontal axis has the units of the codebook.

    Args:
        layers: The layers to draw, at least one.
        path: The PNG to write; it is replaced if it exists.
        title: The text above the picture.

    Raises:
        InputError: There is no layer, or the file cannot be written.

    Example:
        >>> plot_histograms(inspect("model.tflite").layers, "weights.png", "model.tflite")
    """
    from matplotlib.figure import Figure  # slow to import, and only needed here

    if not layers:
        raise InputError(f"{path}: not drawn, since the model has no layers")
    columns = min(_MOST_COLUMNS, max(2, math.isqrt(len(layers))))
    rows = -(-len(layers) // columns)
    size = (2.3 * columns, 1.7 * rows + 0.6)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    for number, layer in enumerate(layers, start=1):
        _draw(figure.add_subplot(rows, columns, number), layer)
    figure.suptitle(title, fontsize=10, parse_math=False)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _draw(axes: "Axes", layer: InspectedLayer) -> None:
    fractions = layer.counts / layer.weights
    if layer.discrete:
        axes.vlines(layer.levels, 0, fractions, colors="#0072b2", linewidth=1.2)
        axes.plot(layer.levels, fractions, ".", color="#0072b2", markersize=3)
    else:
        axes.fill_between(layer.levels, fractions, step="mid", color="#56b4e9", linewidth=0)
    axes.axhline(0, color="#808080", linewidth=0.5)
    axes.set_ylim(bottom=0)
    title = f"{printable(layer.name)[-24:]}, {layer.bits} bits"
    axes.set_title(title, fontsize=7, parse_math=False)
    axes.tick_params(labelsize=5, length=2, pad=1)
    axes.locator_params(nbins=4)
    axes.spines[["top", "right"]].set_visible(False)
