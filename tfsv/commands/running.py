"""How a command starts and how it fails."""

import contextlib
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # both are read when TensorFlow is loaded
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import flags

from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.signals import ENDING, Terminated

_NOT_READ = 141
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}

Main = Callable[[Any, list[str]], int | None]
"""A function that takes flags and arguments and returns the exit status; None stands for 0."""


class Command:
    """A command: its flags, what it does, and how it fails.

    The flags are the command's own, made anew for each run, so that several commands can be
    imported into one process. Every command has --flagfile, --help and --verbosity too.

    An `InputError`, a full disk or a bad flag is printed as one line and ends with status 1. Ctrl-C
    ends with status 130 and SIGTERM with 143, after one line that says how to go on. A pipe that
    nobody reads on, such as one into `head`, ends it with status 141 and without a word. Anything
    else is a defect of tfsv and keeps its traceback.

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
        resumes: Whether the command, started again, goes on where it was stopped. A text: it does
            so if the flag of this name is given.
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
        resumes: bool | str = False,
        program: str = "tfsv",
    ):
        self.name = name
        self.help = help
        self._define = define
        self._main = main
        self._takes_arguments = takes_arguments
        self._separator = separator
        self._resumes = resumes
        self._called = f"{program} {name}"

    def run(self, arguments: Sequence[str] | None = None) -> NoReturn:
        """Parses the flags, does the work and exits.

        Args:
            arguments: The words behind the command's name. None: those of this process.
        """
        arguments = sys.argv[1:] if arguments is None else list(arguments)
        with ending_in_a_line():
            sys.exit(self._status(arguments))

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

    def _how_to_go_on(
        self, error: KeyboardInterrupt, values: flags.FlagValues, words: Sequence[str]
    ) -> str:
        """What a stopped command says: what was kept, and the command that goes on."""
        name = _NAMES[_signal_of(error)]
        told = str(error).partition(";")[0] or f"stopped by {name}"
        resumes = values[self._resumes].value if self._resumes in values else self._resumes
        aim = "to go on from there" if resumes else "to start anew"
        return f"{told}; {aim}, run: {shlex.join([*self._called.split(), *words])}"

    def _status(self, words: Sequence[str]) -> int | None:
        values, arguments = self.parsed(words)
        _start_logging(values)
        try:
            return self._main(values, arguments)
        except InputError as error:
            sys.exit(f"error: {with_dashes(str(error), values)}")
        except KeyboardInterrupt as error:
            error.args = (self._how_to_go_on(error, values, words),)
            raise

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


@contextlib.contextmanager
def ending_in_a_line() -> Iterator[None]:
    """Ends the process in one line, not a traceback, if it is stopped or what it prints is lost.

    Example:
        >>> with ending_in_a_line():
        ...     print(page())
    """
    for name in ("stdout", "stderr"):  # None where they are closed, as a service may have them
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    try:
        with _sigterm_raises():
            try:
                yield
            finally:
                sys.stdout.flush()
    except KeyboardInterrupt as error:
        number = _signal_of(error)
        _end_at_once_from_now_on()
        told = str(error) or f"stopped by {_NAMES[number]}"
        print(f"\n{told}" if sys.stderr.isatty() else told, file=sys.stderr)  # behind ^C
        sys.exit(128 + number)
    except BrokenPipeError:
        _let_go_of_stdout()
        sys.exit(_NOT_READ)
    except OSError as error:
        short = shortage(error, error.filename)
        if short is None:
            raise
        try:
            sys.stdout.flush()
        except OSError:
            _let_go_of_stdout()
        name = error.filename or "the output"
        sys.exit(f"error: {name}: not written ({short.cause}); {short.remedy}")


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Lets SIGTERM end the block as Ctrl-C does, so that nothing is left half done."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _signal_of(error: KeyboardInterrupt) -> signal.Signals:
    return signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT


def _terminate(number: int, frame: Any) -> NoReturn:
    raise Terminated


def _end_at_once_from_now_on() -> None:
    """Lets a further Ctrl-C end the process while Python cleans up, without a traceback."""
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)


def _let_go_of_stdout() -> None:
    """Python writes what is left at its end, and would print an error then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
