"""The reader of folders of anyone's recordings."""

import os
import pathlib
from collections.abc import Sequence

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, folders_of, sound_files, told_apart
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError


@CORPORA.register("tree")
def tree(root: str | os.PathLike) -> CorpusEntries:
    """Reads `speaker/session/utterance.wav` and `speaker/utterance.wav`.

    Deeper folders are sessions. If all top folders are called train, dev or test, they are splits
    with such trees below. Where two of them are there among others, it is not known what they are.

    An identifier is the path without its ending, with "-" for "/". Where two recordings would have
    the same one, such as `ann/1.wav` and `ann/1.flac`, theirs are the whole paths.

    Example:
        >>> [entry.speaker for entry in CORPORA.named("tree")("recordings")]
        ['ann', 'ann', 'ben']
    """
    files = list(sound_files(root))
    with_splits = _with_splits(root, files)
    names = told_apart({path: _joined(path, with_splits) for path in files if folders_of(path)})
    for path in files:
        folders = list(folders_of(path))
        split = folders.pop(0) if with_splits else ""
        if not folders:
            yield Skipped(path, "no speaker: expected SPEAKER/SESSION/FILE or SPEAKER/FILE")
            continue
        speaker, *session = folders
        yield Utterance(names[path], speaker, "/".join(session) or "single", path, 0.0, split)


def _with_splits(root: str | os.PathLike, files: Sequence[str]) -> bool:
    """Whether the top folders are splits.

    Raises:
        InputError: Some of them are called so, and others are not.
    """
    splits = {path: folders_of(path)[0] for path in files if len(folders_of(path)) >= 2}
    splits = {path: top for path, top in splits.items() if top in SPLITS}
    astray = next((path for path in files if path not in splits), None)
    named = sorted(set(splits.values()))
    if astray is not None and len(named) > 1:
        raise InputError(
            f"{root}: {' and '.join(named)} may be splits or speakers, since {astray} is not in"
            " SPLIT/SPEAKER/ with a split of train, dev, test; move it, or rename the folders"
        )
    return astray is None


def _joined(path: str, with_splits: bool) -> str:
    return "-".join(pathlib.PurePath(path).with_suffix("").parts[with_splits:])
