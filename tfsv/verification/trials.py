"""Trial lists: which pairs of recordings are compared, and which of them are one speaker's."""

import os
import pathlib
from dataclasses import dataclass

import numpy as np

from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.pairs import draw_pairs
from tfsv.errors import InputError
from tfsv.files import replacing


@dataclass(frozen=True)
class Trials:
    """A list of trials.

    Example:
        >>> trials = read_trials("trials/test.txt")
        >>> for label, enrol, test in zip(trials.labels, trials.enrol, trials.test):
        ...     print(label, trials.names[enrol], trials.names[test])

    Attributes:
        labels: Labels, uint8 `[trials]`, 1 = target (one speaker), 0 = non-target.
        enrol: Enrolment sides, int32 `[trials]`, indices into `names`.
        test: Test sides, int32 `[trials]`, indices into `names`.
        names: Paths of the recordings as the list has them, relative to the manifest's folder, or
            identifiers of the manifest's utterances, without duplicates.
    """

    labels: np.ndarray
    enrol: np.ndarray
    test: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def read_trials(path: str | os.PathLike) -> Trials:
    """Reads a list in the VoxCeleb form, `label enrol test` a line.

    Fields are separated by blanks, or by single tabs if the first line has a tab, so that paths
    may hold blanks. A list of 580,000 lines takes about a second.

    Example:
        >>> trials = read_trials("trials/test.txt")
        >>> len(trials), int(trials.labels.sum())
        (20000, 10000)

    Raises:
        InputError: The file cannot be read or is empty, or a line has not three fields or a label
            other than 0 and 1. The message has the line's number.
    """
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a trial list ({error.strerror})") from error
    data = data.replace(b"\r\n", b"\n")
    tabbed = b"\t" in data.partition(b"\n")[0]
    fields = [f for f in data.replace(b"\n", b"\t").split(b"\t") if f] if tabbed else data.split()
    _require_three_a_line(path, data, tabbed)
    if not fields:
        raise InputError(f"{path}:1: lists no trial; expected lines of: label enrol test")
    labels = fields[0::3]
    if wrong := set(labels) - {b"0", b"1"}:
        number = next(i for i, label in enumerate(labels) if label in wrong)
        received = labels[number].decode("utf-8", "replace")
        raise InputError(
            f"{path}:{_line_of(data, number)}: expected the label 1 (same speaker) or 0, "
            f"then enrol and test; received {received!r}"
        )
    index: dict[bytes, int] = {}
    enrol = np.array([index.setdefault(name, len(index)) for name in fields[1::3]], np.int32)
    test = np.array([index.setdefault(name, len(index)) for name in fields[2::3]], np.int32)
    try:
        names = [name.decode("utf-8") for name in index]
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; is it a trial list?") from error
    return Trials(np.array([label == b"1" for label in labels], np.uint8), enrol, test, names)


def write_trials(path: str | os.PathLike, trials: Trials) -> None:
    """Writes a list as `read_trials` reads it: with blanks, or tabs if a name holds a blank.

    Example:
        >>> write_trials("trials/dev.txt", make_trials(dev, targets=1000, nontargets=1000))

    Raises:
        InputError: The file cannot be written, or a name holds a tab or line break.
    """
    blank = any(any(c.isspace() for c in name) for name in trials.names)
    for name in trials.names:
        if not name or any(c in name for c in "\t\n\r"):
            raise InputError(f"{path}: {name!r}: empty, or tab or line break; rename the file")
    names, separator = trials.names, "\t" if blank else " "
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        for label, enrol, test in zip(
            trials.labels.tolist(), trials.enrol.tolist(), trials.test.tolist(), strict=True
        ):
            file.write(f"{label}{separator}{names[enrol]}{separator}{names[test]}\n")


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
        pair = {int(trials.enrol[index]), int(trials.test[index])}
        if len(kept | pair) <= recordings:
            kept |= pair
    rows = sorted(kept)
    inside = np.isin(trials.enrol, rows) & np.isin(trials.test, rows)
    labels = trials.labels[inside]
    if set(labels.tolist()) != {0, 1}:
        raise InputError(
            f"recordings={recordings}: too few for target and non-target trials; give more"
        )
    place = {row: number for number, row in enumerate(rows)}
    sides = (
        np.array([place[int(row)] for row in side[inside]], np.int32)
        for side in (trials.enrol, trials.test)
    )
    return Trials(labels, *sides, [trials.names[row] for row in rows])


def _require_three_a_line(path: pathlib.Path, data: bytes, tabbed: bool) -> None:
    text = np.frombuffer(data, np.uint8)
    breaks = text == ord("\n")
    gap = breaks | (text == ord("\t")) if tabbed else breaks | (text == 32) | (text == 9)
    gap |= text == ord("\r")
    starts = np.flatnonzero(~gap & np.concatenate([[True], gap[:-1]]))
    line = np.searchsorted(np.flatnonzero(breaks), starts)
    counts = np.bincount(line)
    wrong = np.flatnonzero((counts != 3) & (counts != 0))
    if len(wrong):
        raise InputError(
            f"{path}:{wrong[0] + 1}: {counts[wrong[0]]} fields, expected 3: label enrol test"
        )


def _line_of(data: bytes, number: int) -> int:
    """The line on which trial `number` (from 0) stands, blank lines counted."""
    lines = [i for i, line in enumerate(data.split(b"\n"), start=1) if line.strip()]
    return lines[number]
