"""How every command of `tools/` starts and how it fails."""

import os
import sys
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from absl import app, flags, logging

from tfsv.errors import InputError


def run(main: Callable[[Sequence[str]], None], *, separator: bool = False) -> None:
    """Parses the flags, runs `main(arguments)` and exits.

    An `InputError` and a bad flag are printed as one line and end with status 1; Ctrl-C ends with
    130. Anything else is a defect of tfsv and keeps its traceback.

    Args:
        main: Takes the arguments that are no flags, without the program's name.
        separator: Whether `main` gets the `--` of the command line too; absl swallows it. What
            follows it is no flag in either case.
    """

    def guarded(arguments: Sequence[str]) -> None:
        logging.use_absl_handler()
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            main(arguments[1:])
        except InputError as error:
            sys.exit(f"error: {error}")
        except KeyboardInterrupt:
            sys.exit(130)

    def parsed(arguments: Sequence[str]) -> list[str]:
        arguments = list(arguments)
        end = arguments.index("--") if separator and "--" in arguments else len(arguments)
        return [*_parse_flags(arguments[:end]), *arguments[end:]]

    app.run(guarded, flags_parser=parsed)


def _parse_flags(arguments: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(list(arguments))
    except flags.Error as error:
        sys.exit(f"error: {str(error).splitlines()[0]}; see {arguments[0]} --help")
