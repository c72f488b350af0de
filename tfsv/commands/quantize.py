"""Quantizes a float model with nothing but recordings: no labels, no training.

    tfsv quantize --model=models/resnet34 --recordings=recordings --bits=3 \\
        --output=models/resnet34_3bit

The recordings are any folder of sound files, or a manifest; a hundred of many speakers are enough.
Layer by layer, codes and centroids are chosen so that the layer's outputs change least on what the
network as quantized so far gives the layer, and batch normalisation follows. --bit_plan gives each
layer a width of its own. --budget searches for widths whose packed file has so many bytes. With
--finetune_steps=2000 the float model then teaches the quantized one on the same recordings. The
folder that comes out is one that `tfsv evaluate` and `tfsv export` take. It knows no threshold
before `tfsv evaluate --calibrate` has measured it. A killed run goes on at the layer where it was.
Until its end the folder also holds what waits between two layers. That is up to 3 GB for a ResNet34
of 32 channels, and less for fewer or shorter crops.
"""

from typing import Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.task_command import TaskCommand
from tfsv.errors import InputError
from tfsv.jobs.settings import LabelFreeTuning, Widths
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.tasks.task import TASKS, Task
from tfsv.text_tables import aligned


def _define(values: flags.FlagValues, task: Task) -> None:
    if task.recordings_record is None:
        raise InputError(f"task={task.name}: has no recordings to calibrate on")
    flags.DEFINE_string(
        "model", None, "Folder of a float model.", required=True, flag_values=values
    )
    define(values, task.recordings_record)
    define(values, Widths)
    flags.DEFINE_string("output", None, "Model folder to write.", required=True, flag_values=values)
    flags.DEFINE_string(
        "scheme", "kmeans", "Quantizer and its settings, e.g. uniform or adaptive_binary.",
        flag_values=values,
    )  # fmt: skip
    define(values, CodeCalibration)
    define(values, LabelFreeTuning)


def main(values: Any, arguments: list[str]) -> None:
    """Quantizes the model that the flags name."""
    widths, settings = made(values, Widths), made(values, CodeCalibration)
    tuning = made(values, LabelFreeTuning)
    recordings = made(values, TASKS[values.task].recordings_record)

    from tfsv.jobs.quantizing import quantize_model

    done = quantize_model(
        values.model, recordings, widths, values.output, values.scheme, settings, tuning
    )
    if not done.layers:
        print(f"{values.output}: is there already, quantized with these settings")
        return
    rows = [
        (x.name, f"{x.bits} bits", f"{100 * x.error:.2f} %", "channel scales" if x.scaled else "")
        for x in done.layers
    ]
    print(aligned([("layer", "width", "error", ""), *rows]))
    print(
        f"{values.output}: {len(done.layers)} layers on {len(done.recordings)} recordings; error:"
        " mean squared error of a layer's outputs, of their variance"
    )


command = TaskCommand("quantize", __doc__, _define, main, resumes=True)
