"""Golden separators: what a stream of Python gives of a recording of 15 microphones.

The networks have random weights: they separate nobody, but every part of a stream is computed with.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras as keras

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.synthesizer import draw_session, draw_voice, speak
from tfsv.audio.wav_bytes import wav_bytes
from tfsv.conversion.convert import convert
from tfsv.files import write_bytes
from tfsv.goldens.digests import digests
from tfsv.goldens.separator_checking import in_pieces
from tfsv.quantization.network import quantizable_layers, quantize, refresh_codebooks, strip
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.model_card import TASK
from tfsv.separation.recordings import read_recording
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.tflite_separator import TFLiteSeparator
from tfsv.tasks.task import TASKS

_SIZE = SeparatorSettings(stacks=1, blocks=2, channels=6, hidden=8, causal=True)

GOLDEN_SEPARATORS = {
    "separator_batch": dataclasses.replace(_SIZE, norm="batch"),
    "separator_cumulative": dataclasses.replace(_SIZE, norm="cumulative"),
}
"""Settings of the golden separators by name; a stream keeps other pasts for each norm."""

_MIXTURE = "mixture.wav"
_TALKERS = (63.0, 130.0)  # degrees; the first is asked for
_SECONDS = 0.3
_SAMPLES = 3500  # of the mixture; no multiple of a hop
_PIECES = (256, 1, 700, 255, 2000)  # samples
_BITS = 4


def write_separators(
    folder: pathlib.Path, separators: Mapping[str, SeparatorSettings]
) -> list[dict[str, Any]]:
    """Writes packed files, one mixture, and what a stream of each file gives of it.

    Example:
        >>> write_separators(pathlib.Path("goldens"), GOLDEN_SEPARATORS)[0]["name"]
        'separator_batch'

    Args:
        folder: Folder to write, which exists.
        separators: Settings of the separators, by name.

    Returns:
        The separators' part of the index.
    """
    if not separators:
        return []
    write_bytes(folder / _MIXTURE, wav_bytes(_mixture().T))
    heard = read_recording(folder / _MIXTURE, LINE_OF_15)
    return [_write(folder, name, settings, heard) for name, settings in separators.items()]


def _mixture() -> np.ndarray:
    """Two synthetic talkers far away, each a plane wave, float64 `[microphones, samples]`."""
    mixture = np.zeros((LINE_OF_15.microphones, _SAMPLES))
    for seed, angle in enumerate(_TALKERS):
        random = np.random.default_rng(seed)
        sound = speak(draw_voice(random, "FM"[seed]), draw_session(random), _SECONDS, random)
        spectrum = np.fft.rfft(sound)
        frequencies = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
        delays = np.exp(-2j * np.pi * LINE_OF_15.arrivals(angle)[:, np.newaxis] * frequencies)
        mixture += np.fft.irfft(spectrum * delays, len(sound))[:, :_SAMPLES]
    return mixture


def _write(
    folder: pathlib.Path, name: str, settings: SeparatorSettings, heard: np.ndarray
) -> dict[str, Any]:
    path, separated = folder / f"{name}.tflite", folder / f"{name}.separated"
    content = _content(settings)
    write_bytes(path, content)
    sound = in_pieces(TFLiteSeparator(path).stream(_TALKERS[0]), heard, _PIECES)
    write_bytes(separated, sound.astype("<f4").tobytes())
    sha256, expanded_sha256 = digests(content)
    return {
        "name": name,
        "file": path.name,
        "sha256": sha256,
        "expanded_sha256": expanded_sha256,
        "mixture": _MIXTURE,
        "angle": _TALKERS[0],
        "pieces": list(_PIECES),
        "separated": separated.name,
    }


def _content(settings: SeparatorSettings) -> bytes:
    keras.utils.set_random_seed(0)
    task = TASKS[TASK]
    card = task.new_card(settings)
    network = task.build(card)
    _move_statistics(network)
    bits = {layer.name: _BITS for layer in quantizable_layers(network)}
    network = quantize(network, bits, "kmeans")
    refresh_codebooks(network)
    stripped, coded = strip(network)
    ends = task.ends(card)
    card = dataclasses.replace(card, scheme="kmeans", trained_on="nothing: random weights")
    return convert(stripped, coded, card, ends, "packed", "float32").content()


def _move_statistics(network: keras.Model) -> None:
    """Gives batch norms statistics and factors as training does, so that none is left out."""
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.moving_mean.shape[0]
            layer.moving_mean.assign(random.normal(0, 0.1, size))
            layer.moving_variance.assign(random.uniform(0.5, 2, size))
            layer.gamma.assign(random.uniform(0.5, 1.5, size))
            layer.beta.assign(random.normal(0, 0.1, size))
