"""Scores a trial list with one or several models and reports EER, minDCF and DET curves.

    tfsv evaluate --model=runs/resnet/fine_tuned,runs/resnet/model.tflite \\
        --trials=trials/test.txt --manifest=manifest.tsv --output=runs/resnet/test

The command writes `results.json` and `det.png` into the output folder and prints a table. The
trial list may be VoxCeleb's, Kaldi's, WeSpeaker's, CN-Celeb's or a table with a header like NIST's.

    tfsv evaluate --model=runs/resnet/fine_tuned --trials=trials/dev.txt \\
        --manifest=manifest.tsv --output=runs/resnet/dev --calibrate

The command also writes the thresholds of this list into the model folder's card. A model exported
from it afterwards decides by them (`tfsv verify`). Calibrate on development speakers, never on
those that are reported.

    tfsv evaluate --model=runs/resnet/fine_tuned --trials=trials/test.txt \\
        --manifest=manifest.tsv --output=runs/resnet/test \\
        --cohort=manifest.tsv --dev_trials=trials/dev.txt

Scores are normalised by a cohort, the train split of the manifest (AS-Norm). From the dev trials
they learn to be log-likelihood ratios, so that Cllr and actDCF are reported too. Corpora of the
manifest count alike there. With --calibrate in place of --dev_trials, the model folder keeps the
cohort and the calibration, and thresholds of ratios. A model that carries a cohort is scored by it;
--cosine scores by the cosine.
"""

from typing import Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.tasks.evaluating import EvaluationSettings, evaluate_models, set_thresholds


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_multi_string(
        "model", None,
        "Model folder, .tflite file or demo; repeat it or list several with commas.",
        required=True, flag_values=values,
    )  # fmt: skip
    define(values, EvaluationSettings)


def main(values: Any, arguments: list[str]) -> None:
    """Evaluates the models that the flags name."""
    from tfsv.verification.evaluation import format_table

    models = [path for value in values.model for path in value.split(",") if path]
    reports = evaluate_models(models, made(values, EvaluationSettings))
    print(format_table(reports))
    for file, report in set_thresholds(reports) if values.calibrate else ():
        thresholds = report.details["thresholds"]
        found = ", ".join(f"{name} {value:.3f}" for name, value in thresholds.items())
        print(f"{file}: thresholds written: {found}")


command = Command("evaluate", __doc__, _define, main, resumes="embeddings")
