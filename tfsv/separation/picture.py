"""A picture of what a separator did: spectrograms, and the direction that it heard."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.files import replacing
from tfsv.separation.frames import HOP, WINDOW
from tfsv.separation.microphones import MicrophoneArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURED_SECONDS = 60.0
"""Seconds from the beginning that a picture shows at most."""

_RANGE_DB = 70.0  # below the loudest line of all sounds
_COLUMNS = 1500  # frames that are drawn at most, some four to a pixel


def draw_separation(
    path: str | os.PathLike,
    sounds: Mapping[str, np.ndarray],
    array: MicrophoneArray,
    degrees: float,
) -> None:
    """Draws spectrograms below one another and the array beside them, and writes a PNG.

    Example:
        >>> sounds = {"microphone 1": heard[0], "separated": sound}
        >>> draw_separation("talker.png", sounds, LINE_OF_15, 63.0)

    Args:
        path: The PNG to write; it is replaced if it exists.
        sounds: Waveforms at 16 kHz by title, float32 `[samples]`, from top to bottom. All have one
            scale of colours, and `PICTURED_SECONDS` of each are drawn.
        array: The microphones.
        degrees: The asked direction, as `MicrophoneArray` counts angles.

    Raises:
        InputError: The file cannot be written.
    """
    from matplotlib.figure import Figure  # slow to import, and only needed here

    levels = {title: _levels(sound) for title, sound in sounds.items()}
    loudest = max(float(lines.max()) for lines in levels.values())
    figure = Figure(figsize=(10, 0.6 + 1.9 * len(sounds)), dpi=110, layout="constrained")
    grid = figure.add_gridspec(len(sounds), 2, width_ratios=(4, 1))
    for row, (title, lines) in enumerate(levels.items()):
        axes = figure.add_subplot(grid[row, 0])
        seconds = min(len(sounds[title]) / SAMPLE_RATE, PICTURED_SECONDS)
        axes.imshow(
            lines.T, origin="lower", aspect="auto", cmap="magma", interpolation="nearest",
            vmin=loudest - _RANGE_DB, vmax=loudest, extent=(0, seconds, 0, SAMPLE_RATE / 2000),
        )  # fmt: skip
        axes.set_title(title, fontsize=9, loc="left", parse_math=False)
        axes.set_ylabel("kHz", fontsize=8)
        axes.tick_params(labelsize=7)
    axes.set_xlabel("seconds", fontsize=8)
    _draw_array(figure.add_subplot(grid[:, 1]), array, degrees)
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _levels(sound: np.ndarray) -> np.ndarray:
    """Lines of the spectra in dB, `[frames, 257]`."""
    sound = sound[: round(PICTURED_SECONDS * SAMPLE_RATE)]
    sound = np.pad(sound, (0, max(0, WINDOW - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    frames = frames[:: -(-len(frames) // _COLUMNS)]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(WINDOW)))
    return 20 * np.log10(spectra + 1e-6)


def _draw_array(axes: "Axes", array: MicrophoneArray, degrees: float) -> None:
    """The line of microphones, seen from above, and an arrow from the asked direction."""
    places = -np.array(array.positions)  # microphone 1 is at 0 degrees, which is to the right
    far = array.length
    axes.plot(places, np.zeros(array.microphones), "o", color="#0072b2", markersize=3)
    x, y = far * np.cos(np.radians(degrees)), far * np.sin(np.radians(degrees))
    axes.annotate("", xy=(0, 0), xytext=(x, y), arrowprops={"arrowstyle": "->", "color": "#d55e00"})
    axes.text(places[0], -0.12 * far, "1", fontsize=7, ha="center")
    axes.text(places[-1], -0.12 * far, str(array.microphones), fontsize=7, ha="center")
    axes.set_title(f"{degrees:g} degrees", fontsize=9)
    axes.set_xlim(-1.1 * far, 1.1 * far)
    axes.set_ylim(-0.3 * far, 1.1 * far)
    axes.set_aspect("equal")
    axes.set_axis_off()
