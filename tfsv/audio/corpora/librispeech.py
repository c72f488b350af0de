"""The reader of LibriSpeech."""

import os
import pathlib

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, lines_of, sound_files
from tfsv.audio.manifest import Utterance


@CORPORA.register("librispeech")
def librispeech(root: str | os.PathLike) -> CorpusEntries:
    """Reads LibriSpeech: `train-clean-100/19/198/19-198-0001.flac`.

    A session is a chapter. The split is the first word of the subset's name. The speaker's sex
    comes from `SPEAKERS.TXT`.

    Example:
        >>> entries = list(CORPORA.named("librispeech")("LibriSpeech"))
    """
    sexes = _sexes(root)
    for path in sound_files(root):
        parts = pathlib.PurePath(path).parts
        subset = parts[-4] if len(parts) >= 4 else pathlib.Path(root).resolve().name
        split = subset.partition("-")[0]
        if len(parts) < 3 or split not in SPLITS or not (parts[-3] + parts[-2]).isdigit():
            yield Skipped(path, "not where LibriSpeech has its files: SUBSET/SPEAKER/CHAPTER/")
            continue
        speaker, chapter = parts[-3], parts[-2]
        extra = {"corpus": "librispeech", "sex": sexes.get(speaker, "")}
        name = pathlib.PurePath(path).stem
        yield Utterance(name, f"ls{speaker}", chapter, path, 0.0, split, extra)


def _sexes(root: str | os.PathLike) -> dict[str, str]:
    root = pathlib.Path(root).resolve()
    path = next((p for p in (root, root.parent) if (p / "SPEAKERS.TXT").exists()), None)
    if path is None:
        return {}
    rows = [line.split("|") for line in lines_of(path / "SPEAKERS.TXT") if not line.startswith(";")]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2}
