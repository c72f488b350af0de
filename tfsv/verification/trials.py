"""Trial lists: which pairs of recordings are compared, and which of them are one speaker's."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from absl import logging

from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.pairs import draw_pairs
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.text_files import unwritable
from tfsv.verification.enrolments import (
    EnrolmentList,
    enrolments_beside,
    read_enrolments,
    require_first_channel,
)
from tfsv.verification.list_columns import (
    ENROLMENT_COLUMNS,
    LABEL_COLUMNS,
    TEST_COLUMNS,
    ListColumns,
    read_columns,
)

_LABELS = {
    **dict.fromkeys((b"1", b"target", b"tgt", b"true"), 1),
    **dict.fromkeys((b"0", b"nontarget", b"non-target", b"non", b"imp", b"impostor"), 0),
    **dict.fromkeys((b"imposter", b"false"), 0),
}


@dataclass(frozen=True)
class Enrolment:
    """One side of trials that is enrolled with recordings of its own list.

    Example:
        >>> trials = read_trials("lists/trials.lst", "lists/enroll.lst")
        >>> trials.enrolments[0].name, [trials.names[i] for i in trials.enrolments[0].recordings]
        ('id00800-enroll', ['enroll/id00800-enroll.wav'])

    Attributes:
        name: Name in the trial list.
        recordings: Rows of the recordings in `Trials.names`.
    """

    name: str
    recordings: tuple[int, ...]


@dataclass(frozen=True, order=True)
class Place:
    """A line of a list, which prints as `trials.txt:301`.

    Example:
        >>> str(Place("trials.txt", 301))
        'trials.txt:301'

    Attributes:
        file: The list.
        line: Number of the line. 0: the list is no file, and has no lines.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Trials:
    """A list of trials.

    Example:
        >>> trials = read_trials("trials/test.txt")
        >>> for label, enrol, test in zip(trials.labels, trials.enrol, trials.test):
        ...     print(label, trials.sides[enrol], trials.sides[test])

    Attributes:
        labels: Labels, uint8 `[trials]`, 1 = target (one speaker), 0 = non-target.
        enrol: Enrolment sides, int32 `[trials]`, indices into `sides`.
        test: Test sides, int32 `[trials]`, indices into `names`.
        names: Paths of the recordings as the list has them, relative to the manifest's folder, or
            identifiers of the manifest's utterances, without duplicates.
        enrolments: Enrolments with recordings of an enrolment list. Empty: every enrolment side is
            one recording.
        source: File of the trials. None: they are of no file.
        lines: Line of each trial in that file, int32 `[trials]`. None: they are of no file.
        enrolment_list: The enrolment list. None: there is none.
    """

    labels: np.ndarray
    enrol: np.ndarray
    test: np.ndarray
    names: list[str]
    enrolments: tuple[Enrolment, ...] = ()
    source: pathlib.Path | None = None
    lines: np.ndarray | None = None
    enrolment_list: EnrolmentList | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sides(self) -> list[str]:
        """What the list calls each side: the recordings, then the enrolments."""
        return [*self.names, *(enrolment.name for enrolment in self.enrolments)]

    def recordings_of(self, side: int) -> tuple[int, ...]:
        """Rows in `names` of the recordings that make one of `sides`."""
        place = side - len(self.names)
        return (side,) if place < 0 else self.enrolments[place].recordings

    def place(self, trial: int) -> Place:
        """Where a trial is listed."""
        if self.source is None or self.lines is None:
            return Place("trial list", 0)
        return Place(str(self.source), int(self.lines[trial]))

    def first_places(self) -> list[Place]:
        """Where each of `sides` comes first; a recording that only enrols has its line there."""
        if self.source is None or self.lines is None:
            return [Place("trial list", 0)] * len(self.sides)
        first = np.zeros(len(self.sides), np.int64)
        for side in (self.enrol, self.test):
            # Of several values for one place, NumPy keeps the last.
            found = np.zeros_like(first)
            found[side[::-1]] = self.lines[::-1]
            first = np.where((first == 0) | ((found > 0) & (found < first)), found, first)
        places = [Place(str(self.source), int(line)) for line in first]
        if (known := self.enrolment_list) is not None:
            for row, name in enumerate(self.names):
                if not first[row]:
                    places[row] = Place(str(known.path), known.lines[name])
        return places


def read_trials(path: str | os.PathLike, enrolments: str | os.PathLike | None = None) -> Trials:
    """Reads a trial list in one of the forms of the field.

    - VoxCeleb: `1 enrol test` and `0 enrol test`.
    - Kaldi, WeSpeaker, CN-Celeb: `enrol test target`, or `nontarget`, `1`, `0`.
    - NIST: a header that names the columns, such as `modelid segmentid side targettype`. Columns
      of other names are left out.

    Fields are separated by blanks, or by single tabs if the first line has tabs, so that paths may
    hold blanks, or by commas. Names may be quoted then. A list of 580,000 lines takes about a
    second.

    A line is logged where a pair has both labels, or a recording is compared with itself.

    An enrolment list says which recordings enrol whom, as `read_enrolments` reads it. An
    `enroll.lst` beside a `trials.lst`, or another list named in this way, is found by itself. A
    line is logged then.

    Example:
        >>> trials = read_trials("trials/test.txt")
        >>> len(trials), int(trials.labels.sum())
        (20000, 10000)

    Args:
        path: The trial list.
        enrolments: The enrolment list. None: one that lies beside the trial list is taken, if it
            has the trial list's enrolment sides.

    Raises:
        InputError: A file cannot be read or is empty, a line has another number of fields or an
            unknown label, or the enrolment list lacks an enrolment side. The message has the line's
            number. It is also raised where first and last fields are labels alike.
    """
    columns = read_columns(path)
    place = _columns_by_name(columns) if columns.names else _columns_by_labels(columns)
    labels = _labels(columns, place.label)
    index: dict[bytes, int] = {}
    enrol = _indexed(columns.columns[place.enrol], index)
    sides = [name.decode("utf-8") for name in index]
    known = _enrolments_of(columns, enrol, sides, enrolments)
    if known is not None:
        index = {}
    test = _indexed(columns.columns[place.test], index)
    rows = {name.decode("utf-8"): row for name, row in index.items()}
    enrolled: tuple[Enrolment, ...] = ()
    if known is not None:
        enrolled = tuple(
            Enrolment(name, tuple(rows.setdefault(n, len(rows)) for n in known.recordings[name]))
            for name in sides
        )
        enrol += len(rows)
    trials = Trials(labels, enrol, test, list(rows), enrolled, columns.path, columns.lines, known)
    _tell_what_is_odd(trials)
    return trials


def write_trials(path: str | os.PathLike, trials: Trials) -> None:
    """Writes a list as `read_trials` reads it: with blanks, or tabs if a name holds a blank.

    The list has a header if the names of all test sides could be labels, such as "1" or "true".
    Enrolment sides are written by their names; an enrolment list is not written.

    Example:
        >>> write_trials("trials/dev.txt", make_trials(dev, targets=1000, nontargets=1000))

    Raises:
        InputError: The file cannot be written, or a name is empty or cannot be written.
    """
    alike = all(_is_label(trials.sides[row].encode()) for row in np.unique(trials.test))
    _write_lines(path, trials, [""] * len(trials), header=alike)


def write_scores(path: str | os.PathLike, trials: Trials, scores: np.ndarray) -> None:
    """Writes trials with their scores, a line `label enrol test score` each.

    Fields are separated by single tabs if a name holds a blank of any kind, so that every name can
    be taken apart again; else by blanks.

    Example:
        >>> report, scores = evaluate_with_scores(model, trials, "recordings")
        >>> write_scores("scores.txt", trials, scores)

    Args:
        path: The file.
        trials: The trials.
        scores: Their scores, float `[trials]`.

    Raises:
        InputError: The file cannot be written, or a name is empty or cannot be written.
    """
    _write_lines(path, trials, (f"{score:.6f}" for score in scores.tolist()))


def make_trials(manifest: Manifest, *, targets: int, nontargets: int, seed: int = 0) -> Trials:
    """Draws a trial list from all utterances of a manifest (give it one split).

    Names are paths. Where the manifest chooses a channel they are identifiers of utterances, so
    that such a list is read together with its manifest.

    Both sides of a trial have one sex and one corpus where these are known. Those of a target trial
    preferably have different sessions. Trials are drawn evenly over the speakers, as
    `tfsv.audio.pairs.draw_pairs` promises.

    Example:
        >>> dev = read_manifest("corpus/manifest.tsv").split("dev")
        >>> trials = make_trials(dev, targets=10000, nontargets=10000)

    Args:
        manifest: The utterances to pair.
        targets: Number of target trials wanted, at least 1.
        nontargets: Number of non-target trials wanted, at least 1.
        seed: Seed of all random choices.

    Raises:
        InputError: A number is below 1, no speaker has two utterances, or no two speakers have
            corpus and sex in common.
    """
    labels, pairs = draw_pairs(manifest, targets=targets, nontargets=nontargets, seed=seed)
    used, places = np.unique(pairs, return_inverse=True)
    sides = places.reshape(-1, 2).astype(np.int32)
    names = [_name(manifest.utterances[i]) for i in used]
    return Trials(labels, sides[:, 0], sides[:, 1], names)


def _name(utterance: Utterance) -> str:
    """The path, or the identifier of one channel, for the path would stand for all of them."""
    return utterance.path if utterance.channel is None else utterance.utterance


def some_trials(trials: Trials, recordings: int, seed: int = 0) -> Trials:
    """The part of a trial list that lies among some of its recordings.

    Trials are drawn, targets and non-targets in turn, until their recordings are as many as wanted.
    Then every trial between these is taken.

    Example:
        >>> dev = some_trials(read_trials("trials/dev.txt"), recordings=200)
        >>> len(dev.names) <= 200
        True

    Args:
        trials: A list with both kinds of trial.
        recordings: Most recordings to have, which decides what a measurement costs.
        seed: Seed of the draw.

    Raises:
        InputError: The list lacks targets or non-targets, or so few recordings cannot hold both.
    """
    random = np.random.default_rng(seed)
    kinds = [random.permutation(np.flatnonzero(trials.labels == kind)) for kind in (1, 0)]
    if not all(len(kind) for kind in kinds):
        raise InputError("dev trials: need target and non-target trials")
    kept: set[int] = set()
    turns = max(map(len, kinds))
    for index in np.stack([np.resize(kind, turns) for kind in kinds], axis=1).reshape(-1):
        needed = {*trials.recordings_of(int(trials.enrol[index])), int(trials.test[index])}
        if len(kept | needed) <= recordings:
            kept |= needed
    rows = sorted(kept)
    sides = [s for s in range(len(trials.sides)) if kept.issuperset(trials.recordings_of(s))]
    inside = np.isin(trials.enrol, sides) & np.isin(trials.test, rows)
    labels = trials.labels[inside]
    if set(labels.tolist()) != {0, 1}:
        raise InputError(
            f"recordings={recordings}: too few for target and non-target trials; give more"
        )
    place = np.zeros(len(trials.sides), np.int32)
    place[sides] = np.arange(len(sides))
    enrolments = (trials.enrolments[side - len(trials.names)] for side in sides[len(rows) :])
    return dataclasses.replace(
        trials,
        labels=labels,
        enrol=place[trials.enrol[inside]],
        test=place[trials.test[inside]],
        names=[trials.names[row] for row in rows],
        enrolments=tuple(
            Enrolment(one.name, tuple(int(place[row]) for row in one.recordings))
            for one in enrolments
        ),
        lines=None if trials.lines is None else trials.lines[inside],
    )


def _write_lines(
    path: str | os.PathLike, trials: Trials, further: Iterable[str], *, header: bool = False
) -> None:
    """Writes label, enrol, test and a further field that may be empty, below a header if wanted."""
    sides = trials.sides
    for name in sides:
        if problem := unwritable(name) or ("" if name else "an empty name"):
            raise InputError(f"{path}: {name!r}: {problem}")
    separator = "\t" if any(any(c.isspace() for c in name) for name in sides) else " "
    columns = (trials.labels.tolist(), trials.enrol.tolist(), trials.test.tolist())
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        if header:
            file.write(f"label{separator}enrol{separator}test\n")
        for label, enrol, test, more in zip(*columns, further, strict=True):
            end = f"{separator}{more}\n" if more else "\n"
            file.write(f"{label}{separator}{sides[enrol]}{separator}{sides[test]}{end}")


class _Columns(NamedTuple):
    label: int
    enrol: int
    test: int


def _columns_by_name(columns: ListColumns) -> _Columns:
    enrol, test = columns.column(ENROLMENT_COLUMNS), columns.column(TEST_COLUMNS)
    label = columns.column(LABEL_COLUMNS)
    if label is None or enrol is None or test is None:
        raise InputError(
            f"{columns.path}:1: its header names no column of labels ({' '.join(columns.names)});"
            " give the list with its key, whose header has targettype or label"
        )
    if "side" in columns.names:
        sides = columns.columns[columns.names.index("side")]
        for side in set(sides):
            row = sides.index(side)
            require_first_channel(columns.path, int(columns.lines[row]), side.decode("utf-8"))
    for number in (enrol, test):
        if b"" in columns.columns[number]:
            row = columns.columns[number].index(b"")
            name = columns.names[number]
            raise InputError(f"{columns.path}:{columns.lines[row]}: the field {name} is empty")
    return _Columns(label, enrol, test)


def _columns_by_labels(columns: ListColumns) -> _Columns:
    """Labels are in front or at the end: where all fields are labels."""
    ends = (columns.columns[0], columns.columns[-1])
    first, last = (all(_is_label(label) for label in set(end)) for end in ends)
    if first and last:
        raise InputError(
            f"{columns.path}: first and last fields are labels alike; name the columns in a first"
            " line: label enrol test"
        )
    if last or (not first and _is_label(ends[1][0]) and not _is_label(ends[0][0])):
        return _Columns(2, 0, 1)
    return _Columns(0, 1, 2)


def _labels(columns: ListColumns, number: int) -> np.ndarray:
    """The labels, uint8 `[trials]`."""
    column = columns.columns[number]
    values = {label: _LABELS.get(label.strip().lower()) for label in set(column)}
    wrong = {label for label, value in values.items() if value is None}
    if wrong:
        row = next(row for row, label in enumerate(column) if label in wrong)
        received = ascii(column[row].decode("utf-8"))
        if not columns.names:
            line = b" ".join(fields[row] for fields in columns.columns).decode("utf-8")
            received += f" in {line[:60]!a}"
        raise InputError(
            f"{columns.path}:{columns.lines[row]}: expected the label 1 (same speaker) or 0, then"
            " enrol and test, or enrol, test and then the label (1, 0, target, nontarget), or a"
            f" header such as: enrol test label; received {received}"
        )
    return np.array([values[label] for label in column], np.uint8)


def _tell_what_is_odd(trials: Trials) -> None:
    """Warns of pairs that are both target and non-target, and of recordings against themselves."""
    pair = trials.enrol.astype(np.int64), trials.test.astype(np.int64)
    if not trials.enrolments:  # the order of a pair does not matter
        pair = np.minimum(*pair), np.maximum(*pair)
    key = pair[0] << 32 | pair[1]
    targets, others = np.flatnonzero(trials.labels), np.flatnonzero(trials.labels == 0)
    both = np.intersect1d(key[targets], key[others])
    if len(both):
        one, other = sorted(rows[np.argmax(key[rows] == both[0])] for rows in (targets, others))
        logging.warning(
            "%s: %s and %s are a pair with the other label in line %d (%d pairs have both"
            " labels); delete the wrong lines",
            trials.place(other), trials.sides[trials.enrol[other]],
            trials.names[trials.test[other]], trials.place(one).line, len(both),
        )  # fmt: skip
    itself = np.flatnonzero(pair[0] == pair[1])
    if len(itself):
        logging.warning(
            "%s: a recording is compared with itself (%d of %d trials), which measures nothing",
            trials.place(itself[0]), len(itself), len(trials),
        )  # fmt: skip


def _is_label(field: bytes) -> bool:
    return field.strip().lower() in _LABELS


def _indexed(column: Sequence[bytes], index: dict[bytes, int]) -> np.ndarray:
    """The place of each field in the index, which gets those that it lacks; int32 `[trials]`."""
    return np.array([index.setdefault(name, len(index)) for name in column], np.int32)


def _enrolments_of(
    columns: ListColumns,
    enrol: np.ndarray,
    names: Sequence[str],
    given: str | os.PathLike | None,
) -> EnrolmentList | None:
    """The enrolment list that has the enrolment sides, or None."""
    path = enrolments_beside(columns.path) if given is None else given
    if path is None:
        return None
    known = read_enrolments(path)
    lacking = [row for row, name in enumerate(names) if name not in known.recordings]
    if given is None and len(lacking) == len(names):
        logging.warning("%s: names no enrolment side of %s; left aside", path, columns.path)
        return None
    if lacking:
        line = columns.lines[np.argmax(enrol == lacking[0])]
        raise InputError(
            f"{columns.path}:{line}: {names[lacking[0]]!r} is not enrolled in {path}"
            f" ({len(lacking)} of {len(names)} enrolment sides are not); give its enrolment list"
        )
    count = sum(len(known.recordings[name]) for name in names)
    if given is None:
        logging.warning(
            "%s: enrolments are those of %s (%d, with %d recordings)",
            columns.path, path, len(names), count,
        )  # fmt: skip
    return known
