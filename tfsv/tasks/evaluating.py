"""Several models on one trial list: reports, DET curves, scores, thresholds for their cards."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfsv import folders
from tfsv.audio.channels import channel_number, with_channel
from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.files import writable_folder, write_json
from tfsv.report import Report
from tfsv.settings import require, setting
from tfsv.tasks.model_folder import write_folder_decision
from tfsv.tasks.opening import open_model
from tfsv.verification.cohort_sources import cohort_scorer
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import (
    evaluate_with_scores,
    model_identity,
    trial_corpora,
    weights_file,
)
from tfsv.verification.extraction import extract_embeddings, extract_voices
from tfsv.verification.learned_scorer import learned_scorer
from tfsv.verification.metrics import det_points
from tfsv.verification.recordings import listed, recording_paths
from tfsv.verification.scorer import Scorer, decision_of, scorer_of
from tfsv.verification.scoring import normalised
from tfsv.verification.trials import Trials, read_trials, write_scores


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """On what models are measured, and what is kept of it.

    Example:
        >>> settings = EvaluationSettings("trials/test.txt", "runs/test", root="recordings")

    Attributes:
        trials: Trial list.
        output: Folder that gets `results.json`, `det.png` and the scores.
        enrolments: Enrolment list. None: `enroll.lst` beside `trials.lst`, if it is there.
        root: Folder that the list's paths start from. None: the manifest has them.
        manifest: Manifest of the recordings, which gives error rates of each corpus and intervals
            by speaker. None: there is none.
        scores: Whether each model's scores are written.
        embeddings: Folder that keeps embeddings. None: they are not kept.
        channel: Channel to take of recordings that have several: "1", "2", …, "left", "right", "A"
            or "B". It is not asked where the manifest says which. None: channels are averaged.
        subtract_mean_of: Split of the manifest whose mean embedding is subtracted before scoring.
            None: nothing is subtracted.
        bootstrap: Replicates for 95 % intervals; 0: none.
        calibrate: Whether the thresholds are meant for the cards, where `set_thresholds` puts them.
            With a cohort, so are it and the calibration that is learned on the list.
        cohort: Manifest, folder or `.npy` of speakers who normalise scores. None: the cohort that
            the model carries, if any.
        cohort_size: Number of directions that stand for the cohort. 0: every speaker is kept.
        top: Number of strangers of the cohort that count. None: as `usual_top` says.
        dev_trials: Trial list of other speakers, from which scores learn to be log-likelihood
            ratios. None: the calibration that the model carries, if any.
        cosine: Whether scores are cosines even if the model carries a cohort and a calibration.
    """

    trials: str = setting(
        dataclasses.MISSING, "Trial list: label enrol test, or enrol test label, or with a header."
    )
    output: str = setting(dataclasses.MISSING, "Folder for results.json and det.png.")
    enrolments: str | None = setting(
        None,
        "List of models and their recordings. Default: enroll.lst beside trials.lst, if any.",
    )
    root: str | None = setting(None, "Folder that the paths in the trial list start from.")
    manifest: str | None = setting(
        None, "Manifest of the recordings; gives EER per corpus and intervals by speaker."
    )
    scores: bool = setting(False, "Also write a scores file for each model.")
    embeddings: str | None = setting(
        None, "Folder that keeps embeddings, so that a killed or second run is quick."
    )
    channel: str | None = setting(
        None,
        "Channel to take of recordings that have several, where the manifest does not say which: "
        "1, 2, …, left, right, A or B. Default: channels are averaged.",
    )
    subtract_mean_of: str | None = setting(
        None, "Split of the manifest, e.g. train, whose mean embedding is subtracted first."
    )
    bootstrap: int = setting(1000, "Replicates for the EER's 95 % interval; 0: none.")
    calibrate: bool = setting(
        False,
        "Write the thresholds found into the card of each model folder; with --cohort, also cohort "
        "and calibration.",
    )
    cohort: str | None = setting(
        None,
        "Manifest (its train split), folder of speakers' folders, or .npy of mean embeddings, by "
        "which scores are normalised (AS-Norm). Default: the cohort in the model, if any.",
    )
    cohort_size: int = setting(0, "Directions that stand for the whole cohort; 0: every speaker.")
    top: int | None = setting(
        None,
        "Strangers of the cohort that count, the most alike ones; as many as there are: S-Norm. "
        "Default: a tenth, and 20 at least.",
    )
    dev_trials: str | None = setting(
        None,
        "Trial list of other speakers, from which scores become log-likelihood ratios. Default: "
        "the calibration in the model, if any.",
    )
    cosine: bool = setting(False, "Score by the cosine, whatever the model carries.")

    def __post_init__(self):
        require(
            self,
            ("bootstrap", self.bootstrap >= 0, "at least 0"),
            ("cohort_size", self.cohort_size == 0 or self.cohort_size >= 2, "0, or at least 2"),
            ("top", self.top is None or self.top >= 2, "at least 2"),
        )
        channel_number(self.channel)
        if self.cohort is None and (self.top is not None or self.cohort_size):
            name = "cohort_size" if self.top is None else "top"
            raise InputError(f"{name!r}: is of a cohort; give 'cohort' too")
        if self.cosine and (self.cohort is not None or self.dev_trials is not None):
            raise InputError("'cosine': leave out 'cohort' and 'dev_trials', or this")
        if self.calibrate and self.dev_trials is not None:
            raise InputError(
                "'calibrate': writes what it learns from 'trials'; give the development trials"
                " there, and leave out 'dev_trials'"
            )
        if self.subtract_mean_of is None:
            return
        if self.calibrate:
            raise InputError(
                "'calibrate': `tfsv verify` subtracts no mean, so thresholds with"
                " 'subtract_mean_of' would be wrong there; leave one of the two out"
            )
        if self.cohort is not None or self.dev_trials is not None:
            raise InputError("'subtract_mean_of': is for cosines; leave out 'cohort', 'dev_trials'")
        if self.manifest is None:
            raise InputError("'subtract_mean_of': names a split of the manifest; give 'manifest'")


def evaluate_models(
    models: Sequence[str | os.PathLike], settings: EvaluationSettings
) -> dict[str, Report]:
    """Scores a trial list with each model and writes what came out.

    Example:
        >>> settings = EvaluationSettings("trials/test.txt", "runs/test", root="recordings")
        >>> reports = evaluate_models(["demo", "runs/resnet/fine_tuned"], settings)
        >>> reports["fine_tuned"]["eer"].value
        0.137

    Args:
        models: Model folders, `.tflite` files or names of `tfsv.demo`.
        settings: The trial list, and what to do with it.

    Returns:
        The report of each model by its name, as
        `tfsv.verification.evaluation.evaluate_with_scores` makes it. The name is the last part of
        the path, or all of it where two models have the same last part.

    Raises:
        InputError: A model, recording or list is unusable, or the output cannot be written.
    """
    from tfsv.verification.det_plot import plot_det

    named = _named(models)
    if settings.calibrate:
        _require_folders(named.values())
    manifest = read_manifest(settings.manifest) if settings.manifest else None
    trials = read_trials(settings.trials, settings.enrolments)
    paths = recording_paths(trials, settings.root, manifest, settings.channel)
    dev = _Development.of(settings, trials, paths, manifest)
    output = writable_folder(settings.output)
    reports, points = {}, {}
    for name, model in named.items():
        embedder = open_model(model)
        scorer = _scorer(embedder, model, settings, dev, paths)
        reports[name], scores = evaluate_with_scores(
            embedder,
            trials,
            settings.root,
            manifest=manifest,
            trial_list=settings.trials,
            model=model,
            folder=settings.embeddings,
            mean=_mean(embedder, model, manifest, settings),
            replicates=settings.bootstrap,
            paths=paths,
            scorer=scorer,
        )
        if settings.calibrate and scorer.calibration is not None:
            reports[name] = reports[name].with_details(scorer=scorer)
        points[name] = det_points(scores, trials.labels)
        if settings.scores:
            write_scores(output / f"scores.{name}.txt", trials, scores)
    systems = {name: _record(report) for name, report in reports.items()}
    write_json(output / folders.RESULTS, {"systems": systems})
    plot_det(points, output / "det.png", title=pathlib.Path(settings.trials).name)
    if settings.calibrate:
        _warn_of_reported_speakers(settings.trials, trials, manifest, paths)
    return reports


def set_thresholds(reports: Mapping[str, Report]) -> Iterator[tuple[pathlib.Path, Report]]:
    """Writes the thresholds of reports into the cards of the models that were measured.

    A model that is exported from such a folder afterwards decides by them. Measure on development
    speakers for this, never on those that are reported.

    Example:
        >>> settings = EvaluationSettings("trials/dev.txt", "runs/dev", root="recordings")
        >>> for card, report in set_thresholds(evaluate_models(["runs/resnet/float"], settings)):
        ...     print(card, report.details["thresholds"])

    Args:
        reports: Reports that `evaluate_models` gave for model folders.

    Yields:
        Each card's file when it is written, and the model's report.

    Raises:
        InputError: A card cannot be read or written.
    """
    for report in reports.values():
        folder = pathlib.Path(report.details["model"]["path"])
        cosines = report.details.get("cosine_thresholds", report.details["thresholds"])
        decision = decision_of(cosines, report.details.get("scorer"))
        write_folder_decision(folder, *decision)
        yield folder / folders.CARD, report


@dataclasses.dataclass(frozen=True)
class _Development:
    """Trials from which scores learn to be log-likelihood ratios."""

    trials: Trials
    paths: Sequence[str | os.PathLike]
    corpora: np.ndarray | None

    @classmethod
    def of(
        cls,
        settings: EvaluationSettings,
        trials: Trials,
        paths: Sequence[str | os.PathLike],
        manifest: Manifest | None,
    ) -> "_Development | None":
        if settings.dev_trials is not None:
            reported = {os.path.abspath(path) for path in paths}
            trials = read_trials(settings.dev_trials)
            paths = recording_paths(trials, settings.root, manifest, settings.channel)
            common = sum(os.path.abspath(path) in reported for path in paths)
            if common:
                logging.warning(
                    "%s: has %d recordings of the reported list; what is learned from them looks"
                    " better there than it is", settings.dev_trials, common,
                )  # fmt: skip
        elif not settings.calibrate or settings.cohort is None:
            return None
        return cls(trials, paths, None if manifest is None else trial_corpora(trials, manifest))


def _scorer(
    embedder: Embedder,
    model: str,
    settings: EvaluationSettings,
    dev: _Development | None,
    paths: Sequence[str | os.PathLike],
) -> Scorer:
    """The scorer that the settings ask for, or else the model's own."""
    if settings.subtract_mean_of is not None:
        return Scorer()
    # What is calibrated anew without a cohort decides by cosine from then on.
    anew = settings.calibrate and settings.cohort is None
    scorer = scorer_of(embedder, cosine=settings.cosine or anew)
    if settings.cohort is None and dev is None:
        return scorer
    keep = {"folder": settings.embeddings, "identity": model_identity(model, embedder)}
    if settings.cohort is not None:
        scorer = cohort_scorer(
            embedder, settings.cohort, settings.cohort_size, settings.top, paths, **keep
        )
    if dev is None:
        return scorer
    return learned_scorer(
        scorer, extract_voices(embedder, dev.paths, **keep), dev.trials, dev.corpora
    )


def _record(report: Report) -> dict[str, Any]:
    """The report as JSON; of a scorer, what its card would say."""
    scorer: Scorer | None = report.details.get("scorer")
    if scorer is None:
        return report.to_dict()
    return report.with_details(scorer=scorer.to_table()).to_dict()


def _named(models: Sequence[str | os.PathLike]) -> dict[str, str]:
    """Paths by name in tables: the path's last part, made unique by what is in front of it."""
    paths = list(dict.fromkeys(os.path.normpath(located(model)) for model in models))
    if not paths:
        raise InputError("'model': no model given")
    for path in paths:
        weights_file(path)
    names = [pathlib.Path(path).name for path in paths]
    unique = len(set(names)) == len(names)
    return {
        name if unique else path.replace(os.sep, "_"): path
        for name, path in zip(names, paths, strict=True)
    }


def _require_folders(models: Sequence[str]) -> None:
    for model in models:
        if not os.path.isdir(model):
            raise InputError(
                f"{model}: 'calibrate' writes into model folders only; calibrate the folder it"
                " was exported from and export it again"
            )


def _mean(
    embedder: Embedder, model: str, manifest: Manifest | None, settings: EvaluationSettings
) -> np.ndarray | None:
    """The mean embedding to subtract, float32 `[dimensions]`."""
    if settings.subtract_mean_of is None or manifest is None:
        return None
    speech = manifest.split(settings.subtract_mean_of)
    embeddings = extract_embeddings(
        embedder,
        [with_channel(speech.recording(utterance), settings.channel) for utterance in speech],
        folder=settings.embeddings,
        identity=model_identity(model, embedder),
    )
    return normalised(embeddings).mean(axis=0)


def _warn_of_reported_speakers(
    file: str, trials: Trials, manifest: Manifest | None, paths: Sequence[str]
) -> None:
    if manifest is None:
        return
    reported = [utterance for utterance in manifest if utterance.split == "test"]
    if listed(reported, manifest, trials, paths):
        logging.warning(
            "%s: has speakers of the split 'test'; error rates at these thresholds on that split"
            " will look better than they are",
            file,
        )
