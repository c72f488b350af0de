"""Several models on one trial list: reports, DET curves, scores, thresholds for their cards."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

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
from tfsv.tasks.model_folder import read_folder_card, write_folder_card
from tfsv.tasks.opening import open_model
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import evaluate_with_scores, model_identity, weights_file
from tfsv.verification.extraction import extract_embeddings
from tfsv.verification.metrics import det_points
from tfsv.verification.recordings import listed, recording_paths
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
        False, "Write the thresholds found into the card of each model folder."
    )

    def __post_init__(self):
        require(self, ("bootstrap", self.bootstrap >= 0, "at least 0"))
        channel_number(self.channel)
        if self.subtract_mean_of is None:
            return
        if self.calibrate:
            raise InputError(
                "'calibrate': `tfsv verify` subtracts no mean, so thresholds with"
                " 'subtract_mean_of' would be wrong there; leave one of the two out"
            )
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
    output = writable_folder(settings.output)
    reports, points = {}, {}
    for name, model in named.items():
        embedder = open_model(model)
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
        )
        points[name] = det_points(scores, trials.labels)
        if settings.scores:
            write_scores(output / f"scores.{name}.txt", trials, scores)
    systems = {name: report.to_dict() for name, report in reports.items()}
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
        decision = {"thresholds": report.details["thresholds"]}
        write_folder_card(folder, dataclasses.replace(read_folder_card(folder), decision=decision))
        yield folder / folders.CARD, report


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
