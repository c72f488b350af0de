"""Commands whose flags depend on the task."""

from collections.abc import Callable, Sequence

from absl import flags

from tfsv.commands.running import Command, Main, with_dashes
from tfsv.errors import InputError
from tfsv.tasks.task import DEFAULT_TASK, TASKS, Task


class TaskCommand(Command):
    """A command with the flags of a task's records.

    The task is that of --task on the command line or in a flagfile, else `DEFAULT_TASK`. A task
    from outside tfsv must be registered before the command runs.

    Example:
        >>> def define_flags(values, task):
        ...     define(values, task.data_record)
        >>> command = TaskCommand("train", "Trains a network.", define_flags, main)

    Args:
        name: See `Command`.
        help: See `Command`.
        define: Defines the flags of a command and its task.
        main: See `Command`; the task's name is the flag `task`.
    """

    def __init__(
        self, name: str, help: str, define: Callable[[flags.FlagValues, Task], None], main: Main
    ):
        super().__init__(name, help, lambda values: None, main)
        self._define_for = define

    def defined(self, arguments: Sequence[str]) -> flags.FlagValues:
        """See `Command.defined`."""
        values = flags.FlagValues()
        flags.DEFINE_string(
            "task", DEFAULT_TASK, "What the network does; decides many of the flags.",
            flag_values=values,
        )  # fmt: skip
        values([self.name, *arguments], known_only=True)
        try:
            task = TASKS.named(values.task)
        except InputError as error:
            raise InputError(with_dashes(str(error), values)) from error
        values.unparse_flags()
        self._define_for(values, task)
        return values
