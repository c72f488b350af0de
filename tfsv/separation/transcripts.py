"""Transcripts of utterances, as a table of text."""

import dataclasses
import os
from collections.abc import Iterable

from tfsv.errors import InputError
from tfsv.text_files import read_lines

_COLUMNS = ("path", "split", "speaker", "name", "text")


@dataclasses.dataclass(frozen=True)
class Transcript:
    """What is said in an utterance.

    Example:
        >>> transcript = Transcript("an4/fash/001.ogg", "train", ("YES",))

    Attributes:
        path: Path of the recording, as the manifest has it.
        split: Split of its speaker.
        words: Words in capitals.
    """

    path: str
    split: str
    words: tuple[str, ...]


def read_transcripts(path: str | os.PathLike) -> list[Transcript]:
    """Reads a table of transcripts: path, split, speaker, name and text, parted by tabs.

    Example:
        >>> transcripts = read_transcripts("an4_text.tsv")

    Raises:
        InputError: The file cannot be read, has a line of other columns or without words, or holds
            nothing. The message names the line.
    """
    transcripts = []
    for number, line in enumerate(read_lines(path, "transcripts"), start=1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(_COLUMNS) or not cells[-1].split():
            raise InputError(f"{path}:{number}: expected {', '.join(_COLUMNS)}, parted by tabs")
        transcripts.append(Transcript(cells[0], cells[1], tuple(cells[-1].upper().split())))
    if not transcripts:
        raise InputError(f"{path}: has no transcripts")
    return transcripts


def sentences_of(transcripts: Iterable[Transcript], split: str) -> list[tuple[str, ...]]:
    """The words of all transcripts of a split.

    Example:
        >>> sentences_of([Transcript("a.ogg", "train", ("YES",))], "train")
        [('YES',)]

    Raises:
        InputError: The split has no transcripts.
    """
    sentences = [transcript.words for transcript in transcripts if transcript.split == split]
    if not sentences:
        raise InputError(f"split={split}: has no transcripts")
    return sentences
