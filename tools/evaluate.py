"""Scores a trial list with one or several models and reports EER, minDCF and DET curves.

    python tools/evaluate.py --model=runs/resnet/fine_tuned,runs/resnet/model.tflite \\
        --trials=trials/test.txt --manifest=manifest.tsv --output=runs/resnet/test

writes `results.json` and `det.png` into the output folder and prints a table.

    python tools/evaluate.py --model=runs/resnet/fine_tuned --trials=trials/dev.txt \\
        --manifest=manifest.tsv --output=runs/resnet/dev --calibrate

also writes the thresholds of this list into the model folder's card; a model exported from it
afterwards decides by them (`tools/verify.py`). Calibrate on development speakers, never on those
that are reported.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import flags, logging

from tfsv import command
from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.card import ModelCard
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.files import replacing, writable_folder
from tfsv.tasks.opening import open_model
from tfsv.verification.det_plot import plot_det
from tfsv.verification.evaluation import (
    evaluate_with_scores,
    format_table,
    model_identity,
    recording_paths,
    weights_file,
)
from tfsv.verification.extraction import extract_embeddings
from tfsv.verification.metrics import det_points
from tfsv.verification.scoring import normalised
from tfsv.verification.trials import Trials, read_trials

_MODEL = flags.DEFINE_multi_string(
    "model", None, "Model folder, .tflite file or demo; repeat it or list several with commas."
)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list, lines of: label enrol test.")
_ROOT = flags.DEFINE_string("root", None, "Folder that the paths in the trial list start from.")
_MANIFEST = flags.DEFINE_string(
    "manifest", None, "Manifest of the recordings; gives EER per corpus and intervals by speaker."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for results.json and det.png.")
_SCORES = flags.DEFINE_bool("scores", False, "Also write a scores file for each model.")
_EMBEDDINGS = flags.DEFINE_string(
    "embeddings", None, "Folder that keeps embeddings, so that a killed or second run is quick."
)
_MEAN_OF = flags.DEFINE_string(
    "subtract_mean_of",
    None,
    "Split of the manifest, e.g. train, whose mean embedding is subtracted before scoring.",
)
_REPLICATES = flags.DEFINE_integer(
    "bootstrap", 1000, "Replicates for the EER's 95 % interval; 0: none.", lower_bound=0
)
_CALIBRATE = flags.DEFINE_bool(
    "calibrate", False, "Write the thresholds found into the card of each model folder."
)
flags.mark_flags_as_required(["model", "trials", "output"])


def main(arguments: Sequence[str]) -> None:
    """Evaluates the models that the flags name."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    models = _named_models(_MODEL.value)
    if _CALIBRATE.value:
        _require_calibratable(list(models.values()))
    manifest = read_manifest(_MANIFEST.value) if _MANIFEST.value else None
    trials = read_trials(_TRIALS.value)
    recording_paths(trials, _ROOT.value, manifest)
    output = writable_folder(_OUTPUT.value)

    results, points = {}, {}
    for name, model in models.items():
        embedder = open_model(model)
        results[name], scores = evaluate_with_scores(
            embedder,
            trials,
            _ROOT.value,
            manifest=manifest,
            trial_list=_TRIALS.value,
            model=model,
            folder=_EMBEDDINGS.value,
            mean=_mean(embedder, model, manifest),
            replicates=_REPLICATES.value,
        )
        points[name] = det_points(scores, trials.labels)
        if _SCORES.value:
            _write_scores(output / f"scores.{name}.txt", trials, scores)
    with replacing(output / "results.json") as part:
        part.write_text(json.dumps({"systems": results}, indent=2, ensure_ascii=False) + "\n")
    plot_det(points, output / "det.png", title=pathlib.Path(_TRIALS.value).name)
    print(format_table(results))
    if _CALIBRATE.value:
        _warn_of_reported_speakers(trials, manifest)
        for name, model in models.items():
            _calibrate(model, results[name]["thresholds"])


def _named_models(values: Sequence[str]) -> dict[str, str]:
    """Name in tables to path: the path's last part, made unique by what is in front of it."""
    paths = [path for value in values for path in value.split(",") if path]
    if not paths:
        raise InputError("--model: no model given")
    paths = list(dict.fromkeys(os.path.normpath(located(path)) for path in paths))
    for path in paths:
        weights_file(path)
    names = [pathlib.Path(path).name for path in paths]
    unique = len(set(names)) == len(names)
    return {
        name if unique else path.replace(os.sep, "_"): path
        for name, path in zip(names, paths, strict=True)
    }


def _mean(embedder, model: str, manifest: Manifest | None) -> np.ndarray | None:
    if _MEAN_OF.value is None:
        return None
    if manifest is None:
        raise InputError("--subtract_mean_of: names a split of the manifest; give --manifest")
    speech = manifest.split(_MEAN_OF.value)
    embeddings = extract_embeddings(
        embedder,
        [speech.absolute(utterance) for utterance in speech],
        folder=_EMBEDDINGS.value,
        identity=model_identity(model, embedder),
    )
    return normalised(embeddings).mean(axis=0)


def _write_scores(path: pathlib.Path, trials: Trials, scores: np.ndarray) -> None:
    with replacing(path) as part, open(part, "w", encoding="utf-8") as file:
        columns = (trials.labels, trials.enrol, trials.test, scores)
        for label, enrol, test, score in zip(*(c.tolist() for c in columns), strict=True):
            file.write(f"{label} {trials.names[enrol]} {trials.names[test]} {score:.6f}\n")


def _require_calibratable(models: Sequence[str]) -> None:
    if _MEAN_OF.value is not None:
        raise InputError(
            "--calibrate: verify.py subtracts no mean, so thresholds with --subtract_mean_of"
            " would be wrong there; leave one of the two out"
        )
    for model in models:
        if not os.path.isdir(model):
            raise InputError(
                f"{model}: --calibrate writes into model folders only; calibrate the folder it"
                " was exported from and export it again"
            )


def _warn_of_reported_speakers(trials: Trials, manifest: Manifest | None) -> None:
    if manifest is None:
        return
    reported = {name for u in manifest if u.split == "test" for name in (u.path, u.utterance)}
    if not reported.isdisjoint(trials.names):
        logging.warning(
            "%s: has speakers of the split 'test'; error rates at these thresholds on that split"
            " will look better than they are",
            _TRIALS.value,
        )


def _calibrate(folder: str, thresholds: dict[str, float]) -> None:
    path = pathlib.Path(folder) / "card.json"
    try:
        card = ModelCard.from_json(path.read_text(encoding="utf-8"), source=path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a model card ({error})") from error
    text = dataclasses.replace(card, thresholds=thresholds).to_json()
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
    found = ", ".join(f"{name} {value:.3f}" for name, value in thresholds.items())
    print(f"{path}: thresholds written: {found}")


if __name__ == "__main__":
    command.run(main)
