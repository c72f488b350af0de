"""The readers of VoxCeleb 1 and 2."""

import os
import pathlib
import re

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import sound_files, told_apart
from tfsv.audio.manifest import Utterance
from tfsv.audio.sound_kinds import SUFFIXES, UNREADABLE_SUFFIXES

_VOXCELEB1_TEST = range(10270, 10310)  # the 40 speakers of Vox1-O, should all lie in one folder


@CORPORA.register("voxceleb1")
def voxceleb1(root: str | os.PathLike) -> CorpusEntries:
    """Reads VoxCeleb 1: `[dev/|test/][wav/]id10001/VIDEO/00001.wav`.

    A session is a video. Test speakers are those below a folder `test` and the official forty
    (id10270 to id10309), wherever they lie. The others train. Speaker, video and number are the
    identifier. A second file with all three is listed as the same utterance.

    Example:
        >>> entries = list(CORPORA.named("voxceleb1")("VoxCeleb1"))
    """
    return _voxceleb(root, "voxceleb1", _VOXCELEB1_TEST)


@CORPORA.register("voxceleb2")
def voxceleb2(root: str | os.PathLike) -> CorpusEntries:
    """Reads VoxCeleb 2: `[dev/|test/][aac/]id00012/VIDEO/00001.m4a`.

    A session is a video. Test speakers are those below a folder `test`. libsndfile cannot decode
    m4a, so converted files (wav, flac, …) beside them or instead are taken. Where there are none,
    the inspection says how to convert.

    Example:
        >>> entries = list(CORPORA.named("voxceleb2")("VoxCeleb2"))
    """
    return _voxceleb(root, "voxceleb2", range(0))


def _voxceleb(root: str | os.PathLike, corpus: str, test_speakers: range) -> CorpusEntries:
    files = list(sound_files(root))
    readable = {_place(path) for path in files if path.lower().endswith(SUFFIXES)}
    places = {_place(path) for path in files}
    names = told_apart({"/".join(place): "-".join(place) for place in places})
    for path in files:
        parts = pathlib.PurePath(path).parts
        if len(parts) < 3 or not re.fullmatch(r"id\d{5}", parts[-3]):
            yield Skipped(path, "not where VoxCeleb has its files: idNNNNN/VIDEO/")
            continue
        place = _place(path)
        if path.lower().endswith(UNREADABLE_SUFFIXES) and place in readable:
            continue  # its conversion is there
        speaker, video, _ = place
        is_test = "test" in parts[:-3] or int(speaker[2:]) in test_speakers
        yield Utterance(
            names["/".join(place)],
            speaker,
            video,
            path,
            0.0,
            "test" if is_test else "train",
            {"corpus": corpus},
        )


def _place(path: str) -> tuple[str, ...]:
    """Speaker, video and number of a recording."""
    return (*pathlib.PurePath(path).parts[-3:-1], pathlib.PurePath(path).stem)
