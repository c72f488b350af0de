"""Evaluation of one model on one trial list, as a report and as a table."""

import json
import os
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import logging

from tfsv import folders
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.report import Measurement, Report
from tfsv.text_tables import aligned
from tfsv.verification.cllr import act_dcf, cllr, min_cllr
from tfsv.verification.extraction import extract_voices
from tfsv.verification.metrics import DetPoints, bootstrap_replicates, det_points
from tfsv.verification.model_card import TASK
from tfsv.verification.recordings import recording_paths, utterances_of
from tfsv.verification.scorer import Scorer, scorer_of
from tfsv.verification.scoring import trial_scores
from tfsv.verification.thresholds import thresholds_of
from tfsv.verification.trials import Trials
from tfsv.verification.windows import WINDOW_SECONDS

if TYPE_CHECKING:
    from tfsv.verification.embedder import Embedder

_RATES = {
    "eer": ("EER", "%", 2, DetPoints.eer),
    "min_dcf_0.01": ("minDCF 0.01", "", 3, lambda points: points.min_dcf(0.01)),
    "min_dcf_0.05": ("minDCF 0.05", "", 3, lambda points: points.min_dcf(0.05)),
}
"""Title, unit, digits and function of each error rate, by the measurement's name."""

_RATIO_RATES = {
    "cllr": ("Cllr", 3, cllr),
    "min_cllr": ("min Cllr", 3, min_cllr),
    "act_dcf_0.01": ("actDCF 0.01", 3, lambda ratios, labels: act_dcf(ratios, labels, 0.01)),
    "act_dcf_0.05": ("actDCF 0.05", 3, lambda ratios, labels: act_dcf(ratios, labels, 0.05)),
}
"""Title, digits and function of what only log-likelihood ratios have, by name."""

SHOWN_THRESHOLD = "far_0.01"
"""Operating point of the model at which false accepts and false rejects of corpora are told."""


def evaluate_trials(
    embedder: "Embedder",
    trials: Trials,
    root: str | os.PathLike | None = None,
    *,
    manifest: Manifest | None = None,
    trial_list: str | os.PathLike | None = None,
    model: str | os.PathLike | None = None,
    folder: str | os.PathLike | None = None,
    mean: np.ndarray | None = None,
    replicates: int = 0,
    progress: bool = True,
    channel: int | str | None = None,
    paths: Sequence[str | os.PathLike] | None = None,
    scorer: Scorer | None = None,
) -> Report:
    """Scores a trial list and reports its error rates and all that is needed to repeat them.

    It does what `evaluate_with_scores` does and leaves out the scores.

    Example:
        >>> report = evaluate_trials(tfsv.load("demo"), read_trials("test.txt"), "recordings")
        >>> print(report["eer"].text(), "%", report.details["thresholds"]["eer"])

    Args:
        embedder: The model.
        trials: The trials. Their names are paths, or utterances of the manifest.
        root: Folder in which the names are. None: the manifest says where they are.
        manifest: Manifest of the recordings. It gives intervals by speaker and, where it has the
            column, error rates of each corpus. None: there is none.
        trial_list: File of the trials, to be named and hashed in the report.
        model: File or folder of the model, to be named and hashed in the report.
        folder: Folder that keeps embeddings, as `extract_embeddings` writes them. It needs
            `model`.
        mean: A vector that is subtracted from every embedding, float `[dimensions]`.
        replicates: Draws of the bootstrap for 95 % intervals; 0: none.
        progress: Whether to show a progress bar.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". It is not asked where the manifest says which. None: channels are averaged.
        paths: What `recording_paths` gave for these trials. None: they are looked for.
        scorer: What makes scores of embeddings; `Scorer()` is the cosine. None: the scorer that
            the model carries, or the cosine.

    Returns:
        The report. It measures `eer`, `min_dcf_0.01` and `min_dcf_0.05`. Where scores are
        log-likelihood ratios, also `cllr`, `min_cllr`, `act_dcf_0.01` and `act_dcf_0.05`.

    Raises:
        InputError: A recording is missing or broken, a name is not in the manifest, or the list
            has only one kind of trial.
    """
    report, _ = evaluate_with_scores(
        embedder, trials, root, manifest=manifest, trial_list=trial_list, model=model,
        folder=folder, mean=mean, replicates=replicates, progress=progress, channel=channel,
        paths=paths, scorer=scorer,
    )  # fmt: skip
    return report


def evaluate_with_scores(
    embedder: "Embedder",
    trials: Trials,
    root: str | os.PathLike | None = None,
    *,
    manifest: Manifest | None = None,
    trial_list: str | os.PathLike | None = None,
    model: str | os.PathLike | None = None,
    folder: str | os.PathLike | None = None,
    mean: np.ndarray | None = None,
    replicates: int = 0,
    progress: bool = True,
    channel: int | str | None = None,
    paths: Sequence[str | os.PathLike] | None = None,
    scorer: Scorer | None = None,
) -> tuple[Report, np.ndarray]:
    """Scores a trial list and reports its error rates and all that is needed to repeat them.

    Example:
        >>> trials = read_trials("trials/test.txt")
        >>> report, scores = evaluate_with_scores(tfsv.load("demo"), trials, "recordings")
        >>> report["eer"].value
        0.203

    Args:
        embedder: The model.
        trials: The trials. Their names are paths, or utterances of the manifest.
        root: Folder in which the names are. None: the manifest says where they are.
        manifest: Manifest of the recordings. It gives intervals by speaker and, where it has the
            column, error rates of each corpus. None: there is none.
        trial_list: File of the trials, to be named and hashed in the report.
        model: File or folder of the model, to be named and hashed in the report.
        folder: Folder that keeps embeddings, as `extract_embeddings` writes them. It needs
            `model`.
        mean: A vector that is subtracted from every embedding, float `[dimensions]`.
        replicates: Draws of the bootstrap for 95 % intervals; 0: none.
        progress: Whether to show a progress bar.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". It is not asked where the manifest says which. None: channels are averaged.
        paths: What `recording_paths` gave for these trials. None: they are looked for.
        scorer: What makes scores of embeddings; `Scorer()` is the cosine. None: the scorer that
            the model carries, or the cosine.

    Returns:
        The report and the scores, float `[trials]`. The report measures what that of
        `evaluate_trials` does. Its details are those of `speaker_report` and `model`, `trials`,
        `seconds`, `mean_subtracted`, `window_seconds` and `versions`. Where scores are no cosines,
        `cosine_thresholds` has the thresholds of the cosines of the same trials.

    Raises:
        InputError: A recording is missing or broken, a name is not in the manifest, or the list
            has only one kind of trial.
    """
    paths = recording_paths(trials, root, manifest, channel) if paths is None else paths
    det_points(np.zeros(len(trials)), trials.labels)  # refuses the list before hours of embedding
    sides = None if manifest is None else _utterances_of_sides(trials, manifest)
    if sides is not None:
        _tell_contradictions(trials, manifest, sides)
    start = time.monotonic()
    voices = extract_voices(
        embedder,
        paths,
        folder=folder,
        identity=model_identity(model, embedder) if folder and model else "",
        progress=progress,
    )
    scores = cosines = trial_scores(voices.embeddings, trials, mean=mean)
    if scorer is None:
        scorer = Scorer() if mean is not None else scorer_of(embedder)
    if not scorer.is_cosine:
        scores = scorer.trial_scores(voices.embeddings, trials, voices.sounds)
    seconds = time.monotonic() - start
    report = _report(scores, trials, sides, replicates, scorer)
    if scores is not cosines:
        further = thresholds_of(cosines, trials.labels)
        report = report.with_details(cosine_thresholds=further)
    report = report.with_details(
        model=describe_model(model, embedder),
        trials=describe_trials(trials, trial_list),
        seconds=round(seconds, 1),
        mean_subtracted=mean is not None,
        window_seconds=WINDOW_SECONDS,
        versions=package_versions(),
    )
    return report, scores


def speaker_report(
    scores: np.ndarray,
    trials: Trials,
    manifest: Manifest | None = None,
    replicates: int = 0,
    scorer: Scorer | None = None,
) -> Report:
    """The error rates of scores, pooled and of each corpus, and the thresholds.

    Example:
        >>> scores = cosine_scores(embeddings, trials.enrol, trials.test)
        >>> report = speaker_report(scores, trials, replicates=1000)
        >>> report["eer"].interval, report.details["thresholds"]["eer"]

    Args:
        scores: Scores of the trials, float `[trials]`.
        trials: The trials that were scored.
        manifest: Manifest of the recordings. It gives intervals by speaker and, where it has the
            column, error rates of each corpus. None: there is none.
        replicates: Draws of the bootstrap for 95 % intervals; 0: none.
        scorer: What made the scores. None: they are cosines.

    Returns:
        A report of `eer`, `min_dcf_0.01` and `min_dcf_0.05`, fractions, as
        `tfsv.verification.metrics` defines them. Where the scores are log-likelihood ratios, it
        measures `cllr`, `min_cllr`, `act_dcf_0.01` and `act_dcf_0.05` too. Its details are
        `scores` (what they are, in words), `thresholds`, `interval_by` ("speaker", "trial", or None
        without bootstrap) and `corpora`. The latter has the trials whose both sides come from one
        corpus. An error rate there is None where the corpus has only one kind of trial. Where the
        scorer has a threshold for 1 % of false accepts, a corpus also has its `false_accepts` and
        `false_rejects` at that threshold.

    Raises:
        InputError: There is only one kind of trial, a score is NaN, or the manifest lacks a name.
    """
    sides = None if manifest is None else _utterances_of_sides(trials, manifest)
    return _report(scores, trials, sides, replicates, scorer or Scorer())


def _report(
    scores: np.ndarray,
    trials: Trials,
    sides: Sequence[Utterance] | None,
    replicates: int,
    scorer: Scorer,
) -> Report:
    points = det_points(scores, trials.labels)
    drawn = None
    if replicates:
        speakers = None
        if sides is not None:
            names = np.array([utterance.speaker for utterance in sides])
            speakers = names[trials.enrol], names[trials.test]
        metrics = [metric for *_, metric in _RATES.values()]
        drawn = bootstrap_replicates(
            scores, trials.labels, metrics, speakers=speakers, replicates=replicates
        )
    measured = []
    for column, (name, (title, unit, digits, metric)) in enumerate(_RATES.items()):
        interval = column_drawn = None
        if drawn is not None:
            column_drawn = drawn[:, column].astype(np.float32)
            low, high = np.quantile(drawn[:, column], [0.025, 0.975])
            interval = float(low), float(high)
        measured.append(
            Measurement(
                name,
                metric(points),
                title,
                unit,
                digits=digits,
                interval=interval,
                replicates=column_drawn,
            )
        )
    if scorer.calibration is not None:
        measured += [
            Measurement(name, metric(scores, trials.labels), title, digits=digits)
            for name, (title, digits, metric) in _RATIO_RATES.items()
        ]
    accepting = scorer.thresholds.get(SHOWN_THRESHOLD)
    details = {
        "scores": scorer.name,
        "accepting": accepting,
        "interval_by": None if not replicates else "trial" if sides is None else "speaker",
        "thresholds": thresholds_of(scores, trials.labels),
        "corpora": {} if sides is None else _by_corpus(scores, trials, sides, accepting),
    }
    return Report(TASK, tuple(measured), details)


def describe_model(model: str | os.PathLike | None, embedder: "Embedder") -> dict[str, Any]:
    """Returns what identifies a model: path, sha256 and bytes of its weights, and its network.

    Example:
        >>> described = describe_model("model.tflite", tfsv.load("model.tflite"))
        >>> described["sha256"], described["bytes"]

    Args:
        model: File or folder of the model; None: path, sha256 and bytes are None.
        embedder: The model. It may have no card.

    Raises:
        InputError: The model has no file of weights.
    """
    card = getattr(embedder, "card", None)
    described: dict[str, Any] = {"path": None, "file": None, "sha256": None, "bytes": None}
    if model is not None:
        file = weights_file(model)
        described = {
            "path": os.fspath(model),
            "file": file.name,
            "sha256": sha256_of(file),
            "bytes": file.stat().st_size,
        }
    if card is not None:
        described |= {"network": dict(card.network), "scheme": card.scheme}
        described["bits"] = sorted(set(card.bits.values()))
    return described


def describe_trials(trials: Trials, trial_list: str | os.PathLike | None) -> dict[str, Any]:
    """Returns what identifies a trial list: name, sha256 and sizes; its enrolment list too.

    Example:
        >>> described = describe_trials(read_trials("trials/test.txt"), "trials/test.txt")
        >>> described["list"]
        'test.txt'

    Args:
        trials: The trials.
        trial_list: File of the trials; None: name and sha256 are None.
    """
    targets = int(np.count_nonzero(trials.labels))
    described = {
        "list": None if trial_list is None else pathlib.Path(trial_list).name,
        "sha256": None if trial_list is None else sha256_of(trial_list),
        "count": len(trials.labels),
        "targets": targets,
        "nontargets": len(trials.labels) - targets,
        "recordings": len(trials.names),
    }
    if (known := trials.enrolment_list) is not None:
        described["enrolments"] = {
            "list": known.path.name,
            "sha256": sha256_of(known.path),
            "count": len(trials.enrolments),
        }
    return described


def weights_file(model: str | os.PathLike) -> pathlib.Path:
    """Returns the file that holds the weights of a model folder or file.

    Example:
        >>> sha256_of(weights_file("runs/resnet/fine_tuned"))

    Raises:
        InputError: There is no such file.
    """
    path = pathlib.Path(model)
    file = path / folders.WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: not a model: expected a .tflite file or a model folder")
    return file


def model_identity(model: str | os.PathLike, embedder: "Embedder") -> str:
    """Returns what embeddings depend on, and nothing else: the weights and the front end.

    Example:
        >>> identity = model_identity("model.tflite", embedder)
        >>> extract_embeddings(embedder, paths, folder="embeddings", identity=identity)
    """
    card: ModelCard | None = getattr(embedder, "card", None)
    settings = {} if card is None else card.ends.get("front_end", {})
    return sha256_of(weights_file(model)) + json.dumps(settings, sort_keys=True)


def format_table(reports: Mapping[str, Report]) -> str:
    """Reports side by side as text: one line a system, then one line a corpus.

    Example:
        >>> print(format_table({"float": float_report, "4 bits": packed_report}))

    Args:
        reports: Reports that `evaluate_trials` returned, by the system's name.
    """
    first = next(iter(reports.values()))
    columns = {one.name: one.heading for report in reports.values() for one in report}
    headings = list(columns.values())
    rows = [["system", "bytes", headings[0], "95 %", *headings[1:], "threshold"]]
    for name, report in reports.items():
        size, main = report.details["model"]["bytes"], report.main
        interval = "" if main.interval is None else " – ".join(map(main.text, main.interval))
        texts = {one.name: one.text() for one in report}
        others = [texts.get(column, "–") for column in columns][1:]
        threshold = f"{report.details['thresholds']['eer']:.3f}"
        rows.append(
            [name, "" if size is None else f"{size:,}", main.text(), interval, *others, threshold]
        )
    corpora = {name: None for report in reports.values() for name in report.details["corpora"]}
    if not corpora:
        return aligned(rows)
    per_corpus = [[f"{first.main.heading} by corpus", "trials", *reports]]
    for corpus in corpora:
        found = [report.details["corpora"][corpus] for report in reports.values()]
        count = f"{found[0]['targets'] + found[0]['nontargets']:,}"
        rates = [part[first.main.name] for part in found]
        texts = ["–" if rate is None else first.main.text(rate) for rate in rates]
        per_corpus.append([corpus, count, *texts])
    tables = [aligned(rows), aligned(per_corpus)]
    deciding = {n: r for n, r in reports.items() if r.details.get("accepting") is not None}
    if deciding:
        errors = [["false accepts / rejects %", *deciding]]
        for corpus in corpora:
            found = [report.details["corpora"][corpus] for report in deciding.values()]
            errors.append([corpus, *map(_errors, found)])
        thresholds = (f"{r.details['accepting']:.3f}" for r in deciding.values())
        errors.append([f"at {SHOWN_THRESHOLD} of the model", *thresholds])
        tables.append(aligned(errors))
    return "\n\n".join(tables)


def _errors(part: Mapping[str, Any]) -> str:
    rates = part["false_accepts"], part["false_rejects"]
    return " / ".join("–" if rate is None else f"{100 * rate:.1f}" for rate in rates)


def trial_corpora(trials: Trials, manifest: Manifest) -> np.ndarray:
    """The corpus of each trial, `[trials]`; empty where its sides are of two, or of none.

    Example:
        >>> corpora = trial_corpora(trials, read_manifest("manifest.tsv"))

    Args:
        trials: The trials.
        manifest: Manifest of the recordings. Without a column `corpus`, all corpora are empty.

    Raises:
        InputError: The manifest lacks a name, or has it with several channels.
    """
    return _corpora(trials, _utterances_of_sides(trials, manifest))


def _corpora(trials: Trials, utterances: Sequence[Utterance]) -> np.ndarray:
    corpora = np.array([utterance.extra.get("corpus", "") for utterance in utterances])
    enrol, test = corpora[trials.enrol], corpora[trials.test]
    return np.where(enrol == test, enrol, "")


def _by_corpus(
    scores: np.ndarray,
    trials: Trials,
    utterances: Sequence[Utterance],
    accepting: float | None,
) -> dict[str, dict[str, Any]]:
    corpora = _corpora(trials, utterances)
    named = {utterance.extra.get("corpus", "") for utterance in utterances}
    found = {}
    for corpus in sorted(named - {""}):
        inside = corpora == corpus
        targets = int(np.count_nonzero(trials.labels[inside]))
        nontargets = int(np.count_nonzero(inside)) - targets
        rates: dict[str, float | None] = dict.fromkeys(_RATES)
        if targets and nontargets:
            points = det_points(scores[inside], trials.labels[inside])
            rates = {name: metric(points) for name, (*_, metric) in _RATES.items()}
        if accepting is not None:
            accepted, target = scores[inside] >= accepting, trials.labels[inside] == 1
            rates["false_accepts"] = float(accepted[~target].mean()) if nontargets else None
            rates["false_rejects"] = float((~accepted)[target].mean()) if targets else None
        found[str(corpus)] = {**rates, "targets": targets, "nontargets": nontargets}
    return found


def _tell_contradictions(trials: Trials, manifest: Manifest, sides: Sequence[Utterance]) -> None:
    """Warns of labels that say otherwise than the speakers of the manifest."""
    speakers = np.array([utterance.speaker for utterance in sides])
    same = speakers[trials.enrol] == speakers[trials.test]
    wrong = np.flatnonzero(same != (trials.labels == 1))
    if len(wrong):
        first = int(wrong[0])
        enrol, test = speakers[trials.enrol[first]], speakers[trials.test[first]]
        logging.warning(
            "%s: label %d, though %s has the speakers %s and %s there (%d of %d trials disagree)",
            trials.place(first), trials.labels[first], manifest.path, enrol, test, len(wrong),
            len(trials),
        )  # fmt: skip


def _utterances_of_sides(trials: Trials, manifest: Manifest) -> list[Utterance]:
    """An utterance for each side of the list; that of an enrolment is its first recording's."""
    found = utterances_of(trials, manifest)
    for one in trials.enrolments:
        speakers = sorted({found[row].speaker for row in one.recordings})
        if len(speakers) > 1:
            raise InputError(
                f"{trials.enrolment_list.path}: {one.name!r} is enrolled with recordings of"
                f" {len(speakers)} speakers of {manifest.path}: {', '.join(speakers)}"
            )
    return found + [found[one.recordings[0]] for one in trials.enrolments]
