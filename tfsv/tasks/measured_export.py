"""A model folder as a TFLite file whose card says what was measured with the file itself."""

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfsv.audio.manifest import read_manifest
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.settings import setting
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import evaluate_trials
from tfsv.verification.model_card import TASK, speaker_figures
from tfsv.verification.recordings import recording_paths
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

    def __post_init__(self):
        if not self.output.lower().endswith(".tflite"):
            raise InputError(f"output={self.output}: must end in .tflite")
        if (self.trials is None) != (self.root is None):
            raise InputError("'trials' and 'root': give both or neither")
        if self.dev_trials is not None and self.trials is None:
            raise InputError("'dev_trials': give 'trials' too, the list to report")


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
    from tfsv.conversion.convert import export_tflite
    from tfsv.conversion.forms import COMPUTE_FORMS
    from tfsv.quantization.network import strip
    from tfsv.tasks.model_folder import load_model
    from tfsv.tasks.task import TASKS
    from tfsv.verification.export_steps import measure_steps
    from tfsv.verification.recorded_inputs import calibration_inputs, example_inputs
    from tfsv.verification.tflite_embedder import TFLiteEmbedder

    lists = _lists(settings)
    network, card = load_model(settings.model)
    _require_task(card, settings)
    if settings.notes is not None:
        card = dataclasses.replace(card, notes=settings.notes)
    network, coded = strip(network)
    ends = TASKS[card.task].ends(card)
    compute = settings.compute or COMPUTE_FORMS[settings.weights][0]
    reports: dict[str, Report] = {}

    def measured(embedder: Embedder, name: str = "trials") -> Report:
        trials, paths = lists[name]
        file = getattr(settings, name)
        return evaluate_trials(embedder, trials, settings.root, trial_list=file, paths=paths)

    def card_fields(runner: "Runner") -> dict[str, Any]:
        embedder = TFLiteEmbedder.of(runner)
        found = reports[compute] = measured(embedder)
        dev = measured(embedder, "dev_trials") if "dev_trials" in lists else found
        thresholds = dev.details["thresholds"]
        return {"measured": speaker_figures(found), "decision": {"thresholds": thresholds}}

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
        measure=card_fields if lists else None,
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


def _require_task(card: "ModelCard", settings: ExportSettings) -> None:
    for name in ("trials", "calibration"):
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
