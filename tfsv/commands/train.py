"""Trains a network, quantizes it, fine-tunes it, and measures each.

    tfsv train --flagfile configs/resnet.flags

The folder of the run gets the model folders `float`, `post_training`, `fine_tuned` and, on request,
`control`. Stop the run with Ctrl-C, or kill it, and start it again with the same flags to go on
where it was.
"""

from typing import Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.task_command import TaskCommand
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.tasks.task import TASKS, Task


def _define(values: flags.FlagValues, task: Task) -> None:
    flags.DEFINE_string(
        "run_dir", None, "Folder of the run; run again with it to resume.",
        required=True, flag_values=values,
    )  # fmt: skip
    define(values, task.data_record)
    define(values, task.network_record)
    flags.DEFINE_string(
        "start", None, "Folder of a float model to quantize; none is trained then.",
        flag_values=values,
    )  # fmt: skip
    define(values, task.objective_record)
    for record in (FloatTraining, Quantization, FineTuning):
        define(values, record)


def recipe_of(values: Any) -> Recipe:
    """The recipe that the command's flags describe.

    Example:
        >>> values, _ = command.parsed(["--run_dir=runs/two_bits", "--bits=2"])
        >>> recipe_of(values).quantization.bits
        2

    Raises:
        InputError: A value is wrong.
    """
    task = TASKS[values.task]
    return Recipe(
        values.task,
        made(values, task.data_record),
        made(values, task.network_record),
        made(values, task.objective_record),
        made(values, FloatTraining),
        made(values, Quantization),
        made(values, FineTuning),
        values.start,
    )


def main(values: Any, arguments: list[str]) -> None:
    """Runs the recipe that the flags describe, on all GPUs that there are."""
    recipe = recipe_of(values)

    import tensorflow as tf

    from tfsv.jobs.recipe import run, summary

    several = len(tf.config.list_physical_devices("GPU")) > 1
    strategy = tf.distribute.MirroredStrategy() if several else None
    print(summary(run(recipe, values.run_dir, strategy)))


command = TaskCommand("train", __doc__, _define, main, resumes=True)
