"""The manifest, a TSV file that says which recordings a corpus has and who speaks in them."""

import math
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tfsv.audio.channels import channel_number, with_channel
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.text_files import read_lines, unwritable

COLUMNS = ("utterance", "speaker", "session", "path", "seconds", "split")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording of a manifest.

    Example:
        >>> row = Utterance("ann-1", "ann", "monday", "ann/1.wav", 2.5, "train", {"sex": "F"})

    Attributes:
        utterance: Identifier, unique in the manifest.
        speaker: Name of the speaker, unique over all corpora in the manifest.
        session: Name of the occasion, unique within the speaker.
        path: Path of the sound file, relative to the manifest's folder or absolute.
        seconds: Duration, seconds.
        split: Name of the split, such as "train", "dev" or "test". A speaker is in one split only.
        extra: Further columns by name, such as corpus, sex ("F", "M" or ""), text. The column
            `channel` chooses a channel of the file: 1, 2, …, left, right, A or B. Where it is
            empty, channels are averaged.
    """

    utterance: str
    speaker: str
    session: str
    path: str
    seconds: float
    split: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def channel(self) -> int | None:
        """Number of the channel that speaks, from 1. None: the channels are averaged."""
        channel = self.extra.get("channel")
        return channel_number(channel) if channel else None


class Manifest:
    """The utterances of one manifest file, in its order.

    Example:
        >>> train = read_manifest("corpus/manifest.tsv").split("train")
        >>> len(train), len(train.speakers)
        (4000, 100)

    Attributes:
        path: The TSV file.
        root: Folder of the TSV, absolute. Relative paths start there.
        utterances: All utterances, in the order of the file.
    """

    def __init__(self, path: str | os.PathLike, utterances: Iterable[Utterance]):
        self.path = pathlib.Path(path)
        self.root = self.path.absolute().parent
        self.utterances = list(utterances)

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    @property
    def speakers(self) -> list[str]:
        """All speakers, sorted."""
        return sorted({utterance.speaker for utterance in self.utterances})

    @property
    def splits(self) -> list[str]:
        """All splits, sorted."""
        return sorted({utterance.split for utterance in self.utterances})

    def split(self, *names: str) -> "Manifest":
        """The part of the manifest that belongs to the named splits.

        Raises:
            InputError: No utterance belongs to these splits.
        """
        chosen = [utterance for utterance in self.utterances if utterance.split in names]
        if not chosen:
            raise InputError(
                f"{self.path}: no utterance in split {' or '.join(names)}; "
                f"it has {', '.join(self.splits) or 'none'}"
            )
        return Manifest(self.path, chosen)

    def absolute(self, utterance: Utterance) -> str:
        """The path of an utterance's sound file, absolute."""
        return str(self.root / utterance.path)

    def recording(self, utterance: Utterance) -> str | os.PathLike:
        """The sound file of an utterance, absolute, with its channel where the row chooses one."""
        return with_channel(self.absolute(utterance), utterance.channel)


def read_manifest(path: str | os.PathLike) -> Manifest:
    """Reads a manifest line by line and checks every one.

    Example:
        >>> manifest = read_manifest("corpus/manifest.tsv")
        >>> manifest.splits
        ['dev', 'test', 'train']

    Args:
        path: Path of a file in UTF-8, tab-separated without quotes. Its first line names the
            columns, at least `COLUMNS`, in any order. Only line ends end a line, so that fields
            may hold every other character.

    Raises:
        InputError: The file cannot be read, lacks a column, lists nothing, or has a wrong line. A
            line is wrong by its number of fields, an empty or duplicate identifier, seconds that
            are no positive number, a channel that is none, or a recording that another line gives
            to another speaker. The message has the line's number.
    """
    path = pathlib.Path(path)
    utterances = list(_parsed(path, read_lines(path, "a manifest")))
    if not utterances:
        raise InputError(f"{path}:1: lists no utterance after its header")
    return Manifest(path, utterances)


def write_manifest(path: str | os.PathLike, utterances: Iterable[Utterance]) -> Manifest:
    """Writes a manifest, whole or not at all.

    The extra columns are those of all utterances together, in order of appearance. An utterance
    without one of them has an empty field there.

    Example:
        >>> row = Utterance("ann-1", "ann", "monday", "ann/1.wav", 2.5, "train")
        >>> manifest = write_manifest("corpus/manifest.tsv", [row])

    Returns:
        The manifest that was written.

    Raises:
        InputError: The file cannot be written, nothing is listed, or a field holds a tab, a line
            break or a byte that is not UTF-8. It is also raised for an identifier that is empty or
            occurs twice, for seconds that are no positive number, and for a recording of two
            speakers.
    """
    manifest = Manifest(path, utterances)
    if not manifest.utterances:
        raise InputError(f"{path}: no utterance to write")
    extra = list(dict.fromkeys(name for utterance in manifest for name in utterance.extra))
    seen = _Seen()
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("\t".join((*COLUMNS, *extra)) + "\n")
        for utterance in manifest:
            if problem := _problem(utterance, seen):
                raise InputError(f"{path}: utterance {utterance.utterance!r}: {problem}")
            fields = [
                utterance.utterance,
                utterance.speaker,
                utterance.session,
                utterance.path,
                f"{utterance.seconds:.3f}",
                utterance.split,
                *(utterance.extra.get(name, "") for name in extra),
            ]
            if problem := unwritable("".join(fields)):
                raise InputError(f"{path}: utterance {utterance.utterance!r}: {problem}")
            file.write("\t".join(fields) + "\n")
    return manifest


def _parsed(path: pathlib.Path, lines: Sequence[str]) -> Iterator[Utterance]:
    header = lines[0].split("\t") if lines else [""]
    if header == [""]:
        raise InputError(f"{path}:1: empty; expected the columns {' '.join(COLUMNS)}")
    for name in COLUMNS:
        if name not in header:
            raise InputError(
                f"{path}:1: column {name!r} is missing; expected {' '.join(COLUMNS)}, "
                "separated by tabs, without quotes"
            )
    if len(set(header)) < len(header):
        raise InputError(f"{path}:1: a column is named twice")
    places = [header.index(name) for name in COLUMNS]
    others = [(sys.intern(name), i) for i, name in enumerate(header) if name not in COLUMNS]
    seen = _Seen()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != len(header):
            raise InputError(f"{path}:{number}: {len(fields)} fields, expected {len(header)}")
        name, speaker, session, sound, seconds, split = (fields[i] for i in places)
        try:
            duration = float(seconds)
        except ValueError:
            raise InputError(
                f"{path}:{number}: seconds: expected a number, received {seconds!r}"
            ) from None
        utterance = Utterance(
            name,
            sys.intern(speaker),
            sys.intern(session),
            sound,
            duration,
            sys.intern(split),
            {other: sys.intern(fields[i]) for other, i in others},
        )
        if problem := _problem(utterance, seen):
            raise InputError(f"{path}:{number}: {problem}")
        yield utterance


class _Seen:
    """The identifiers of a manifest so far, and who speaks in each recording."""

    def __init__(self):
        self.names: set[str] = set()
        self.speakers: dict[str | tuple[str, int], str] = {}


def _problem(utterance: Utterance, seen: _Seen) -> str | None:
    """Returns what is wrong with an utterance, and adds it to those seen."""
    for name in ("utterance", "speaker", "path", "split"):
        if not getattr(utterance, name).strip():
            return f"{name} is empty"
    if not (math.isfinite(utterance.seconds) and utterance.seconds > 0):
        return f"seconds: expected a positive number, received {utterance.seconds}"
    try:
        channel = utterance.channel
    except InputError as error:
        return str(error).replace("channel=", "channel ", 1)  # a field of the row, not a setting
    if utterance.utterance in seen.names:
        return f"duplicate utterance id {utterance.utterance!r}"
    seen.names.add(utterance.utterance)
    recording = utterance.path if channel is None else (utterance.path, channel)
    speaker = seen.speakers.setdefault(recording, utterance.speaker)
    if speaker != utterance.speaker:
        return (
            f"{utterance.path!r} has the speaker {utterance.speaker!r}, but {speaker!r} further up"
        )
    return None
