"""Exports a trained model folder to a TFLite file: waveform in, embedding out.

    python tools/export_tflite.py --model=runs/resnet/fine_tuned \\
        --output=runs/resnet/model.tflite --weights=int8

prints what each layer takes in the file. With a trial list,

    python tools/export_tflite.py --model=runs/resnet/fine_tuned \\
        --output=runs/resnet/model.tflite --weights=int8 \\
        --trials=trials/dev.txt --root=corpus

also compares the new file's embedding of every recording of the list with that of Keras, and EER,
minDCF and thresholds of the file itself go into its card. Without one the card is that of the
folder, whose figures are those of the Keras model.
"""

from collections.abc import Sequence
from typing import Any

from absl import flags

from tfsv import command
from tfsv.errors import InputError
from tfsv.export.convert import LOWEST_COSINE, ExportReport, export_tflite
from tfsv.model_folder import load_model
from tfsv.quantization.configs import strip
from tfsv.verification.embedder import Embedder
from tfsv.verification.report import evaluate, recording_paths
from tfsv.verification.trials import read_trials

_MODEL = flags.DEFINE_string("model", None, "Model folder that tools/train.py wrote.")
_OUTPUT = flags.DEFINE_string("output", None, "File to write, ending in .tflite.")
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    "float32",
    list(LOWEST_COSINE),
    "How kernels are stored; activations are float.",
)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list to evaluate the file on.")
_ROOT = flags.DEFINE_string("root", None, "Folder that the paths in the trial list start from.")
flags.mark_flags_as_required(["model", "output"])


def main(arguments: Sequence[str]) -> None:
    """Exports the model that the flags name."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    if not _OUTPUT.value.endswith(".tflite"):
        raise InputError(f"--output={_OUTPUT.value}: must end in .tflite")
    if (_TRIALS.value is None) != (_ROOT.value is None):
        raise InputError("--trials and --root: give both or neither")
    trials = read_trials(_TRIALS.value) if _TRIALS.value else None

    def measure(embedder: Embedder) -> dict[str, Any]:
        record = evaluate(embedder, trials, _ROOT.value, trial_list=_TRIALS.value)
        fields = {"eer": record["eer"], "min_dcf": record["min_dcf_0.01"]}
        return fields | {"thresholds": record["thresholds"]}

    network, card = load_model(_MODEL.value)
    network, coded = strip(network)
    report = export_tflite(
        network,
        coded,
        card,
        _OUTPUT.value,
        _WEIGHTS.value,
        recordings=recording_paths(trials, _ROOT.value, None) if trials else (),
        measure=measure if trials else None,
    )
    print(_table(report))
    print(f"{_OUTPUT.value}: cosine to Keras {report.cosine:.6f} or more", end="")
    print(f", EER {100 * report.card.eer:.2f} %" if trials else "")


def _table(report: ExportReport) -> str:
    """What each layer takes, what the rest takes, and the whole file."""
    rows = [("layer", "kernel", "bits", "bytes")]
    for layer in report.layers:
        shape = " × ".join(map(str, layer.shape))
        rows.append((layer.name, shape, str(layer.bits), f"{layer.size:,}"))
    rest = report.size - sum(layer.size for layer in report.layers)
    rows.append(("front end, graph, biases, card", "", "", f"{rest:,}"))
    rows.append(("file", "", "", f"{report.size:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


if __name__ == "__main__":
    command.run(main)
