"""The reader of Kaldi's data directories."""

import os
import pathlib
from collections.abc import Iterator

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, lines_of, require_folder
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError


@CORPORA.register("kaldi")
def kaldi(root: str | os.PathLike) -> CorpusEntries:
    """Reads a Kaldi data directory (`wav.scp`, `utt2spk`, maybe `spk2gender`), or a folder of them.

    A directory called train, dev or test gives the split. A session is the folder in which the
    recording lies. Relative paths start at the current folder, as Kaldi's do. Pipes and segments
    are skipped, since tfsv opens files.

    Example:
        >>> entries = list(CORPORA.named("kaldi")("data"))
    """
    require_folder(root)
    root = pathlib.Path(root)
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    folders = [folder for folder in folders if (folder / "wav.scp").exists()]
    if not folders:
        raise InputError(f"{root}: no wav.scp; expected a Kaldi data directory")
    for folder in folders:
        yield from _directory(root, folder)


def _directory(root: pathlib.Path, folder: pathlib.Path) -> CorpusEntries:
    speakers = dict(_table(folder / "utt2spk"))
    sexes: dict[str, str] = {}
    if (folder / "spk2gender").exists():
        sexes = {name: sex.upper() for name, sex in _table(folder / "spk2gender")}
    split = folder.name if folder.name in SPLITS else ""
    segmented = (folder / "segments").exists()
    for name, path in _table(folder / "wav.scp"):
        if segmented:
            yield Skipped(
                name,
                "recordings with segments: cut them first (extract-segments) into files",
            )
        elif path.endswith("|"):
            yield Skipped(name, "wav.scp has a pipe; write its output to a file and name that")
        elif name not in speakers:
            yield Skipped(name, "utt2spk does not say who speaks")
        else:
            speaker = speakers[name]
            path = path if pathlib.PurePath(path).is_absolute() else os.path.relpath(path, root)
            session = pathlib.PurePath(path).parent.name
            extra = {"sex": sexes[speaker]} if sexes.get(speaker) in ("F", "M") else {}
            yield Utterance(name, speaker, session, path, 0.0, split, extra)


def _table(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines_of(path), start=1):
        fields = line.split(maxsplit=1)
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: expected a key and a value")
        yield fields[0], fields[1].strip()
