"""How a command starts and how it fails."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # both are read when TensorFlow is loaded
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import flags

from tfsv.errors import InputError

_INTERRUPTED, _NOT_READ = 130, 141

Main = Callable[[Any, list[str]], int | None]
"""A function that takes flags and arguments and returns the exit status; None stands for 0."""


class Command:
    """A command: its flags, what it does, and how it fails.

    The flags are the command's own, made anew for each run, so that several commands can be
    imported into one process. Every command has --flagfile, --help and --verbosity too.

    An `InputError` or a bad flag is printed as one line and ends with status 1; Ctrl-C ends with
    status 130. A pipe that nobody reads on, such as one into `head`, ends it with status 141 and
    without a word. Anything else is a defect of tfsv and keeps its traceback.

    Example:
        >>> def define(values):
        ...     flags.DEFINE_string("name", "you", "Whom to greet.", flag_values=values)
        >>> def main(values, arguments):
        ...     print(f"Hello, {values.name}!")
        >>> Command("greet", "Greets somebody.", define, main).run(["--name=Ann"])
        Hello, Ann!

    Args:
        name: The command's name on the command line.
        help: What the command does; the text in front of the flags' list.
        define: A function that defines the command's flags in an absl `FlagValues`. A script that
            runs once in its process may give flags that are defined already.
        main: A function that does the work. TensorFlow and all that needs it is imported in there,
            so that --help answers at once.
        takes_arguments: Whether there may be arguments that are no flags.
        separator: Whether `main` gets the `--` of the command line and what follows it, none of
            which is a flag. Otherwise absl swallows the `--`.
        program: The program's name, in front of that of the command.
    """

    def __init__(
        self,
        name: str,
        help: str,
        define: Callable[[flags.FlagValues], None] | flags.FlagValues,
        main: Main,
        *,
        takes_arguments: bool = False,
        separator: bool = False,
        program: str = "tfsv",
    ):
        self.name = name
        self.help = help
        self._define = define
        self._main = main
        self._takes_arguments = takes_arguments
        self._separator = separator
        self._called = f"{program} {name}"

    def run(self, arguments: Sequence[str] | None = None) -> NoReturn:
        """Parses the flags, does the work and exits.

        Args:
            arguments: The words behind the command's name. None: those of this process.
        """
        try:
            try:
                sys.exit(self._status(sys.argv[1:] if arguments is None else arguments))
            finally:
                sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            # Python writes what is left at its end, and would print an error then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(_NOT_READ)

    def parsed(self, arguments: Sequence[str]) -> tuple[flags.FlagValues, list[str]]:
        """The flags and the arguments of a command line; exits if they are wrong or ask for help.

        Args:
            arguments: The words behind the command's name.
        """
        try:
            return self._parsed(list(arguments))
        except InputError as error:
            sys.exit(f"error: {error}")
        except (flags.Error, ValueError) as error:  # absl raises a ValueError for --noname=value
            sys.exit(f"error: {str(error).splitlines()[0]}; see {self._called} --help")

    def defined(self, arguments: Sequence[str]) -> flags.FlagValues:
        """The command's flags, not parsed yet.

        Args:
            arguments: The words of the command line, flagfiles read; flags may depend on them.
        """
        if isinstance(self._define, flags.FlagValues):
            return self._define
        values = flags.FlagValues()
        self._define(values)
        return values

    def _status(self, arguments: Sequence[str]) -> int | None:
        values, arguments = self.parsed(arguments)
        _start_logging(values)
        try:
            return self._main(values, arguments)
        except InputError as error:
            sys.exit(f"error: {with_dashes(str(error), values)}")

    def _parsed(self, arguments: list[str]) -> tuple[flags.FlagValues, list[str]]:
        end = len(arguments)
        if self._separator and "--" in arguments:
            end = arguments.index("--")
        given = _with_flagfiles(arguments[:end])
        values = self.defined(given)
        self._define_common(values)
        _, *rest = values([self.name, *given])
        rest += arguments[end:]
        if rest and not self._takes_arguments:
            raise InputError(f"unexpected argument {rest[0]!r}; see {self._called} --help")
        return values, rest

    def _define_common(self, values: flags.FlagValues) -> None:
        flags.DEFINE_integer(
            "verbosity", None, "What is logged: -1 warnings (the default), 0 progress, 1 more.",
            short_name="v", flag_values=values,
        )  # fmt: skip
        for name, short in (("help", "?"), ("helpshort", "h")):
            flag = _HelpFlag(name, short, lambda: self.help_text(values))
            flags.DEFINE_flag(flag, values)

    def help_text(self, values: flags.FlagValues) -> str:
        """The help page: what the command does, then every flag with its default."""
        parts = [self.help.strip(), "", "Flags:"]
        shown = [values[name] for name in values if name == values[name].name]
        parts += ["", *(_described(flag) for flag in shown if not isinstance(flag, _HelpFlag))]
        parts += [
            flags.text_wrap(
                "--flagfile: File with flags, one a line; flags behind it come after its own.",
                indent="    ", firstline_indent="  ",
            )
        ]  # fmt: skip
        return "\n".join(parts)


def with_dashes(message: str, names: Any) -> str:
    """A message of the library, which names settings, as the command line names them.

    Example:
        >>> with_dashes("bits=9: expected 'root' or 1 to 8", {"bits", "root"})
        '--bits=9: expected --root or 1 to 8'

    Args:
        message: A message, in which `setting=value` at the start of a word and `'setting'` are
            settings.
        names: Names of the command's flags; other settings stay as they are.
    """

    def dashed(found: re.Match) -> str:
        name = found["given"] or found["alone"]
        if name not in names:
            return found[0]
        return f"--{name}=" if found["given"] else f"--{name}"

    return re.sub(r"(?<![^\s(])(?P<given>\w+)=|'(?P<alone>\w+)'", dashed, message)


def _with_flagfiles(arguments: list[str]) -> list[str]:
    """The words of a command line and of its flagfiles, which may have a byte-order mark."""
    try:
        words = flags.FlagValues().read_flags_from_files(arguments, force_gnu=False)
    except UnicodeDecodeError as error:
        raise InputError("--flagfile: not UTF-8 text; save it as UTF-8") from error
    return [word.removeprefix("\ufeff") for word in words if not word.startswith("\ufeff#")]


class _HelpFlag(flags.BooleanFlag):
    """Prints the help page and exits, whatever else is on the command line."""

    def __init__(self, name: str, short_name: str, text: Callable[[], str]):
        super().__init__(name, False, "Prints this page.", short_name=short_name)
        self._text = text

    def parse(self, argument: Any) -> None:
        if self._parse(argument):
            print(self._text())
            sys.exit(0)


def _described(flag: flags.Flag) -> str:
    """A flag in the help page, as absl shows it."""
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    text = flags.text_wrap(f"{name}: {flag.help}", indent="    ", firstline_indent="  ")
    notes = []
    if any(not validator.checker(None) for validator in flag.validators):
        notes.append("(required)")
    elif flag.default not in (None, ()):
        notes.append(f"(default: {flag.default_as_str})")
    if flag.parser.syntactic_help:
        notes.append(f"({flag.parser.syntactic_help})")
    return "\n".join([text, *(["    " + " ".join(notes)] if notes else [])])


def _start_logging(values: flags.FlagValues) -> None:
    from absl import logging

    class Formatter(logging.PythonFormatter):
        def format(self, record):
            return with_dashes(super().format(record), values)

    flags.FLAGS.mark_as_parsed()  # absl's logging asks the flags of the whole process
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(Formatter())
    logging.set_verbosity(logging.WARNING if values.verbosity is None else values.verbosity)
