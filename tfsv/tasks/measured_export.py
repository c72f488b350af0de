"""A model folder as a TFLite file whose card says what was measured with the file itself."""

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfsv.audio.manifest import read_manifest
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.settings import require, setting
from tfsv.verification.cohort_sources import cohort_scorer, corpora_in
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import evaluate_trials
from tfsv.verification.extraction import extract_voices
from tfsv.verification.learned_scorer import learned_scorer
from tfsv.verification.model_card import TASK, speaker_figures
from tfsv.verification.recordings import recording_paths
from tfsv.verification.scorer import Scorer, decision_of
from tfsv.verification.scoring import trial_scores
from tfsv.verification.thresholds import thresholds_of
from tfsv.verification.trials import Trials, read_trials

if TYPE_CHECKING:
    from tfsv.card import ModelCard
    from tfsv.conversion.convert import ExportReport
    from tfsv.runtime.runner import Runner


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """What is exported, and on what it is measured.

    Example:
        >>> settings = ExportSettings("runs/resnet/fine_tuned", "model.tflite", "packed")

    Attributes:
        model: Model folder.
        output: File to write, ending in `.tflite`.
        weights: How kernels are stored, a key of `tfsv.conversion.COMPUTE_FORMS`.
        compute: What the file computes with. None: the first form that `weights` has.
        calibration: Manifest whose train split gives `compute="int8"` its ranges of activations.
        trials: Trial list on which the file is measured. None: the card stays that of the folder.
        dev_trials: Trial list for the card's thresholds, of other speakers. None: `trials`.
        root: Folder that the paths in the trial lists start from.
        notes: Text for the card's notes. None: the notes of the folder's card.
        cohort: Manifest, folder or `.npy` of speakers who normalise scores. The file then carries
            them, and a calibration from `dev_trials` or `trials`. None: it carries none, or that of
            the folder if there are no trials.
        cohort_size: Number of directions that stand for the cohort. 0: every speaker is kept.
        top: Number of strangers of the cohort that count. None: as `usual_top` says.
    """

    model: str = setting(dataclasses.MISSING, "Model folder that `tfsv train` wrote.")
    output: str = setting(dataclasses.MISSING, "File to write, ending in .tflite.")
    weights: str = setting(
        "float32", "How kernels are stored; packed: as codes of the layers' own widths."
    )
    compute: str | None = setting(
        None, "What is computed with. Default: int8_weights, or float32 with --weights=float32."
    )
    calibration: str | None = setting(
        None, "Manifest whose train split gives --compute=int8 its ranges of activations."
    )
    trials: str | None = setting(None, "Trial list to evaluate the file on.")
    dev_trials: str | None = setting(
        None, "Trial list for the card's thresholds. Default: that of --trials."
    )
    root: str | None = setting(None, "Folder that the paths in the trial lists start from.")
    notes: str | None = setting(None, "Text for the card's notes. Default: the folder's.")
    cohort: str | None = setting(
        None,
        "Manifest (its train split), folder of speakers' folders, or .npy of mean embeddings, by "
        "which the file normalises scores; with it go a calibration and thresholds from the dev "
        "trials.",
    )
    cohort_size: int = setting(
        200, "Directions that stand for the whole cohort in the file; 0: every speaker."
    )
    top: int | None = setting(
        None, "Strangers of the cohort that count. Default: a tenth, and 20 at least."
    )

    def __post_init__(self):
        if not self.output.lower().endswith(".tflite"):
            raise InputError(f"output={self.output}: must end in .tflite")
        if (self.trials is None) != (self.root is None):
            raise InputError("'trials' and 'root': give both or neither")
        if self.dev_trials is not None and self.trials is None:
            raise InputError("'dev_trials': give 'trials' too, the list to report")
        if self.cohort is not None and self.trials is None:
            raise InputError("'cohort': needs trials to calibrate on; give 'dev_trials', 'trials'")
        if self.top is not None and self.cohort is None:
            raise InputError("'top': is of a cohort; give 'cohort' too")
        require(
            self,
            ("cohort_size", self.cohort_size == 0 or self.cohort_size >= 2, "0, or at least 2"),
            ("top", self.top is None or self.top >= 2, "at least 2"),
        )


@dataclasses.dataclass(frozen=True)
class MeasuredExport:
    """What came out of an export.

    Example:
        >>> exported = export_measured(settings)
        >>> exported.report.size, exported.report.agreement

    Attributes:
        report: Sizes, agreement with Keras, and the card in the file.
        steps: Report on the trials after each step of a conversion to int8, by the step's name
            ("keras", then forms of computing). Empty for other forms, or without trials.
    """

    report: "ExportReport"
    steps: Mapping[str, Report]


def export_measured(settings: ExportSettings) -> MeasuredExport:
    """Writes the file and measures it before it appears.

    Example:
        >>> exported = export_measured(ExportSettings(
        ...     "runs/resnet/fine_tuned", "model.tflite", "packed",
        ...     trials="trials/test.txt", root="recordings",
        ... ))
        >>> exported.report.card.measured["eer"]
        0.137

    Args:
        settings: What to export. Trials and calibration are for speaker verification only.

    Raises:
        InputError: A recording, list or manifest is unusable, `weights` or `compute` is unknown or
            does not suit the model, or the file cannot be written.
        RuntimeError: The file does not agree with Keras; nothing was written.
    """
    from tfsv.conversion.convert import FileFacts, export_tflite
    from tfsv.conversion.forms import COMPUTE_FORMS
    from tfsv.quantization.network import strip
    from tfsv.tasks.model_folder import load_model, read_folder_cohort
    from tfsv.tasks.task import TASKS
    from tfsv.verification.export_steps import measure_steps
    from tfsv.verification.recorded_inputs import calibration_inputs, example_inputs
    from tfsv.verification.tflite_embedder import TFLiteEmbedder

    lists = _lists(settings)
    network, card = load_model(settings.model)
    _require_task(card, settings)
    if lists:
        card = dataclasses.replace(card, decision={})  # that of the folder is not the file's
    if settings.notes is not None:
        card = dataclasses.replace(card, notes=settings.notes)
    network, coded = strip(network)
    ends = TASKS[card.task].ends(card)
    compute = settings.compute or COMPUTE_FORMS[settings.weights][0]
    reports: dict[str, Report] = {}

    def measured(embedder: Embedder, name: str = "trials", scorer: Scorer | None = None) -> Report:
        trials, paths = lists[name]
        file = getattr(settings, name)
        return evaluate_trials(
            embedder, trials, settings.root, trial_list=file, paths=paths,
            scorer=scorer or Scorer(),
        )  # fmt: skip

    def facts(runner: "Runner") -> FileFacts:
        embedder = TFLiteEmbedder.of(runner)
        dev_list = "dev_trials" if "dev_trials" in lists else "trials"
        if settings.cohort is None:
            found = reports[compute] = measured(embedder)
            dev = found if dev_list == "trials" else measured(embedder, dev_list)
            decision, cohort = decision_of(dev.details["thresholds"], None)
        else:
            scorer, thresholds = _learned(embedder, settings, *lists[dev_list])
            found = measured(embedder, scorer=scorer)
            if compute == "int8":  # what is compared with other steps are cosines
                reports[compute] = measured(embedder)
            decision, cohort = decision_of(thresholds, scorer)
        return FileFacts({"measured": speaker_figures(found), "decision": decision}, cohort)

    calibration = _train_recordings(settings.calibration) if settings.calibration else None
    _, recordings = lists["trials"] if lists else ((), ())
    report = export_tflite(
        network,
        coded,
        card,
        settings.output,
        ends,
        settings.weights,
        compute,
        calibration=() if calibration is None else calibration_inputs(calibration),
        examples=example_inputs(recordings),
        measure=facts if lists else None,
        cohort=None if lists else read_folder_cohort(settings.model),
    )
    if not lists or compute != "int8":
        return MeasuredExport(report, {})
    steps = measure_steps(network, coded, card, ends, compute, measured)
    return MeasuredExport(report, {**steps, **reports})


def _lists(settings: ExportSettings) -> dict[str, tuple[Trials, list[str]]]:
    """The trial lists by the setting's name, each with the paths of its recordings."""
    lists = {}
    for name in ("trials", "dev_trials"):
        if (file := getattr(settings, name)) is not None:
            trials = read_trials(file)
            lists[name] = trials, recording_paths(trials, settings.root, None)
    return lists


def _learned(
    embedder: Embedder, settings: ExportSettings, trials: Trials, paths: list[str]
) -> tuple[Scorer, dict[str, float]]:
    """A scorer learned with the embeddings of the file itself, and thresholds of its cosines."""
    plain = cohort_scorer(embedder, settings.cohort, settings.cohort_size, settings.top, paths)
    voices = extract_voices(embedder, paths)
    corpora = corpora_in(settings.cohort, trials, paths)
    cosines = thresholds_of(trial_scores(voices.embeddings, trials), trials.labels)
    return learned_scorer(plain, voices, trials, corpora), cosines


def _require_task(card: "ModelCard", settings: ExportSettings) -> None:
    for name in ("trials", "calibration", "cohort"):
        if card.task != TASK and getattr(settings, name) is not None:
            raise InputError(
                f"'{name}': is for speaker verification; {settings.model} is of the task"
                f" {card.task}"
            )


def _train_recordings(manifest: str) -> list[str | os.PathLike]:
    """The recordings to take ranges of activations from."""
    corpus = read_manifest(manifest)
    train = corpus.split("train")
    if not len(train):
        raise InputError(f"calibration={manifest}: has no train split")
    return [corpus.recording(utterance) for utterance in train]
