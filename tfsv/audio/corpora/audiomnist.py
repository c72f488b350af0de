"""The reader of AudioMNIST."""

import json
import os
import pathlib
import re

from tfsv.audio.corpora import CORPORA, CorpusEntries, Skipped
from tfsv.audio.corpora.files import sound_files
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError
from tfsv.json_files import read_json


@CORPORA.register("audiomnist")
def audiomnist(root: str | os.PathLike) -> CorpusEntries:
    """Reads AudioMNIST: `data/01/7_01_23.wav` is digit, speaker and take.

    Every speaker has one session. The corpus has no splits. The speaker's sex comes from
    `audioMNIST_meta.txt`.

    Example:
        >>> entries = list(CORPORA.named("audiomnist")("AudioMNIST"))
    """
    sexes = _sexes(root)
    for path in sound_files(root):
        name = re.fullmatch(r"(\d)_(\d+)_(\d+)", pathlib.PurePath(path).stem)
        if not name or pathlib.PurePath(path).parent.name != name[2]:
            yield Skipped(path, "not named as AudioMNIST names its files: SPEAKER/DIGIT_SPEAKER_N")
            continue
        extra = {"corpus": "audiomnist", "sex": sexes.get(name[2], ""), "text": name[1]}
        speaker = f"am{name[2]}"
        yield Utterance(f"{speaker}-{name[1]}-{name[3]}", speaker, "single", path, 0.0, "", extra)


def _sexes(root: str | os.PathLike) -> dict[str, str]:
    root = pathlib.Path(root)
    path = next(iter(sorted(root.glob("**/audioMNIST_meta.txt"))), None)
    if path is None:
        return {}
    try:
        speakers = read_json(path, "the JSON that AudioMNIST has")
        return {
            number: {"male": "M", "female": "F"}.get(speaker.get("gender"), "")
            for number, speaker in speakers.items()
        }
    except (json.JSONDecodeError, AttributeError) as error:
        raise InputError(
            f"{path}: not the JSON that AudioMNIST has; delete or restore it"
        ) from error
