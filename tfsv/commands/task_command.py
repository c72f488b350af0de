"""Commands whose flags depend on the task."""

from collections.abc import Callable, Sequence

from absl import flags

from tfsv.commands.running import Command, Main, with_dashes
from tfsv.errors import InputError
from tfsv.tasks.task import DEFAULT_TASK, TASKS, Task


class TaskCommand(Command):
    """A command with the flags of a task's records.

    The task is that of --task on the command line or in a flagfile, else `DEFAULT_TASK`. A task
    from outside tfsv must be in `TASKS` before the command runs.

    Example:
        >>> def define_flags(values, task):
        ...     define(values, task.data_record)
        >>> command = TaskCommand("train", "Trains a network.", define_flags, main)

    Args:
        name: The command's name on the command line.
        help: What the command does; the text in front of the flags' list.
        define: A function that defines the flags of the command for a task.
        main: A function that does the work. The flag `task` has the task's name.
        resumes: Whether the command, started again, goes on where it was stopped.
    """

    def __init__(
        self,
        name: str,
        help: str,
        define: Callable[[flags.FlagValues, Task], None],
        main: Main,
        *,
        resumes: bool = False,
    ):
        super().__init__(name, help, _with_task_flag, main, resumes=resumes)
        self._define_for_task = define

    def defined(self, arguments: Sequence[str]) -> flags.FlagValues:
        """The command's flags, those of the task included, not parsed yet."""
        values, given = super().defined(arguments), super().defined(arguments)
        given([self.name, *arguments], known_only=True)
        try:
            task = TASKS.named(given.task)
        except InputError as error:
            raise InputError(with_dashes(str(error), given)) from error
        self._define_for_task(values, task)
        return values


def _with_task_flag(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "task", DEFAULT_TASK, "What the network is for; decides which flags there are.",
        flag_values=values,
    )  # fmt: skip
