"""Readers of corpora in the layouts in which they are distributed."""

import json
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfsv.audio.manifest import Utterance
from tfsv.audio.soundfiles import SUFFIXES, UNREADABLE_SUFFIXES
from tfsv.errors import InputError

_SOUND = SUFFIXES + UNREADABLE_SUFFIXES  # the latter too: the report must name them
_SPLITS = ("train", "dev", "test")
_VOXCELEB1_TEST = range(10270, 10310)  # the 40 speakers of Vox1-O, should all lie in one folder
_CNCELEB_EVALUATION = range(800, 1000)  # CN-Celeb 1: what eval/ is made of


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recording that a reader must leave out.

    Attributes:
        path: Which, relative to the corpus.
        reason: One line: why, and what to do.
    """

    path: str
    reason: str


Candidates = Iterator[Utterance | Skipped]


def voxceleb1(root: str | os.PathLike) -> Candidates:
    """VoxCeleb 1: `[dev/|test/][wav/]id10001/VIDEO/00001.wav`; a session is a video.

    Test speakers are those below a folder `test` and the official forty
    (id10270 to id10309), wherever they lie; the others train.
    """
    return _voxceleb(root, "voxceleb1", _VOXCELEB1_TEST)


def voxceleb2(root: str | os.PathLike) -> Candidates:
    """VoxCeleb 2: `[dev/|test/][aac/]id00012/VIDEO/00001.m4a`; a session is a video.

    libsndfile cannot decode m4a: converted files (wav, flac, …) beside or instead of them are
    taken, and where there are none the inspection says how to convert. Test speakers are those
    below a folder `test`.
    """
    return _voxceleb(root, "voxceleb2", range(0))


def cnceleb(root: str | os.PathLike) -> Candidates:
    """CN-Celeb 1 and 2: `data/id00001/singing-01-002.flac`; a session is genre and session.

    `eval/enroll` and `eval/test` of CN-Celeb 1 are the test split. They repeat the evaluation
    speakers (id00800 to id00999) of `data/`, which are left out when `eval/` is there.
    """
    files = list(_sound_files(root))
    has_eval = any("eval" in _folders(path) for path in files)
    for path in files:
        stem, parent = pathlib.PurePath(path).stem, pathlib.PurePath(path).parent.name
        folders = _folders(path)
        enrolment = re.fullmatch(r"(id\d{5})-enroll", stem)
        evaluation = re.fullmatch(r"(id\d{5})-(.+)-(\d+)-(\d+)", stem)
        data = re.fullmatch(r"(.+)-(\d+)-(\d+)", stem)
        if "eval" in folders and enrolment:
            speaker, session, split = enrolment[1], "enroll", "test"
        elif "eval" in folders and evaluation:
            speaker, session, split = (
                evaluation[1],
                f"{evaluation[2]}-{evaluation[3]}",
                "test",
            )
        elif "eval" not in folders and data and re.fullmatch(r"id\d{5}", parent):
            speaker, session = parent, f"{data[1]}-{data[2]}"
            split = "test" if int(parent[2:]) in _CNCELEB_EVALUATION else "train"
            if split == "test" and has_eval:
                continue
        else:
            yield Skipped(path, "not named as CN-Celeb names its files")
            continue
        name = stem.removeprefix(f"{speaker}-")
        yield Utterance(
            f"{speaker}-{name}",
            speaker,
            session,
            path,
            0.0,
            split,
            {"corpus": "cnceleb"},
        )


def librispeech(root: str | os.PathLike) -> Candidates:
    """LibriSpeech: `train-clean-100/19/198/19-198-0001.flac`; a session is a chapter.

    The split is how the subset's name begins; sex comes from `SPEAKERS.TXT`.
    """
    sexes = _librispeech_sexes(root)
    for path in _sound_files(root):
        parts = pathlib.PurePath(path).parts
        subset = parts[-4] if len(parts) >= 4 else pathlib.Path(root).resolve().name
        split = subset.partition("-")[0]
        if len(parts) < 3 or split not in _SPLITS or not (parts[-3] + parts[-2]).isdigit():
            yield Skipped(path, "not where LibriSpeech has its files: SUBSET/SPEAKER/CHAPTER/")
            continue
        speaker, chapter = parts[-3], parts[-2]
        extra = {"corpus": "librispeech", "sex": sexes.get(speaker, "")}
        name = pathlib.PurePath(path).stem
        yield Utterance(name, f"ls{speaker}", chapter, path, 0.0, split, extra)


def audiomnist(root: str | os.PathLike) -> Candidates:
    """AudioMNIST: `data/01/7_01_23.wav` (digit, speaker, take); one session a speaker.

    The corpus has no splits; sex comes from `audioMNIST_meta.txt`.
    """
    sexes = _audiomnist_sexes(root)
    for path in _sound_files(root):
        name = re.fullmatch(r"(\d)_(\d+)_(\d+)", pathlib.PurePath(path).stem)
        if not name or pathlib.PurePath(path).parent.name != name[2]:
            yield Skipped(path, "not named as AudioMNIST names its files: SPEAKER/DIGIT_SPEAKER_N")
            continue
        extra = {"corpus": "audiomnist", "sex": sexes.get(name[2], ""), "text": name[1]}
        speaker = f"am{name[2]}"
        yield Utterance(f"{speaker}-{name[1]}-{name[3]}", speaker, "single", path, 0.0, "", extra)


def kaldi(root: str | os.PathLike) -> Candidates:
    """A Kaldi data directory (`wav.scp`, `utt2spk`, optional `spk2gender`), or a folder of them.

    A directory called train, dev or test gives the split. A session is the folder in which the
    recording lies. Relative paths start at the current folder, as Kaldi's do. Pipes and segments
    are skipped: tfsv opens files.
    """
    root = pathlib.Path(root)
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    folders = [folder for folder in folders if (folder / "wav.scp").exists()]
    if not folders:
        raise InputError(f"{root}: no wav.scp; expected a Kaldi data directory")
    for folder in folders:
        yield from _kaldi_directory(root, folder)


def tree(root: str | os.PathLike) -> Candidates:
    """`speaker/session/utterance.wav` or `speaker/utterance.wav`; deeper folders are sessions.

    If the top folders are called train, dev or test only, they are splits with such trees below.
    """
    files = list(_sound_files(root))
    with_splits = all(len(_folders(path)) >= 2 and _folders(path)[0] in _SPLITS for path in files)
    for path in files:
        folders = list(_folders(path))
        split = folders.pop(0) if with_splits else ""
        if not folders:
            yield Skipped(path, "no speaker: expected SPEAKER/SESSION/FILE or SPEAKER/FILE")
            continue
        speaker, *session = folders
        name = pathlib.PurePath(path).with_suffix("").as_posix()
        name = name.removeprefix(f"{split}/").replace("/", "-")
        yield Utterance(name, speaker, "/".join(session) or "single", path, 0.0, split)


READERS: dict[str, Callable[[str | os.PathLike], Candidates]] = {
    "voxceleb1": voxceleb1,
    "voxceleb2": voxceleb2,
    "cnceleb": cnceleb,
    "librispeech": librispeech,
    "audiomnist": audiomnist,
    "kaldi": kaldi,
    "tree": tree,
}
"""Name -> reader. A reader takes the corpus's folder and yields candidates in a fixed order: their
paths are relative to that folder (or absolute), seconds are 0 because nothing has been opened yet,
and split is empty where the corpus does not say it."""


def _voxceleb(root: str | os.PathLike, corpus: str, test_speakers: range) -> Candidates:
    files = list(_sound_files(root))
    readable = {
        (*pathlib.PurePath(path).parts[-3:-1], pathlib.PurePath(path).stem)
        for path in files
        if path.lower().endswith(SUFFIXES)
    }
    for path in files:
        parts = pathlib.PurePath(path).parts
        if len(parts) < 3 or not re.fullmatch(r"id\d{5}", parts[-3]):
            yield Skipped(path, "not where VoxCeleb has its files: idNNNNN/VIDEO/")
            continue
        speaker, video, stem = parts[-3], parts[-2], pathlib.PurePath(path).stem
        if path.lower().endswith(UNREADABLE_SUFFIXES) and (speaker, video, stem) in readable:
            continue  # its conversion is there
        is_test = "test" in parts[:-3] or int(speaker[2:]) in test_speakers
        yield Utterance(
            f"{speaker}-{video}-{stem}",
            speaker,
            video,
            path,
            0.0,
            "test" if is_test else "train",
            {"corpus": corpus},
        )


def _kaldi_directory(root: pathlib.Path, folder: pathlib.Path) -> Candidates:
    speakers = dict(_kaldi_table(folder / "utt2spk"))
    sexes: dict[str, str] = {}
    if (folder / "spk2gender").exists():
        sexes = {name: sex.upper() for name, sex in _kaldi_table(folder / "spk2gender")}
    split = folder.name if folder.name in _SPLITS else ""
    segmented = (folder / "segments").exists()
    for name, path in _kaldi_table(folder / "wav.scp"):
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


def _kaldi_table(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split(maxsplit=1)
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: expected a key and a value")
        yield fields[0], fields[1].strip()


def _librispeech_sexes(root: str | os.PathLike) -> dict[str, str]:
    root = pathlib.Path(root).resolve()
    path = next((p for p in (root, root.parent) if (p / "SPEAKERS.TXT").exists()), None)
    if path is None:
        return {}
    rows = [line.split("|") for line in _lines(path / "SPEAKERS.TXT") if not line.startswith(";")]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2}


def _audiomnist_sexes(root: str | os.PathLike) -> dict[str, str]:
    root = pathlib.Path(root)
    path = next(iter(sorted(root.glob("**/audioMNIST_meta.txt"))), None)
    if path is None:
        return {}
    try:
        speakers = json.loads("\n".join(_lines(path)))
        return {
            number: {"male": "M", "female": "F"}.get(speaker.get("gender"), "")
            for number, speaker in speakers.items()
        }
    except (json.JSONDecodeError, AttributeError) as error:
        raise InputError(
            f"{path}: not the JSON that AudioMNIST has; delete or restore it"
        ) from error


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text") from error


def _folders(path: str) -> tuple[str, ...]:
    return pathlib.PurePath(path).parts[:-1]


def _sound_files(root: str | os.PathLike) -> Iterator[str]:
    """Sound files below `root`, relative, sorted within each folder; follows links once."""
    if not pathlib.Path(root).is_dir():
        raise InputError(f"{root}: no such folder; --root names the corpus's folder")
    seen = set()
    found = False
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if name.lower().endswith(_SOUND) and not name.startswith("."):
                found = True
                yield str(pathlib.PurePath(folder, name).relative_to(root))
    if not found:
        raise InputError(f"{root}: no sound file below it ({' '.join(_SOUND)})")
