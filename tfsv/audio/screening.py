"""Screening of a corpus: which recordings are fit for a manifest, and why the others are not."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Sequence

import tqdm

from tfsv.audio.channels import OneChannel, channel_number, with_channel
from tfsv.audio.corpora import Skipped
from tfsv.audio.inspection import SoundLimits, inspect_all
from tfsv.audio.manifest import Utterance
from tfsv.audio.soundfiles import SoundInfo
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.text_files import escaped, unwritable


@dataclasses.dataclass(frozen=True, slots=True)
class Warned:
    """A warning about a recording that is in the manifest all the same.

    Example:
        >>> entry = Warned("call.wav", "2 channels that differ are mixed; 'channel' takes one")

    Attributes:
        path: Path of the recording, relative to the corpus.
        warning: Line that says in what the recording does not suit.
    """

    path: str
    warning: str


def screen(
    entries: Iterable[Utterance | Skipped],
    root: str | os.PathLike,
    *,
    limits: SoundLimits,
    workers: int,
    timeout_seconds: float,
    channel: int | str | None = None,
) -> tuple[list[Utterance], list[Skipped], list[Warned]]:
    """Decodes every recording of a corpus once, in parallel.

    Example:
        >>> entries = CORPORA["tree"]("recordings")
        >>> fit, skipped, warned = screen(
        ...     entries, "recordings", limits=SoundLimits(), workers=2, timeout_seconds=60
        ... )

    Args:
        entries: Entries that a reader of `tfsv.audio.corpora.CORPORA` yields.
        root: Folder of the corpus, at which relative paths start.
        limits: Check of every recording.
        workers: Number of processes that decode.
        timeout_seconds: Longest time that one recording may take.
        channel: Channel to take of recordings that have several, as
            `tfsv.audio.channels.channel_number` reads it. None: channels are averaged. What the
            reader says of a recording counts first.

    Returns:
        fit: Rows with their seconds, sorted by identifier. Paths are as the reader gave them. Where
            a channel is chosen of several, the row's column `channel` has its number.
        skipped: Recordings left out by the reader or by the check, sorted by path.
        warned: Warnings about recordings that are fit, sorted by path.

    Raises:
        InputError: An utterance has two speakers.
    """
    entries = list(entries)
    skipped = [entry for entry in entries if isinstance(entry, Skipped)]
    unopened: dict[str, Utterance] = {}
    for entry in entries:
        if isinstance(entry, Utterance):
            problem = _problem(entry)
            if first := unopened.get(entry.utterance):
                _require_one_speaker(first, entry)
                problem = f"the same utterance as {first.path}"
            if problem:
                skipped.append(Skipped(entry.path, problem))
            else:
                unopened[entry.utterance] = entry
    waiting = list(unopened.values())
    root = pathlib.Path(root).absolute()
    paths = [
        with_channel(str(root / utterance.path), utterance.channel or channel_number(channel))
        for utterance in waiting
    ]
    outcomes = inspect_all(paths, workers=workers, timeout_seconds=timeout_seconds, check=limits)
    fit, warned = [], []
    with contextlib.closing(outcomes):  # an interruption ends the workers at once
        for index, outcome in tqdm.tqdm(
            outcomes, total=len(waiting), desc="decoding", unit="file", smoothing=0.05
        ):
            utterance = waiting[index]
            if isinstance(outcome, SoundInfo):
                path, extra = paths[index], utterance.extra
                if isinstance(path, OneChannel) and outcome.channels > 1:
                    extra = extra | {"channel": str(path.channel)}
                fit.append(dataclasses.replace(utterance, seconds=outcome.seconds, extra=extra))
                warned += [Warned(utterance.path, warning) for warning in outcome.warnings]
            else:
                reason = outcome.removeprefix(f"{paths[index]}: ")
                skipped.append(Skipped(utterance.path, reason))
    fit.sort(key=lambda utterance: utterance.utterance)
    skipped.sort(key=lambda skip: (skip.path, skip.reason))
    warned.sort(key=lambda entry: (entry.path, entry.warning))
    return fit, skipped, warned


def write_skipped(path: str | os.PathLike, skipped: Sequence[Skipped]) -> None:
    """Writes the recordings that were left out as TSV, with the columns path and reason.

    Tabs, line breaks and bytes that are not UTF-8 are written as escapes, such as `\\t`.

    Example:
        >>> write_skipped("skipped.tsv", [Skipped("ann/2.wav", "silent (below -80 dB)")])

    Raises:
        InputError: The file cannot be written.
    """
    _write_table(path, "reason", ((skip.path, skip.reason) for skip in skipped))


def write_warned(path: str | os.PathLike, warned: Sequence[Warned]) -> None:
    """Writes warnings as TSV, with the columns path and warning, as `write_skipped` writes.

    Example:
        >>> write_warned("warnings.tsv", [Warned("ann/2.wav", "8000 samples a second")])

    Raises:
        InputError: The file cannot be written.
    """
    _write_table(path, "warning", ((entry.path, entry.warning) for entry in warned))


def _write_table(path: str | os.PathLike, column: str, rows: Iterable[tuple[str, str]]) -> None:
    """Writes paths and what is said of them as TSV."""
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write(f"path\t{column}\n")
        for name, text in rows:
            file.write(f"{escaped(name)}\t{escaped(text)}\n")


def _problem(utterance: Utterance) -> str | None:
    fields = (utterance.utterance, utterance.speaker, utterance.session, utterance.path)
    if not utterance.speaker.strip() or not utterance.utterance.strip():
        return "nothing but blanks in its name; rename it"
    return next(filter(None, map(unwritable, fields)), None)


def _require_one_speaker(first: Utterance, second: Utterance) -> None:
    if first.speaker != second.speaker:
        raise InputError(
            f"utterance {first.utterance!r} has two speakers: {first.speaker!r} ({first.path}) and"
            f" {second.speaker!r} ({second.path}); rename one of the two recordings"
        )
