"""The reader of Kaldi's data directories."""

import dataclasses
import os
import pathlib
import re

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import SPLITS, require_folder
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError
from tfsv.text_files import read_lines

_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_IN_ARCHIVE = re.compile(r"\.ark:\d+(\[.*\])?$")


@CORPORA.register("kaldi")
def kaldi(root: str | os.PathLike) -> CorpusEntries:
    """Reads a Kaldi data directory (`wav.scp`, `utt2spk`, maybe `spk2gender`), or a folder of them.

    A directory called train, dev or test gives the split. A session is the folder in which the
    recording lies. Relative paths start at the current folder, as Kaldi's do. Pipes, archives and
    segments are skipped, since tfsv opens files. So is what only one of the two tables has.

    A key that a table has twice is an error, as in Kaldi's own validation, even if both lines say
    the same. Two directories may have one utterance if they agree on its recording and speaker.

    Example:
        >>> entries = list(CORPORA.named("kaldi")("data"))
    """
    require_folder(root)
    root = pathlib.Path(root)
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    folders = [folder for folder in folders if (folder / "wav.scp").exists()]
    if not folders:
        raise InputError(f"{root}: no wav.scp; expected a Kaldi data directory")
    known = _Known()
    for folder in folders:
        yield from _directory(root, folder, known)


def _directory(root: pathlib.Path, folder: pathlib.Path, known: "_Known") -> CorpusEntries:
    speakers = _table(folder / "utt2spk", words=True)
    sexes: dict[str, _Entry] = {}
    if (folder / "spk2gender").exists():
        sexes = _table(folder / "spk2gender", words=True)
    split = folder.name if folder.name in SPLITS else ""
    segmented = (folder / "segments").exists()
    recordings = _table(folder / "wav.scp")
    if not recordings:
        raise InputError(f"{folder / 'wav.scp'}: lists no recording")
    for name in speakers:
        if not segmented and name not in recordings:
            yield Skipped(name, "utt2spk has it, but wav.scp does not")
    for name, entry in recordings.items():
        path = entry.value
        if segmented:
            yield Skipped(
                name,
                "recordings with segments: cut them first (extract-segments) into files",
            )
        elif path.endswith("|"):
            yield Skipped(name, "wav.scp has a pipe; write its output to a file and name that")
        elif _IN_ARCHIVE.search(path):
            yield Skipped(name, "wav.scp points into an archive; write its recordings to files")
        elif name not in speakers:
            yield Skipped(name, "utt2spk does not say who speaks")
        else:
            known.check(name, entry, speakers[name])
            speaker = speakers[name].value
            path = path if pathlib.PurePath(path).is_absolute() else os.path.relpath(path, root)
            session = pathlib.PurePath(path).parent.name
            sex = sexes[speaker].value.lower() if speaker in sexes else ""
            extra = {"sex": _SEXES[sex]} if sex in _SEXES else {}
            yield Utterance(name, speaker, session, path, 0.0, split, extra)


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """The value of a key, and the line that has it, as `file:line`."""

    value: str
    line: str


class _Known:
    """What all directories together say: an utterance has one speaker, and so has a recording."""

    def __init__(self):
        self._recordings: dict[str, _Entry] = {}
        self._speakers: dict[str, _Entry] = {}
        self._heard: dict[str, _Entry] = {}

    def check(self, name: str, recording: _Entry, speaker: _Entry) -> None:
        recording = dataclasses.replace(recording, value=os.path.normpath(recording.value))
        for what, here, known, key in (
            (f"{name!r} has the recording", recording, self._recordings, name),
            (f"{name!r} has the speaker", speaker, self._speakers, name),
            (f"{recording.value!r} has the speaker", speaker, self._heard, recording.value),
        ):
            there = known.setdefault(key, here)
            if here.value != there.value:
                raise InputError(
                    f"{here.line}: {what} {here.value!r}, but {there.value!r} in {there.line};"
                    " correct one, or prepare directories that disagree one by one"
                )


def _table(path: pathlib.Path, *, words: bool = False) -> dict[str, _Entry]:
    """Values by key. Kaldi cuts at ASCII blanks only, so other blanks belong to a name.

    Args:
        path: The table.
        words: Whether every value is one word.
    """
    entries: dict[str, _Entry] = {}
    for number, line in enumerate(read_lines(path, "a table of Kaldi"), start=1):
        key, *rest = re.split("[ \t]+", line.strip(" \t"), maxsplit=1)
        if not key:
            continue
        line = f"{path}:{number}"
        if not rest:
            raise InputError(f"{line}: expected a key and a value")
        if words and re.search("[ \t]", rest[0]):
            raise InputError(f"{line}: expected a key and one word, received {rest[0]!r} behind it")
        if key in entries:
            raise InputError(
                f"{line}: the key {key!r} is in {entries[key].line} too"
                f" ({entries[key].value!r}, here {rest[0]!r}); delete one of the two lines"
            )
        entries[key] = _Entry(rest[0], line)
    return entries
