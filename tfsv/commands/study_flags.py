"""Flags that all comparisons have."""

from typing import Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.jobs.settings import FineTuning

_NAMES = {
    "finetune_optimizer": "optimizer",
    "finetune_learning_rate": "learning_rate",
    "finetune_weight_decay": "weight_decay",
}
_DEFAULTS = {
    "finetune_epochs": 1.0,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "weight_decay": 1e-4,
    "refresh_steps": 20,
}
_WITHOUT = ("stages", "stage_order", "control")


def define_study(values: flags.FlagValues, scheme: str, output: str) -> None:
    """Defines which runs are compared, where the outcome goes, and how models are fine-tuned.

    Example:
        >>> values = flags.FlagValues()
        >>> define_study(values, "A scheme and its bits.", "Folder for the tables.")

    Args:
        values: The absl values that get the flags.
        scheme: Help of --scheme.
        output: Help of --output.
    """
    flags.DEFINE_list(
        "runs", None, "Folders of runs, one for each seed, of one network.", required=True,
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_multi_string("scheme", None, scheme, required=True, flag_values=values)
    flags.DEFINE_string("output", None, output, required=True, flag_values=values)
    flags.DEFINE_bool(
        "make", True, "Make what is missing; else only tabulate what is there.", flag_values=values
    )
    define(values, FineTuning, defaults=_DEFAULTS, names=_NAMES, without=_WITHOUT)


def further(values: Any) -> FineTuning:
    """The settings with which the models of a comparison are trained further.

    Example:
        >>> comparison = Comparison(values.runs[0], further(values))

    Args:
        values: Parsed values with the flags that `define_study` defined.

    Raises:
        InputError: A value is wrong.
    """
    return made(values, FineTuning, names=_NAMES, without=_WITHOUT)
