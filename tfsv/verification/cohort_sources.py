"""Where a cohort comes from: a manifest, a folder of recordings, or an array."""

import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfsv.array_files import read_array
from tfsv.audio.corpora.files import sound_files
from tfsv.audio.manifest import read_manifest
from tfsv.errors import InputError
from tfsv.verification.cohorts import int8_cohort, smaller_cohort, speaker_means
from tfsv.verification.extraction import extract_embeddings
from tfsv.verification.scorer import Scorer
from tfsv.verification.trials import Trials

if TYPE_CHECKING:
    from tfsv.verification.embedder import Embedder

_TRAIN = "train"
_FEW = 50  # speakers below which normalised scores are known to be rough


def cohort_recordings(
    source: str | os.PathLike,
) -> tuple[list[str | os.PathLike], list[str]]:
    """Recordings of a cohort, and the speaker of each.

    Example:
        >>> paths, speakers = cohort_recordings("corpus/manifest.tsv")

    Args:
        source: A manifest, whose split `train` is taken, or all of it if it has no splits of
            others. Or a folder of recordings: those in one folder below it are one speaker's, and
            those in the folder itself are each of another speaker.

    Raises:
        InputError: There is no such file or folder, or it has fewer than 2 speakers.
    """
    path = pathlib.Path(source)
    if path.is_dir():
        names = sorted(sound_files(path))
        paths: list[str | os.PathLike] = [path / name for name in names]
        parts = (pathlib.PurePath(name).parts for name in names)
        speakers = [part[0] for part in parts]
    elif path.is_file():
        manifest = read_manifest(path)
        if _TRAIN in manifest.splits:
            manifest = manifest.split(_TRAIN)
        elif len(manifest.splits) > 1:
            raise InputError(
                f"cohort={source}: has no train split (it has: {', '.join(manifest.splits)}); a"
                " cohort has other speakers than the trials"
            )
        paths = [manifest.recording(utterance) for utterance in manifest]
        speakers = [utterance.speaker for utterance in manifest]
    else:
        raise InputError(
            f"cohort={source}: does not exist; give a manifest, a folder of recordings or a .npy"
        )
    count = len(set(speakers))
    if count < 2:
        raise InputError(
            f"cohort={source}: {count} speaker, 2 are needed and some hundred are better"
        )
    return paths, speakers


def made_cohort(
    embedder: "Embedder",
    source: str | os.PathLike,
    size: int = 0,
    *,
    folder: str | os.PathLike | None = None,
    identity: str = "",
    listed: frozenset[str] | set[str] = frozenset(),
) -> np.ndarray:
    """Makes a cohort with a model. A warning is logged where it has few speakers.

    Example:
        >>> made_cohort(tfsv.load("demo"), "corpus/manifest.tsv", 200).shape
        (200, 128)

    Args:
        embedder: The model.
        source: What `cohort_recordings` takes, or a `.npy` file with an embedding of each speaker,
            int8 or float `[speakers, dimensions]`, made by the same model.
        size: Number of directions that stand for all speakers, as `smaller_cohort` finds them. 0:
            every speaker is kept.
        folder: Folder that keeps embeddings, as for `extract_embeddings`.
        identity: The model's identity, as for `extract_embeddings`.
        listed: Absolute paths of the recordings of the trials. A warning is logged where the cohort
            has some of them.

    Returns:
        The cohort, int8 `[speakers, dimensions]`.

    Raises:
        InputError: The source is unusable, or a recording cannot be embedded.
    """
    if os.fspath(source).lower().endswith(".npy"):
        means = _read_array(source)
    else:
        paths, speakers = cohort_recordings(source)
        common = sum(os.path.abspath(path) in listed for path in paths)
        if common:
            logging.warning(
                "cohort=%s: has %d recordings of the trial list; scores of these speakers are too"
                " low", source, common,
            )  # fmt: skip
        embeddings = extract_embeddings(embedder, paths, folder=folder, identity=identity)
        means = speaker_means(embeddings, speakers)
    if len(means) < _FEW:
        logging.warning(
            "cohort=%s: %d speakers; some hundred normalise scores better", source, len(means)
        )
    return int8_cohort(smaller_cohort(means, size) if size else means)


def cohort_scorer(
    embedder: "Embedder",
    source: str | os.PathLike,
    size: int,
    top: int | None,
    paths: Sequence[str | os.PathLike],
    **keep: Any,
) -> Scorer:
    """A scorer with the cohort that `made_cohort` makes, not yet calibrated.

    Example:
        >>> cohort_scorer(tfsv.load("demo"), "corpus/manifest.tsv", 200, None, paths).top
        20

    Args:
        embedder: The model.
        source: What `made_cohort` takes.
        size: Number of directions that stand for all speakers. 0: every speaker is kept.
        top: Number of strangers of the cohort that count. None: as `usual_top` says.
        paths: Recordings of the trials. A warning is logged where the cohort has some of them.
        **keep: Folder that keeps embeddings and identity of the model, as for `made_cohort`.

    Raises:
        InputError: The source is unusable, or a recording cannot be embedded.
    """
    listed = {os.path.abspath(path) for path in paths}
    cohort = made_cohort(embedder, source, size, listed=listed, **keep)
    return Scorer(cohort, min(top or usual_top(len(cohort)), len(cohort)))


def corpora_in(
    source: str | os.PathLike, trials: Trials, paths: Sequence[str | os.PathLike]
) -> np.ndarray | None:
    """The corpus of each trial, if the cohort comes from a manifest that has all of them.

    Example:
        >>> corpora_in("corpus/manifest.tsv", trials, recording_paths(trials, "corpus", None))[:1]
        array(['an4'], dtype='<U3')

    Args:
        source: What `made_cohort` takes.
        trials: The trials.
        paths: The recording of each of `trials.names`.

    Returns:
        The corpora, `[trials]`, empty where the sides are of two corpora or of none. None: the
        source is no manifest, or lacks a recording or its corpus.
    """
    path = pathlib.Path(source)
    if not path.is_file() or path.suffix.lower() == ".npy":
        return None
    manifest = read_manifest(path)
    known = {
        os.path.abspath(manifest.absolute(one)): one.extra.get("corpus", "") for one in manifest
    }
    named = np.array([known.get(os.path.abspath(path), "") for path in paths])
    if "" in named:
        return None
    firsts = [one.recordings[0] for one in trials.enrolments]
    sides = np.concatenate([named, named[firsts]]) if firsts else named
    enrol, test = sides[trials.enrol], sides[trials.test]
    return np.where(enrol == test, enrol, "")


def usual_top(speakers: int) -> int:
    """Number of highest cosines that count in a cohort: a tenth of it, and 20 at least.

    On development trials, 20 of 200 directions and 100 to 200 of 1,717 speakers were best.

    Example:
        >>> usual_top(200), usual_top(1717)
        (20, 171)
    """
    return min(speakers, max(20, speakers // 10))


def _read_array(source: str | os.PathLike) -> np.ndarray:
    try:
        array = read_array(source)
    except (OSError, ValueError, EOFError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"cohort={source}: cannot be read as an array ({reason:.200})") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fi":
        raise InputError(
            f"cohort={source}: holds no array [speakers, dimensions] of numbers; save the mean"
            " embedding of each speaker"
        )
    return array
