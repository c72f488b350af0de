"""Evaluation of one model on one trial list, as a JSON-ready record and as a table."""

import json
import os
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsv import folders
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.card import package_versions
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.verification.extraction import WINDOW_SECONDS, extract_embeddings
from tfsv.verification.metrics import DetPoints, bootstrap_interval, det_points
from tfsv.verification.scoring import cosine_scores
from tfsv.verification.trials import Trials

if TYPE_CHECKING:
    from tfsv.verification.embedder import Embedder

FALSE_ACCEPT_RATES = (0.01, 0.001)
"""Operating points whose thresholds are recorded where the list is long enough to tell."""


def evaluate(
    embedder: "Embedder",
    trials: Trials,
    root: str | os.PathLike | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Returns the record of `evaluate_with_scores`, which see for the options and errors."""
    return evaluate_with_scores(embedder, trials, root, **options)[0]


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
) -> tuple[dict[str, Any], np.ndarray]:
    """Scores a trial list and records its error rates and all that is needed to repeat them.

    Args:
        embedder: Any model.
        trials: What to compare; its names are paths, or utterances of the manifest.
        root: Folder in which the names are; None: the manifest says where they are.
        manifest: Gives error rates per corpus (where it has the column) and intervals by speaker.
        trial_list: File of the trials, to be named and hashed in the record.
        model: File or folder of the model, likewise.
        folder: Keeps embeddings; see `extract_embeddings`. Needs `model`.
        mean: float [dimensions], subtracted from every embedding; see `cosine_scores`.
        replicates: Of the bootstrap for 95 % intervals of the EER; 0: none.
        progress: Whether to show a progress bar.

    Returns:
        The record, a JSON-ready dict, and the scores, float32 [trials]. Keys of the record:
        `model`, `trials`, `eer`, `min_dcf_0.01`, `min_dcf_0.05` (fractions; see
        `tfsv.verification.metrics`), `eer_interval` and `interval_by` (None without bootstrap),
        `thresholds`, `corpora`, `seconds`, `mean_subtracted`, `window_seconds`, `versions`. In
        `corpora` are the trials whose both sides are of one corpus; an error rate there is None
        where the corpus has only one kind of trial.

    Raises:
        InputError: A recording is missing or broken, a name is not in the manifest, or the list
            has only one kind of trial.
    """
    start = time.monotonic()
    embeddings = extract_embeddings(
        embedder,
        recording_paths(trials, root, manifest),
        folder=folder,
        identity=model_identity(model, embedder) if folder and model else "",
        progress=progress,
    )
    scores = cosine_scores(embeddings, trials.enrol, trials.test, mean=mean)
    seconds = time.monotonic() - start
    record = {
        "model": describe_model(model, embedder),
        "trials": describe_trials(trials, trial_list),
        **error_rates(scores, trials, manifest, replicates),
        "seconds": round(seconds, 1),
        "mean_subtracted": mean is not None,
        "window_seconds": WINDOW_SECONDS,
        "versions": package_versions(),
    }
    return record, scores


def recording_paths(
    trials: Trials, root: str | os.PathLike | None, manifest: Manifest | None
) -> list[str]:
    """Returns the sound file of each of `trials.names`.

    Raises:
        InputError: Neither root nor manifest is given, or the manifest lacks a name.
    """
    if root is not None:
        return [os.path.join(root, name) for name in trials.names]
    if manifest is None:
        raise InputError("the folder of the recordings is not known; give --root or --manifest")
    return [manifest.absolute(utterance) for utterance in _utterances(trials, manifest)]


def error_rates(
    scores: np.ndarray, trials: Trials, manifest: Manifest | None = None, replicates: int = 0
) -> dict[str, Any]:
    """Returns the error rates of scores, pooled and per corpus, and the thresholds.

    Args:
        scores: float [trials].
        trials: What was scored.
        manifest: See `evaluate_with_scores`.
        replicates: See `evaluate_with_scores`.

    Returns:
        The part of `evaluate_with_scores`' record that comes from scores.

    Raises:
        InputError: One kind of trial only, NaN scores, or a name that the manifest lacks.
    """
    points = det_points(scores, trials.labels)
    thresholds = {"eer": points.threshold_at_eer()}
    for rate in FALSE_ACCEPT_RATES:
        if points.nontargets * rate >= 1:
            thresholds[f"far_{rate:g}"] = points.threshold_at_far(rate)
    utterances = None if manifest is None else _utterances(trials, manifest)
    interval = None
    if replicates:
        speakers = None
        if utterances is not None:
            names = np.array([utterance.speaker for utterance in utterances])
            speakers = names[trials.enrol], names[trials.test]
        interval = list(
            bootstrap_interval(scores, trials.labels, speakers=speakers, replicates=replicates)
        )
    return {
        **_rates(points),
        "eer_interval": interval,
        "interval_by": None if not replicates else "trial" if manifest is None else "speaker",
        "thresholds": thresholds,
        "corpora": {} if utterances is None else _by_corpus(scores, trials, utterances),
    }


def describe_model(model: str | os.PathLike | None, embedder: "Embedder") -> dict[str, Any]:
    """Returns what identifies a model: path, sha256 and bytes of its weights, and its network."""
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
        described |= {"network": card.network, "channels": card.channels, "scheme": card.scheme}
        described["bits"] = sorted(set(card.bits.values()))
    return described


def describe_trials(trials: Trials, trial_list: str | os.PathLike | None) -> dict[str, Any]:
    """Returns what identifies a trial list: name, sha256 and sizes."""
    targets = int(np.count_nonzero(trials.labels))
    return {
        "list": None if trial_list is None else pathlib.Path(trial_list).name,
        "sha256": None if trial_list is None else sha256_of(trial_list),
        "count": len(trials.labels),
        "targets": targets,
        "nontargets": len(trials.labels) - targets,
        "recordings": len(trials.names),
    }


def weights_file(model: str | os.PathLike) -> pathlib.Path:
    """Returns the file that holds the weights of a model folder or file.

    Raises:
        InputError: There is none.
    """
    path = pathlib.Path(model)
    file = path / folders.WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: not a model: expected a .tflite file or a model folder")
    return file


def model_identity(model: str | os.PathLike, embedder: "Embedder") -> str:
    """Returns what embeddings depend on, and nothing else: the weights and the front end."""
    card = getattr(embedder, "card", None)
    settings = {} if card is None else card.front_end
    return sha256_of(weights_file(model)) + json.dumps(settings, sort_keys=True)


def format_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns results side by side as text: one line a system, then one line a corpus.

    Args:
        results: Name of the system to what `evaluate` returned.
    """
    header = ["system", "bytes", "EER %", "95 %", "minDCF 0.01", "minDCF 0.05", "threshold"]
    rows = [header]
    for name, result in results.items():
        size, interval = result["model"]["bytes"], result["eer_interval"]
        rows.append(
            [
                name,
                "" if size is None else f"{size:,}",
                _percent(result["eer"]),
                "" if interval is None else " – ".join(map(_percent, interval)),
                f"{result['min_dcf_0.01']:.3f}",
                f"{result['min_dcf_0.05']:.3f}",
                f"{result['thresholds']['eer']:.3f}",
            ]
        )
    corpora = {name: None for result in results.values() for name in result["corpora"]}
    if not corpora:
        return _aligned(rows)
    per_corpus = [["EER % by corpus", "trials", *results]]
    for corpus in corpora:
        found = [result["corpora"][corpus] for result in results.values()]
        count = f"{found[0]['targets'] + found[0]['nontargets']:,}"
        per_corpus.append([corpus, count, *(_percent(part["eer"]) for part in found)])
    return _aligned(rows) + "\n\n" + _aligned(per_corpus)


def _rates(points: DetPoints) -> dict[str, float]:
    return {
        "eer": points.eer(),
        "min_dcf_0.01": points.min_dcf(0.01),
        "min_dcf_0.05": points.min_dcf(0.05),
    }


def _by_corpus(
    scores: np.ndarray, trials: Trials, utterances: Sequence[Utterance]
) -> dict[str, dict[str, Any]]:
    corpora = np.array([utterance.extra.get("corpus", "") for utterance in utterances])
    enrol, test = corpora[trials.enrol], corpora[trials.test]
    found = {}
    for corpus in sorted(set(corpora) - {""}):
        inside = (enrol == corpus) & (test == corpus)
        targets = int(np.count_nonzero(trials.labels[inside]))
        nontargets = int(np.count_nonzero(inside)) - targets
        rates: dict[str, float | None]
        if targets and nontargets:
            rates = dict(_rates(det_points(scores[inside], trials.labels[inside])))
        else:
            rates = {"eer": None, "min_dcf_0.01": None, "min_dcf_0.05": None}
        found[str(corpus)] = {**rates, "targets": targets, "nontargets": nontargets}
    return found


def _utterances(trials: Trials, manifest: Manifest) -> list[Utterance]:
    known = {utterance.utterance: utterance for utterance in manifest}
    known |= {utterance.path: utterance for utterance in manifest}
    for name in trials.names:
        if name not in known:
            raise InputError(
                f"{manifest.path}: {name!r} of the trial list is neither a path nor an utterance"
                " of it; give the manifest that the list was made from"
            )
    return [known[name] for name in trials.names]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
    return "\n".join(lines)
