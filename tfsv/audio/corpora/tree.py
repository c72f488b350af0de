"""The reader of folders of anyone's recordings."""

import os
import pathlib

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, folders_of, sound_files
from tfsv.audio.manifest import Utterance


@CORPORA.register("tree")
def tree(root: str | os.PathLike) -> CorpusEntries:
    """Reads `speaker/session/utterance.wav` and `speaker/utterance.wav`.

    Deeper folders are sessions. If all top folders are called train, dev or test, they are splits
    with such trees below.

    Example:
        >>> [entry.speaker for entry in CORPORA.named("tree")("recordings")]
        ['ann', 'ann', 'ben']
    """
    files = list(sound_files(root))
    with_splits = all(
        len(folders_of(path)) >= 2 and folders_of(path)[0] in SPLITS for path in files
    )
    for path in files:
        folders = list(folders_of(path))
        split = folders.pop(0) if with_splits else ""
        if not folders:
            yield Skipped(path, "no speaker: expected SPEAKER/SESSION/FILE or SPEAKER/FILE")
            continue
        speaker, *session = folders
        name = pathlib.PurePath(path).with_suffix("").as_posix()
        name = name.removeprefix(f"{split}/").replace("/", "-")
        yield Utterance(name, speaker, "/".join(session) or "single", path, 0.0, split)
