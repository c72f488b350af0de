"""Histograms of latent weights with the centroids that stand for them, as a picture."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from tfsv.files import replacing
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.float16_weights import Float16Weights, StoredWeights

_SPAN = 4.0  # deviations on both sides of the mean


def plot_weights(
    models: Mapping[str, tuple[Mapping[str, np.ndarray], Mapping[str, StoredWeights]]],
    layers: Sequence[str],
    path: str | os.PathLike,
    title: str,
) -> None:
    """Draws a panel for each layer (row) and model (column) and writes a PNG.

    The grey histogram shows the layer's latent weights, in their standard deviations. A stem is a
    centroid, its height the share of weights that have it. Where the codes have a scale for each
    channel, the histogram shows the weights divided by it. Centroids beyond the axis are left out.
    Weights of 16 bits have no centroids.

    Example:
        >>> models = {"k-means": read_weights("runs/a/fine_tuned")}
        >>> plot_weights(models, ["embedding"], "weights.png", "ResNet18, 2 bits")

    Args:
        models: Latent weights and coded weights of the layers, by name, for each column's heading.
        layers: Names of layers that all models have.
        path: The PNG to write; it is replaced if it exists.
        title: The text above the plot.

    Raises:
        InputError: The file cannot be written.
    """
    size = (2.6 * len(models) + 0.6, 1.9 * len(layers) + 0.6)
    figure = Figure(figsize=size, dpi=140, layout="constrained")
    panels = figure.subplots(len(layers), len(models), squeeze=False)
    for row, layer in zip(panels, layers, strict=True):
        for axes, (latent, coded) in zip(row, models.values(), strict=True):
            _panel(axes, latent[layer], coded[layer])
        row[0].set_ylabel(f"{layer}\nshare of weights", fontsize=8)
    for axes, name in zip(panels[0], models, strict=True):
        axes.set_title(name, fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("weight / deviation", fontsize=8)
    figure.suptitle(title, fontsize=11)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _panel(axes, latent: np.ndarray, coded: StoredWeights) -> None:
    latent = np.asarray(latent, np.float64)
    if not isinstance(coded, Float16Weights) and coded.scale is not None:
        latent = (latent.reshape(-1, len(coded.scale)) / coded.scale).reshape(latent.shape)
    deviation = latent.std() or 1.0
    edges = np.linspace(-_SPAN, _SPAN, 81)
    counts, _ = np.histogram(latent / deviation, edges)
    axes.fill_between(edges[:-1], counts / latent.size, step="post", color="#c4c4c4")
    if not isinstance(coded, Float16Weights):
        _stems(axes, coded, deviation)
    axes.set_xlim(-_SPAN, _SPAN)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)


def _stems(axes, coded: CodedWeights, deviation: float) -> None:
    """Draws the centroids and their shares."""
    shares = np.bincount(coded.codes.ravel(), minlength=len(coded.codebook)) / coded.codes.size
    places = coded.codebook / deviation
    shown = np.abs(places) <= _SPAN
    axes.vlines(places[shown], 0, shares[shown], color="#0072b2", linewidth=1.2)
    axes.plot(places[shown], shares[shown], "o", color="#0072b2", markersize=2.5)
