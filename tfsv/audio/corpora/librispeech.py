"""The reader of LibriSpeech."""

import os
import pathlib

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, sound_files
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError
from tfsv.text_files import read_lines


@CORPORA.register("librispeech")
def librispeech(root: str | os.PathLike) -> CorpusEntries:
    """Reads LibriSpeech: `train-clean-100/19/198/19-198-0001.flac`.

    A session is a chapter. The split is the first word of the subset's name. The speaker's sex
    comes from `SPEAKERS.TXT`. An identifier is the file's name, with speaker and chapter in front
    where the name lacks them.

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
        name, home = pathlib.PurePath(path).stem, f"{speaker}-{chapter}-"
        name = name if name.startswith(home) else home + name
        yield Utterance(name, f"ls{speaker}", chapter, path, 0.0, split, extra)


def _sexes(root: str | os.PathLike) -> dict[str, str]:
    root = pathlib.Path(root).resolve()
    path = next((p for p in (root, root.parent) if (p / "SPEAKERS.TXT").exists()), None)
    if path is None:
        return {}
    file = path / "SPEAKERS.TXT"
    sexes: dict[str, str] = {}
    for number, line in enumerate(read_lines(file), start=1):
        row = [field.strip() for field in line.split("|")]
        if line.startswith(";") or len(row) < 2:
            continue
        if sexes.setdefault(row[0], row[1]) != row[1]:
            raise InputError(f"{file}:{number}: speaker {row[0]} has another sex further up")
    return sexes
