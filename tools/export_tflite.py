"""Exports a trained model folder to a TFLite file: waveform in, embedding out.

    python tools/export_tflite.py --model=runs/resnet/fine_tuned \\
        --output=runs/resnet/model.tflite --weights=packed

prints what each layer takes in the file. --weights says how kernels are stored, --compute what the
runtime computes with: float32, int8_weights (activations are quantized on the fly) or int8, whose
ranges of activations come from recordings of --calibration.

With a trial list,

    python tools/export_tflite.py --model=runs/resnet/fine_tuned \\
        --output=runs/resnet/model.tflite --weights=packed --compute=int8 \\
        --calibration=runs/resnet/corpus/manifest.tsv \\
        --trials=trials/dev.txt --root=corpus

also compares the new file's embedding of every recording of the list with that of Keras, and EER,
minDCF and thresholds of the file itself go into its card; for --compute=int8 it prints what each
step of the conversion did to the EER. With --dev_trials too, thresholds come from that list, of
other speakers than those who are reported. Without a list the card is that of the folder, whose
figures are those of the Keras model.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from absl import flags

from tfsv import command
from tfsv.audio.manifest import read_manifest
from tfsv.errors import InputError
from tfsv.export.convert import ExportReport, export_tflite
from tfsv.export.forms import COMPUTE_FORMS
from tfsv.quantization.network import strip
from tfsv.runtime.runner import Runner
from tfsv.tasks.model_folder import load_model
from tfsv.verification.embedder import Embedder
from tfsv.verification.ends import speaker_ends
from tfsv.verification.evaluation import evaluate, recording_paths
from tfsv.verification.export_steps import measure_steps
from tfsv.verification.recorded_inputs import calibration_inputs, example_inputs
from tfsv.verification.tflite_embedder import TFLiteEmbedder
from tfsv.verification.trials import read_trials

_MODEL = flags.DEFINE_string("model", None, "Model folder that tools/train.py wrote.")
_OUTPUT = flags.DEFINE_string("output", None, "File to write, ending in .tflite.")
_WEIGHTS = flags.DEFINE_enum(
    "weights",
    "float32",
    list(COMPUTE_FORMS),
    "How kernels are stored; packed: as codes of the layers' own widths.",
)
_COMPUTE = flags.DEFINE_enum(
    "compute",
    None,
    ["float32", "int8_weights", "int8"],
    "What is computed with. Default: int8_weights, or float32 with --weights=float32.",
)
_CALIBRATION = flags.DEFINE_string(
    "calibration", None, "Manifest whose train split gives --compute=int8 its ranges."
)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list to evaluate the file on.")
_DEV_TRIALS = flags.DEFINE_string(
    "dev_trials", None, "Trial list for the card's thresholds. Default: that of --trials."
)
_ROOT = flags.DEFINE_string("root", None, "Folder that the paths in the trial lists start from.")
_NOTES = flags.DEFINE_string("notes", None, "Text for the card's notes. Default: the folder's.")
flags.mark_flags_as_required(["model", "output"])


def main(arguments: Sequence[str]) -> None:
    """Exports the model that the flags name."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    if not _OUTPUT.value.endswith(".tflite"):
        raise InputError(f"--output={_OUTPUT.value}: must end in .tflite")
    if (_TRIALS.value is None) != (_ROOT.value is None):
        raise InputError("--trials and --root: give both or neither")
    if _DEV_TRIALS.value is not None and _TRIALS.value is None:
        raise InputError("--dev_trials: give --trials too, the list to report")
    trials = read_trials(_TRIALS.value) if _TRIALS.value else None
    dev_trials = read_trials(_DEV_TRIALS.value) if _DEV_TRIALS.value else None
    compute = _COMPUTE.value or COMPUTE_FORMS[_WEIGHTS.value][0]

    def measure(embedder: Embedder) -> dict[str, Any]:
        record = evaluate(embedder, trials, _ROOT.value, trial_list=_TRIALS.value)
        fields = {"eer": record["eer"], "min_dcf": record["min_dcf_0.01"]}
        return fields | {"thresholds": record["thresholds"]}

    def measure_file(runner: Runner) -> dict[str, Any]:
        embedder = TFLiteEmbedder.of(runner)
        fields = measure(embedder)
        if dev_trials:
            dev = evaluate(embedder, dev_trials, _ROOT.value, trial_list=_DEV_TRIALS.value)
            fields["thresholds"] = dev["thresholds"]
        return fields

    network, card = load_model(_MODEL.value)
    if _NOTES.value is not None:
        card = dataclasses.replace(card, notes=_NOTES.value)
    network, coded = strip(network)
    ends = speaker_ends(card.front_end, card.embedding_size)
    calibration = calibration_inputs(_recordings(_CALIBRATION.value)) if _CALIBRATION.value else ()
    recordings = recording_paths(trials, _ROOT.value, None) if trials else ()
    report = export_tflite(
        network,
        coded,
        card,
        _OUTPUT.value,
        ends,
        _WEIGHTS.value,
        compute,
        calibration=calibration,
        examples=example_inputs(recordings),
        measure=measure_file if trials else None,
    )
    print(_table(report))
    if trials and compute == "int8":
        steps = measure_steps(network, coded, card, ends, compute, measure)
        steps[compute] = {"eer": report.card.eer}
        print("EER %: " + ", ".join(f"{name} {100 * x['eer']:.2f}" for name, x in steps.items()))
    print(f"{_OUTPUT.value}: cosine to Keras {report.agreement:.6f} or more", end="")
    print(f", EER {100 * report.card.eer:.2f} %" if trials else "")


def _recordings(manifest: str) -> list[str]:
    """Paths of the recordings to calibrate with."""
    corpus = read_manifest(manifest)
    train = corpus.split("train")
    if not len(train):
        raise InputError(f"--calibration={manifest}: has no train split")
    return [corpus.absolute(utterance) for utterance in train]


def _table(report: ExportReport) -> str:
    """What each layer takes, what the rest takes, and the whole file."""
    columns = ("weights", "codebook", "scales", "bias", "bytes")
    rows = [("layer", "kernel", "bits", *columns)]
    for layer in report.layers:
        parts = (layer.weights, layer.codebook, layer.scales, layer.bias, layer.size)
        shape = " × ".join(map(str, layer.shape))
        rows.append((layer.name, shape, str(layer.bits), *(f"{part:,}" for part in parts)))
    rest = report.size - sum(layer.size for layer in report.layers)
    rows.append(("front end, graph, card", *[""] * 6, f"{rest:,}"))
    rows.append(("file", *[""] * 6, f"{report.size:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


if __name__ == "__main__":
    command.run(main)
