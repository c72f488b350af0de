"""Detection error trade-off (DET) curves as a picture."""

import os
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from tfsv.files import replacing
from tfsv.verification.metrics import DetPoints

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)))
_TICKS = np.array(
    [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.95]
)
_STEP = 2e-3  # of a standard deviation: less than a pixel


def plot_det(
    systems: Mapping[str, DetPoints], path: str | os.PathLike, title: str | None = None
) -> None:
    """Draws DET curves of several systems over one another and writes a PNG.

    Both axes are error rates on a normal-deviate scale (Martin et al., Eurospeech 1997), on which
    systems with normally distributed scores are straight lines. The EER is a dot on each curve.
    Where the curve has no point at all (a perfect system), the legend still tells the EER.

    Example:
        >>> points = det_points(scores, trials.labels)
        >>> plot_det({"4 bits": points}, "det.png", title="VoxCeleb1-O")

    Args:
        systems: Operating points by the name in the legend, at least one, drawn in this order.
        path: The PNG to write; it is replaced if it exists.
        title: The text above the plot, e.g. the trial list's name.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(6.4, 6.4), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    low, high = _limits(systems)
    axes.plot(ndtri([low, high]), ndtri([low, high]), color="#b0b0b0", linewidth=0.8, zorder=1)
    for number, (name, points) in enumerate(systems.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = _DASHES[number % len(_DASHES)]  # equal curves show through each other
        eer = points.eer()
        label = f"{_plain(name)}   EER {100 * eer:.2f} %"
        axes.plot(*_curve(points), color=colour, linestyle=dash, linewidth=1.8, label=label)
        if low <= eer <= high:
            axes.plot(*ndtri([eer, eer]), "o", color=colour, markersize=7, markeredgecolor="white")
    _scale(axes, low, high)
    axes.legend(loc="upper right", frameon=True, framealpha=0.92, edgecolor="#d0d0d0", fontsize=9)
    if title:
        axes.set_title(_plain(title), fontsize=11)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _limits(systems: Mapping[str, DetPoints]) -> tuple[float, float]:
    """Range of both axes, wide enough for every EER point and for useful thresholds."""
    rates = [points.eer() for points in systems.values()]
    finest = min(1 / points.nontargets for points in systems.values())
    low = min(max(min(rates) / 25, finest, 1e-4), 0.01)
    return low, min(max(3 * max(rates), 0.2), 0.95)


def _curve(points: DetPoints) -> tuple[np.ndarray, np.ndarray]:
    """The curve in normal deviates, without vertices that no eye could tell apart."""
    rates = np.stack([points.false_accepts, points.false_rejects])
    deviates = ndtri(np.clip(rates, 1e-7, 1 - 1e-7))
    places = np.round(deviates / _STEP)
    moved = np.any(places[:, 1:] != places[:, :-1], axis=0)
    kept = deviates[:, np.concatenate([[True], moved])]
    return kept[0], kept[1]


def _plain(text: str) -> str:
    """The text without what matplotlib would read as mathematics."""
    return text.replace("$", r"\$")


def _ticks(low: float, high: float) -> list[float]:
    """The round rates in the range, without those that would stand too close to the last one."""
    apart = 0.045 * (ndtri(high) - ndtri(low))
    chosen: list[float] = []
    for tick in _TICKS[(low <= _TICKS) & (high >= _TICKS)]:
        if not chosen or ndtri(tick) - ndtri(chosen[-1]) > apart:
            chosen.append(float(tick))
    return chosen


def _scale(axes: Axes, low: float, high: float) -> None:
    ticks = _ticks(low, high)
    names = [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(ndtri(ticks), names)
    axes.set_yticks(ndtri(ticks), names)
    axes.set_xlim(*ndtri([low, high]))
    axes.set_ylim(*ndtri([low, high]))
    axes.set_aspect("equal")
    axes.set_xlabel("False accepts (% of non-target trials)")
    axes.set_ylabel("False rejects (% of target trials)")
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(color="#b0b0b0", labelsize=9)
    for spine in axes.spines.values():
        spine.set_color("#b0b0b0")
