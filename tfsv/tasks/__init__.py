"""What differs between speaker verification and any other task, and model folders."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.tasks.model_folder import load_model, save_model
    from tfsv.tasks.opening import open_model
    from tfsv.tasks.own import OwnData, OwnNetwork
    from tfsv.tasks.task import TASKS, Measured, PlainModel, Task, TaskData, sensitivity_methods

__all__ = [
    "TASKS",
    "Measured",
    "OwnData",
    "OwnNetwork",
    "PlainModel",
    "Task",
    "TaskData",
    "load_model",
    "open_model",
    "save_model",
    "sensitivity_methods",
]

__getattr__ = lazily(
    __name__,
    {
        "Measured": ".task",
        "OwnData": ".own",
        "OwnNetwork": ".own",
        "PlainModel": ".task",
        "TASKS": ".task",
        "Task": ".task",
        "TaskData": ".task",
        "load_model": ".model_folder",
        "open_model": ".opening",
        "save_model": ".model_folder",
        "sensitivity_methods": ".task",
    },
)
