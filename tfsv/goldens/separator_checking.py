"""Checks whether this machine separates as the golden files say. No TensorFlow."""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfsv.goldens.digests import digests
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.recordings import read_recording
from tfsv.separation.tflite_separator import SeparatorStream, TFLiteSeparator


def in_pieces(stream: SeparatorStream, heard: np.ndarray, pieces: Sequence[int]) -> np.ndarray:
    """What a stream gives of pieces of these sizes, which come again and again, to its end.

    Example:
        >>> in_pieces(TFLiteSeparator("demo_separator").stream(63.0), heard, [256]).shape
        (3500,)

    Args:
        stream: A stream at its beginning.
        heard: What the microphones hear, float32 `[microphones, samples]`.
        pieces: Samples of each piece.
    """
    sounds, first = [], 0
    while first < heard.shape[1]:
        size = pieces[len(sounds) % len(pieces)]
        sounds.append(stream.push(heard[:, first : first + size]))
        first += size
    return np.concatenate([*sounds, stream.finish()])


def check_separator(
    folder: pathlib.Path, golden: Mapping[str, Any]
) -> Iterator[tuple[str, bool, float]]:
    """Compares one golden separator with this machine.

    Example:
        >>> index = json.loads(pathlib.Path("goldens/goldens.json").read_text())
        >>> all(same for _, same, _ in check_separator(pathlib.Path("goldens"), golden))
        True

    Args:
        folder: Folder of the golden files.
        golden: The separator's part of the index.

    Yields:
        What is compared, whether it is the same bit for bit, and the size of the difference
        relative to the golden sound.
    """
    path = folder / golden["file"]
    same = digests(path.read_bytes()) == [golden["sha256"], golden["expanded_sha256"]]
    yield "expanded", same, 0.0 if same else 1.0
    heard = read_recording(folder / golden["mixture"], LINE_OF_15)
    wanted = np.frombuffer((folder / golden["separated"]).read_bytes(), "<f4")
    sound = in_pieces(TFLiteSeparator(path).stream(golden["angle"]), heard, golden["pieces"])
    difference = np.linalg.norm(sound.astype(np.float64) - wanted) / np.linalg.norm(wanted)
    yield golden["mixture"], sound.tobytes() == wanted.tobytes(), float(difference)
