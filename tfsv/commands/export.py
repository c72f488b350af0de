"""Exports a trained model folder to a TFLite file: waveform in, embedding out.

    tfsv export --model=runs/resnet/fine_tuned --output=runs/resnet/model.tflite --weights=packed

The command prints what each layer takes in the file. --weights says how kernels are stored, and
--compute what the runtime computes with: float32, int8_weights or int8. With int8_weights,
activations are quantized on the fly. With int8, their ranges come from recordings of --calibration.

With a trial list,

    tfsv export --model=runs/resnet/fine_tuned --output=runs/resnet/model.tflite \\
        --weights=packed --compute=int8 --calibration=runs/resnet/corpus/manifest.tsv \\
        --trials=trials/dev.txt --root=corpus

the command also compares the new file's embedding of every recording of the list with that of
Keras. EER, minDCF and thresholds of the file itself go into its card. For --compute=int8 the
command prints what each step of the conversion did to the EER. With --dev_trials too, thresholds
come from that list, which has other speakers than those who are reported. Without a list the card
is that of the folder, whose figures are those of the Keras model.

    tfsv export --model=runs/resnet/fine_tuned --output=runs/resnet/model.tflite \\
        --weights=packed --trials=trials/test.txt --dev_trials=trials/dev.txt --root=corpus \\
        --cohort=corpus/manifest.tsv --cohort_size=200

The file also carries a cohort of that many int8 vectors, by which it normalises scores, and a
calibration from the dev trials. Its scores are then log-likelihood ratios, and its thresholds are
of these. If the cohort's manifest lists the dev trials' recordings and their corpora, each corpus
counts alike.
"""

from typing import TYPE_CHECKING, Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.conversion.forms import COMPUTE_FORMS
from tfsv.tasks.measured_export import ExportSettings, export_measured
from tfsv.text_tables import aligned

if TYPE_CHECKING:
    from tfsv.conversion.convert import ExportReport


def _define(values: flags.FlagValues) -> None:
    computes = dict.fromkeys(form for forms in COMPUTE_FORMS.values() for form in forms)
    define(values, ExportSettings, choices={"weights": COMPUTE_FORMS, "compute": computes})


def main(values: Any, arguments: list[str]) -> None:
    """Exports the model that the flags name."""
    exported = export_measured(made(values, ExportSettings))
    print(_table(exported.report))
    if exported.steps:
        eers = (f"{name} {report['eer'].text()}" for name, report in exported.steps.items())
        print(f"EER %: {', '.join(eers)}")
    line = f"{values.output}: agrees with Keras to {exported.report.agreement:.6f} or more"
    if values.trials:
        line += f", EER {exported.report.card.measured['eer']:.2%}".replace("%", " %")
    print(line)


def _table(report: "ExportReport") -> str:
    """What each layer takes, what the rest takes, and the whole file."""
    rows = [("layer", "kernel", "bits", "weights", "codebook", "scales", "bias", "bytes")]
    for layer in report.layers:
        parts = (layer.weights, layer.codebook, layer.scales, layer.bias, layer.size)
        shape = " × ".join(map(str, layer.shape))
        rows.append((layer.name, shape, str(layer.bits), *(f"{part:,}" for part in parts)))
    rest = report.size - sum(layer.size for layer in report.layers) - report.cohort
    if report.cohort:
        rows.append(("cohort", *[""] * 6, f"{report.cohort:,}"))
    rows.append(("front end, graph, card", *[""] * 6, f"{rest:,}"))
    rows.append(("file", *[""] * 6, f"{report.size:,}"))
    return aligned(rows)


command = Command("export", __doc__, _define, main)
