"""Preparing a corpus: a manifest of what can be decoded, split by speaker, and trial lists."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass

import tqdm
from absl import logging

from tfsv.audio.channels import channel_number
from tfsv.audio.corpora import CORPORA, Skipped
from tfsv.audio.inspection import SoundLimits
from tfsv.audio.manifest import Manifest, Utterance, write_manifest
from tfsv.audio.screening import Warned, screen, write_skipped, write_warned
from tfsv.audio.soundfiles import LONGEST_SECONDS, SHORTEST_SECONDS
from tfsv.audio.splits import draw_splits, speaker_count
from tfsv.audio.suitability import counted
from tfsv.errors import InputError
from tfsv.files import require_file, writable_folder
from tfsv.run_lock import alone_in
from tfsv.settings import require, setting
from tfsv.verification.trials import make_trials, write_trials

_TRIALS = "trials"


@dataclass(frozen=True)
class PrepareSettings:
    """What is prepared, and how.

    Example:
        >>> settings = PrepareSettings("VoxCeleb1", "manifest.tsv", "voxceleb1", trials=True)

    Attributes:
        root: Folder of the corpus.
        output: Manifest to write, a TSV.
        corpus: Layout of the corpus, a key of `tfsv.audio.CORPORA`.
        dev_speakers: Training speakers to move to dev: a number ("40") or a fraction ("0.1").
            None: a tenth where the corpus has no dev split of its own, else no one.
        test_speakers: Training speakers to move to test: a number ("40") or a fraction ("0.1").
            None: a tenth where the corpus has no test split of its own, else no one.
        seed: Seed that chooses speakers and trials.
        workers: Processes that decode. None: one for each core.
        minimum_seconds: Shortest recording that is not skipped, in seconds.
        maximum_seconds: Longest recording that is not skipped, in seconds.
        timeout_seconds: Longest time to decode a recording, in seconds; a slower one is skipped.
        channel: Channel to take of recordings that have several: "1", "2", …, "left", "right", "A"
            or "B". The manifest's column `channel` then has its number, and training, embedding
            and evaluation take it. None: channels are averaged.
        trials: Whether to write trial lists of dev and test.
        targets: Target trials in a list.
        nontargets: Non-target trials in a list.

    Raises:
        InputError: A setting is out of range.
    """

    root: str = setting(MISSING, "Folder of the corpus.")
    output: str = setting(MISSING, "Manifest to write (TSV).")
    corpus: str = setting("tree", "Layout of the corpus.")
    dev_speakers: str | None = setting(
        None,
        "Training speakers to move to dev: a number (40) or a fraction (0.1). "
        "Default: 0.1 where the corpus has no dev split of its own, else 0.",
    )
    test_speakers: str | None = setting(
        None,
        "Training speakers to move to test: a number (40) or a fraction (0.1). "
        "Default: 0.1 where the corpus has no test split of its own, else 0.",
    )
    seed: int = setting(0, "Chooses speakers and trials.")
    workers: int | None = setting(None, "Processes that decode. Default: one per core.")
    minimum_seconds: float = setting(0.3, "Shorter recordings are skipped.")
    maximum_seconds: float = setting(LONGEST_SECONDS, "Longer recordings are skipped.")
    timeout_seconds: float = setting(60.0, "A file that takes longer to decode is skipped.")
    channel: str | None = setting(
        None,
        "Channel to take of recordings that have several: 1, 2, …, left, right, A or B. "
        "Default: channels are averaged.",
    )
    trials: bool = setting(False, "Also write trial lists of dev and test.")
    targets: int = setting(10000, "Target trials per list.")
    nontargets: int = setting(10000, "Non-target trials per list.")

    def __post_init__(self):
        CORPORA.named(self.corpus)
        channel_number(self.channel)
        require(
            self,
            ("seed", self.seed >= 0, "at least 0"),
            ("workers", self.workers is None or self.workers >= 1, "at least 1"),
            ("minimum_seconds", self.minimum_seconds >= 0, "at least 0"),
            (
                "maximum_seconds",
                self.maximum_seconds >= SHORTEST_SECONDS,
                f"at least {SHORTEST_SECONDS}",
            ),
            ("timeout_seconds", self.timeout_seconds >= 0.1, "at least 0.1"),
            ("targets", self.targets >= 1, "at least 1"),
            ("nontargets", self.nontargets >= 1, "at least 1"),
        )
        if self.minimum_seconds > self.maximum_seconds:
            raise InputError(
                f"minimum_seconds={self.minimum_seconds:g}: above"
                f" 'maximum_seconds' ({self.maximum_seconds:g})"
            )
        for name in ("dev_speakers", "test_speakers"):
            speaker_count(name, getattr(self, name), 1000)


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus that has been prepared.

    Example:
        >>> corpus = prepare(PrepareSettings("recordings", "recordings/manifest.tsv"))
        >>> len(corpus.manifest), len(corpus.skipped), len(corpus.warned)

    Attributes:
        manifest: The recordings that are fit.
        skipped: The recordings that were left out.
        report: File that lists the recordings that were left out and why.
        warned: Warnings about recordings of the manifest that do not suit.
        warnings: File that lists these warnings.
    """

    manifest: Manifest
    skipped: Sequence[Skipped]
    report: pathlib.Path
    warned: Sequence[Warned]
    warnings: pathlib.Path

    def summary(self) -> str:
        """Speakers, utterances and hours of every split, and the commonest reasons and warnings."""
        lines = [f"{'split':8} {'speakers':>9} {'utterances':>11} {'hours':>8}"]
        for split in self.manifest.splits:
            part = self.manifest.split(split)
            hours = sum(utterance.seconds for utterance in part) / 3600
            lines.append(f"{split:8} {len(part.speakers):9d} {len(part):11d} {hours:8.2f}")
        if self.skipped:
            count = len(self.manifest) + len(self.skipped)
            lines.append(f"\nskipped {len(self.skipped)} of {count}, listed in {self.report}")
            for reason, count in counted(skip.reason for skip in self.skipped):
                lines.append(f"{count:8d}  {reason}")
        if self.warned:
            count = len({entry.path for entry in self.warned})
            lines.append(f"\nwarnings about {count} recordings, listed in {self.warnings}")
            for warning, count in counted(entry.warning for entry in self.warned):
                lines.append(f"{count:8d}  {warning}")
        return "\n".join(lines)


def prepare(
    settings: PrepareSettings, *, tell: Callable[[str], None] | None = None
) -> PreparedCorpus:
    """Makes a manifest of a corpus, and trial lists, leaving out what cannot be decoded.

    Every file is decoded once, in parallel. Beside the manifest lies a list of what was skipped
    and why, `{manifest}.skipped.tsv`, and one of recordings that are read but do not suit,
    `{manifest}.warnings.tsv`. Trial lists are `trials/dev.txt` and `trials/test.txt`.

    Example:
        >>> corpus = prepare(PrepareSettings("recordings", "recordings/manifest.tsv", trials=True))
        >>> print(corpus.summary())

    Args:
        settings: What to prepare, and how.
        tell: A function that gets the summary as soon as the manifest is written, before trials
            are drawn.

    Returns:
        The manifest as it was written, and what was skipped.

    Raises:
        InputError: The corpus is not there or has nothing that is fit, the output cannot be
            written or is being written by another process, or speakers or trials are too few.
            Trials are drawn last: the manifest is written then.
    """
    output = pathlib.Path(settings.output)
    require_file(output, "'output' names the manifest file")
    writable_folder(output.parent)
    with contextlib.ExitStack() as alone:
        alone.enter_context(alone_in(output, beside=True))
        if settings.trials:
            alone.enter_context(alone_in(output.parent / _TRIALS, beside=True))
        return _prepared(settings, output, tell)


def _prepared(
    settings: PrepareSettings, output: pathlib.Path, tell: Callable[[str], None] | None
) -> PreparedCorpus:
    entries = CORPORA.named(settings.corpus)(settings.root)
    utterances, skipped, warned = screen(
        tqdm.tqdm(entries, desc="looking", unit="file", leave=False),
        settings.root,
        limits=SoundLimits(settings.minimum_seconds, settings.maximum_seconds),
        workers=settings.workers or os.cpu_count() or 1,
        timeout_seconds=settings.timeout_seconds,
        channel=settings.channel,
    )
    report = output.with_name(f"{output.stem}.skipped.tsv")
    if not utterances:
        write_skipped(report, skipped)
        raise InputError(f"{settings.root}: no usable recording; the reasons are in {report}")
    utterances = draw_splits(
        utterances,
        dev_speakers=settings.dev_speakers,
        test_speakers=settings.test_speakers,
        seed=settings.seed,
    )
    write_skipped(report, skipped)
    warnings = output.with_name(f"{output.stem}.warnings.tsv")
    write_warned(warnings, warned)
    manifest = write_manifest(
        output,
        [
            dataclasses.replace(utterance, path=path)
            for utterance, path in zip(
                utterances, _paths_from(output.parent, settings.root, utterances), strict=True
            )
        ],
    )
    prepared = PreparedCorpus(manifest, skipped, report, warned, warnings)
    if tell:
        tell(prepared.summary())
    for split in ("dev", "test") if settings.trials else ():
        if split in manifest.splits:
            _write_trials(manifest, split, settings)
        else:
            logging.warning("no trial list for %s: the manifest has no such speakers", split)
    return prepared


def _paths_from(folder: pathlib.Path, root: str, utterances: Iterable[Utterance]) -> Iterator[str]:
    """Each recording's path, relative where it lies below the manifest's folder, else absolute."""
    root = os.path.abspath(root)
    base = os.path.join(os.path.abspath(folder), "")
    for utterance in utterances:
        yield os.path.normpath(os.path.join(root, utterance.path)).removeprefix(base)


def _write_trials(manifest: Manifest, split: str, settings: PrepareSettings) -> None:
    try:
        trials = make_trials(
            manifest.split(split),
            targets=settings.targets,
            nontargets=settings.nontargets,
            seed=settings.seed,
        )
    except InputError as error:
        raise InputError(f"{error} in split {split}; the manifest is written") from error
    write_trials(manifest.path.parent / _TRIALS / f"{split}.txt", trials)
