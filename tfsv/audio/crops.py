"""Crops of any recordings, unlabelled, all of one length."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import logging
from tqdm import tqdm

from tfsv.audio import SAMPLE_RATE, soundfiles
from tfsv.audio.corpora.files import sound_files
from tfsv.audio.manifest import read_manifest
from tfsv.audio.sounding import HOP_SAMPLES, sounding_frames
from tfsv.errors import InputError

_TRAINING = "train"
_NAMED = 10  # files that are skipped, in messages


@dataclasses.dataclass(frozen=True)
class Crops:
    """Crops and what they were cut from.

    Example:
        >>> crops = cut_crops(recordings_in("recordings"), count=256, seconds=2.0)
        >>> crops.waveforms.shape
        (256, 32000)

    Attributes:
        waveforms: The crops, float32 `[crops, samples]`, 16 kHz mono.
        used: The recordings that have crops.
    """

    waveforms: np.ndarray
    used: tuple[str | os.PathLike, ...]


def recordings_in(place: str | os.PathLike) -> list[str | os.PathLike]:
    """The recordings below a folder, or those that a manifest lists.

    Example:
        >>> len(recordings_in("recordings"))
        120

    Args:
        place: A folder, of which all sound files count, or the TSV file of a manifest. Of a
            manifest with a train split only this split counts.

    Raises:
        InputError: There is no such place, or no sound in it.
    """
    place = pathlib.Path(place)
    if place.is_dir():
        return [str(place / name) for name in sound_files(place)]
    if not place.exists():
        raise InputError(f"{place}: no such folder or manifest; 'recordings' names either")
    manifest = read_manifest(place)
    chosen = manifest.split(_TRAINING) if _TRAINING in manifest.splits else manifest
    return list(dict.fromkeys(manifest.recording(utterance) for utterance in chosen))


def cut_crops(
    recordings: Sequence[str | os.PathLike], *, count: int, seconds: float, seed: int = 0
) -> Crops:
    """Cuts crops out of recordings in random order, as many of each as there must be.

    Where there are more recordings than crops, each gives one. Otherwise a recording gives several
    that do not overlap, if it is long enough. Crops lie about frames with sound. A recording that
    is shorter than a crop is repeated to its length. One that cannot be used is passed over and
    named in the log.

    Example:
        >>> cut_crops(recordings_in("recordings"), count=64, seconds=2.0).waveforms.shape
        (64, 32000)

    Args:
        recordings: Sound files.
        count: Most crops.
        seconds: Length of a crop.
        seed: Seed of what is random.

    Raises:
        InputError: No recording can be used; the message has the reason of the first one.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(recordings))
    each = math.ceil(count / len(recordings)) if len(recordings) else 0
    crops: list[np.ndarray] = []
    used, skipped = [], []
    with tqdm(total=count, desc="recordings", unit="crop", dynamic_ncols=True) as bar:
        for number in order:
            if len(crops) >= count:
                break
            path = recordings[number]
            try:
                waveform = soundfiles.read(path)
            except InputError as error:
                skipped.append(str(error))
                continue
            # What others that were passed over leave is made up for by those that are left.
            cut = _crops_of(waveform, min(each, count - len(crops)), seconds, random)
            crops += cut
            used.append(path)
            bar.update(len(cut))
    tell_passed_over(skipped, len(recordings), crops)
    return Crops(np.stack(crops), tuple(used))


def tell_passed_over(skipped: Sequence[str], count: int, used: Sequence[object]) -> None:
    """Logs why recordings were passed over, or says that none was of use.

    Example:
        >>> tell_passed_over(["a.wav: truncated"], count=2, used=["b.wav"])

    Args:
        skipped: What is wrong with each that was passed over.
        count: Number of all recordings.
        used: Those that were of use.

    Raises:
        InputError: None was of use; the message has the reason of the first one.
    """
    for line in skipped[:_NAMED]:
        logging.warning("passed over: %s", line)
    if len(skipped) > _NAMED:
        logging.warning("passed over: %d more recordings", len(skipped) - _NAMED)
    if not used:
        reason = f": {skipped[0]}" if skipped else ""
        raise InputError(f"none of {count} recordings can be used{reason}")


def _crops_of(
    waveform: np.ndarray, most: int, seconds: float, random: np.random.Generator
) -> list[np.ndarray]:
    size = round(seconds * SAMPLE_RATE)
    if len(waveform) <= size:
        return [np.resize(waveform, size)]
    pieces = np.array_split(waveform, min(most, len(waveform) // size))
    crops = []
    for piece in pieces:
        sound = np.flatnonzero(sounding_frames(piece))
        if not len(sound) and len(pieces) > 1:
            continue
        middle = HOP_SAMPLES * int(random.choice(sound)) if len(sound) else len(piece) // 2
        start = min(max(0, middle - size // 2), len(piece) - size)
        crops.append(piece[start : start + size])
    return crops
