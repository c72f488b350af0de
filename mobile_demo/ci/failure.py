"""What stops a command of this folder with one line instead of a traceback."""

import subprocess
import sys
from collections.abc import Callable, Sequence


class BuildError(Exception):
    """A step of the build that did not work; the message says which and why."""


def run(command: Sequence[object], what: str) -> str:
    """Runs a command and returns what it prints.

    Args:
        command: The program and its arguments.
        what: The step, for the message of a failure.

    Returns:
        Standard output.

    Raises:
        BuildError: The program is missing or did not end with 0; carries all that it printed.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"{what}: {error.filename} is not installed") from error
    if done.returncode:
        raise BuildError(f"{what} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def exiting(main: Callable[[], None]) -> None:
    """Runs `main`; a BuildError becomes a message on standard error and exit status 1."""
    try:
        main()
    except BuildError as failure:
        sys.exit(f"error: {failure}")
