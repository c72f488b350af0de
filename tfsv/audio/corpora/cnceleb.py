"""The reader of CN-Celeb 1 and 2."""

import os
import pathlib
import re

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import folders_of, sound_files
from tfsv.audio.manifest import Utterance

_EVALUATION = range(800, 1000)  # CN-Celeb 1: what eval/ is made of


@CORPORA.register("cnceleb")
def cnceleb(root: str | os.PathLike) -> CorpusEntries:
    """Reads CN-Celeb 1 and 2: `data/id00001/singing-01-002.flac`.

    A session is genre and session, here `singing-01`.

    `eval/enroll` and `eval/test` of CN-Celeb 1 are the test split. They repeat the evaluation
    speakers (id00800 to id00999) of `data/`, which are left out when `eval/` is there.

    Example:
        >>> entries = list(CORPORA.named("cnceleb")("CN-Celeb_flac"))
    """
    files = list(sound_files(root))
    has_eval = any("eval" in folders_of(path) for path in files)
    for path in files:
        stem, parent = pathlib.PurePath(path).stem, pathlib.PurePath(path).parent.name
        folders = folders_of(path)
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
            split = "test" if int(parent[2:]) in _EVALUATION else "train"
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
