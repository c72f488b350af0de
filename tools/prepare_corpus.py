"""Makes a manifest (and trial lists) of a corpus, leaving out what cannot be decoded.

    python tools/prepare_corpus.py --corpus=voxceleb1 --root=/data/voxceleb1 \\
        --output=/data/voxceleb1/manifest.tsv --dev_speakers=40 --trials

Every file is decoded once, in parallel. Beside the manifest lies a list of what was skipped and
why (`manifest.skipped.tsv`), and with --trials the lists `trials/dev.txt` and `trials/test.txt`.
"""

import collections
import dataclasses
import hashlib
import os
import pathlib
import re
import sys
from collections.abc import Sequence

import tqdm
from absl import flags, logging

from tfsv.audio.corpora import READERS, Skipped
from tfsv.audio.inspection import Inspection, inspect_all
from tfsv.audio.manifest import Manifest, Utterance, write_manifest
from tfsv.audio.soundfiles import LONGEST_SECONDS, SoundInfo
from tfsv.command import run
from tfsv.errors import InputError
from tfsv.files import replacing, writable_folder
from tfsv.verification.trials import make_trials, write_trials

_CORPUS = flags.DEFINE_enum("corpus", "tree", sorted(READERS), "Layout of the corpus.")
_ROOT = flags.DEFINE_string("root", None, "Folder of the corpus.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "Manifest to write (TSV).", required=True)
_DEV = flags.DEFINE_string(
    "dev_speakers",
    None,
    "Training speakers to move to dev: a number (40) or a fraction (0.1). Default: 0.1 where the "
    "corpus has no dev split of its own, else 0.",
)
_TEST = flags.DEFINE_string("test_speakers", None, "The same for test.")
_SEED = flags.DEFINE_integer("seed", 0, "Chooses speakers and trials.", lower_bound=0)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Processes that decode; default: one per core.", lower_bound=1
)
_MINIMUM = flags.DEFINE_float(
    "minimum_seconds", 0.3, "Shorter recordings are skipped.", lower_bound=0.0
)
_MAXIMUM = flags.DEFINE_float(
    "maximum_seconds",
    LONGEST_SECONDS,
    "Longer recordings are skipped.",
    lower_bound=0.025,
)
_TIMEOUT = flags.DEFINE_float(
    "timeout_seconds",
    60.0,
    "A file that takes longer to decode is skipped.",
    lower_bound=0.1,
)
_TRIALS = flags.DEFINE_bool("trials", False, "Also write trial lists of dev and test.")
_TARGETS = flags.DEFINE_integer("targets", 10000, "Target trials per list.", lower_bound=1)
_NONTARGETS = flags.DEFINE_integer(
    "nontargets", 10000, "Non-target trials per list.", lower_bound=1
)


def main(arguments: Sequence[str]) -> None:
    if arguments:
        raise InputError(f"{arguments[0]}: unexpected argument; flags only, see --help")
    if _MINIMUM.value > _MAXIMUM.value:
        raise InputError("--minimum_seconds: above --maximum_seconds")
    output = pathlib.Path(_OUTPUT.value)
    if output.is_dir():
        raise InputError(f"{output}: a folder; --output names the manifest file")
    writable_folder(output.parent)
    for flag in (_DEV, _TEST):
        _wanted(flag, 1000)  # a bad value is told before hours of decoding
    utterances, skipped = _inspected(_candidates())
    report = output.with_name(f"{output.stem}.skipped.tsv")
    if not utterances:
        _write_skipped(report, skipped)
        raise InputError(f"{_ROOT.value}: no usable recording; the reasons are in {report}")
    utterances = _with_splits(utterances)
    utterances = [dataclasses.replace(u, path=_path_from(output.parent, u)) for u in utterances]
    manifest = Manifest(output, utterances)
    _write_skipped(report, skipped)
    write_manifest(output, utterances)
    _summarise(manifest, skipped, report)
    for split in ("dev", "test") if _TRIALS.value else ():
        if split in manifest.splits:
            _write_trials(output, manifest.split(split), split)
        else:
            logging.warning("no trial list for %s: the manifest has no such speakers", split)


def _candidates() -> list[Utterance | Skipped]:
    root = pathlib.Path(_ROOT.value)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; --root names the corpus's folder")
    found = READERS[_CORPUS.value](root)
    return list(tqdm.tqdm(found, desc="looking", unit="file", leave=False))


def _inspected(
    candidates: list[Utterance | Skipped],
) -> tuple[list[Utterance], list[Skipped]]:
    """Decodes all candidates; the fit ones with their seconds, sorted, and the others."""
    skipped = [candidate for candidate in candidates if isinstance(candidate, Skipped)]
    unopened: dict[str, Utterance] = {}
    for candidate in candidates:
        if isinstance(candidate, Utterance):
            problem = _unwritable(candidate)
            if candidate.utterance in unopened:
                problem = f"the same utterance as {unopened[candidate.utterance].path}"
            if problem:
                skipped.append(Skipped(candidate.path, problem))
            else:
                unopened[candidate.utterance] = candidate
    waiting = list(unopened.values())
    outcomes = inspect_all(
        [_absolute(utterance) for utterance in waiting],
        workers=_WORKERS.value or os.cpu_count() or 1,
        timeout_seconds=_TIMEOUT.value,
        check=Inspection(_MINIMUM.value, _MAXIMUM.value),
    )
    fit = []
    for index, outcome in tqdm.tqdm(
        outcomes, total=len(waiting), desc="decoding", unit="file", smoothing=0.05
    ):
        utterance = waiting[index]
        if isinstance(outcome, SoundInfo):
            fit.append(dataclasses.replace(utterance, seconds=outcome.seconds))
        else:
            reason = outcome.removeprefix(f"{_absolute(utterance)}: ")
            skipped.append(Skipped(utterance.path, reason))
    fit.sort(key=lambda utterance: utterance.utterance)
    skipped.sort(key=lambda skip: (skip.path, skip.reason))
    return fit, skipped


def _unwritable(utterance: Utterance) -> str | None:
    fields = (utterance.utterance, utterance.speaker, utterance.session, utterance.path)
    text = "".join(fields)
    if any(c in text for c in "\t\n\r") or not text.isprintable():
        return "tab, line break or undecodable byte in its name; rename it"
    return None


def _with_splits(utterances: list[Utterance]) -> list[Utterance]:
    """Moves training speakers (and those without split) to dev and test.

    Speakers are ranked by a hash of seed and name, so that who is drawn depends on nothing else
    than the set of speakers.
    """
    own = {utterance.split for utterance in utterances}
    free = {u.speaker for u in utterances if u.split in ("", "train")}
    free -= {u.speaker for u in utterances if u.split not in ("", "train")}
    ranked = sorted(
        free, key=lambda name: hashlib.sha256(f"{_SEED.value}:{name}".encode()).digest()
    )
    test = 0 if "test" in own and _TEST.value is None else _wanted(_TEST, len(ranked))
    dev = 0 if "dev" in own and _DEV.value is None else _wanted(_DEV, len(ranked))
    if test + dev > len(ranked):
        raise InputError(
            f"--dev_speakers, --test_speakers: {dev} + {test} of {len(ranked)} training speakers"
        )
    moved = dict.fromkeys(ranked[:test], "test") | dict.fromkeys(ranked[test : test + dev], "dev")
    return [
        dataclasses.replace(u, split=moved.get(u.speaker, u.split or "train")) for u in utterances
    ]


def _wanted(flag: flags.FlagHolder, speakers: int) -> int:
    """A number of speakers from a flag that is a number or a fraction."""
    text = "0.1" if flag.value is None else flag.value
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"0?\.\d+", text):
        least = min(2, speakers // 4) if flag.value is None else 0  # one speaker makes no trial
        return max(least, round(float(text) * speakers))
    raise InputError(
        f"--{flag.name}: expected a number (40) or a fraction below 1 (0.1), received {text!r}"
    )


def _absolute(utterance: Utterance) -> str:
    return str(pathlib.Path(_ROOT.value).absolute() / utterance.path)


def _path_from(folder: pathlib.Path, utterance: Utterance) -> str:
    """Relative where the recording lies below the manifest's folder, else absolute."""
    path = pathlib.Path(os.path.normpath(_absolute(utterance)))
    base = pathlib.Path(os.path.normpath(folder.absolute()))
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _write_trials(output: pathlib.Path, manifest: Manifest, split: str) -> None:
    try:
        trials = make_trials(
            manifest, targets=_TARGETS.value, nontargets=_NONTARGETS.value, seed=_SEED.value
        )
    except InputError as error:
        raise InputError(f"{error} in split {split}; the manifest is written") from error
    write_trials(output.parent / "trials" / f"{split}.txt", trials)


def _write_skipped(path: pathlib.Path, skipped: list[Skipped]) -> None:
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("path\treason\n")
        for skip in skipped:
            name = skip.path if skip.path.isprintable() else ascii(skip.path)
            file.write(f"{name}\t{skip.reason}\n")


def _summarise(manifest: Manifest, skipped: list[Skipped], report: pathlib.Path) -> None:
    print(f"{'split':8} {'speakers':>9} {'utterances':>11} {'hours':>8}")
    for split in manifest.splits:
        part = manifest.split(split)
        hours = sum(utterance.seconds for utterance in part) / 3600
        print(f"{split:8} {len(part.speakers):9d} {len(part):11d} {hours:8.2f}")
    if skipped:
        reasons = collections.Counter(re.sub(r"\d[\d.]*", "N", skip.reason) for skip in skipped)
        print(f"\nskipped {len(skipped)} of {len(manifest) + len(skipped)}, listed in {report}")
        for reason, count in reasons.most_common(20):
            print(f"{count:8d}  {reason}")
    sys.stdout.flush()


if __name__ == "__main__":
    run(main)
