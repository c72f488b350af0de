"""Ctrl-C and SIGTERM in mid-work: held back until what was done is on disk."""

import os
import signal
import threading
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that ask for an end: Ctrl-C, and what `kill` and a machine that shuts down send."""


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception, so that it ends work in the same way as Ctrl-C.

    Example:
        >>> try:
        ...     command_body()
        ... except Terminated:
        ...     sys.exit(143)
    """


class HeldSignals:
    """Signals of `ENDING` that wait until the work can be interrupted without a loss.

    From `hold` to the end of the block the first signal is only noted. Work that sees `waiting`
    keeps what it has and calls `deliver`. The signal then does what it would have done at once:
    Ctrl-C raises `KeyboardInterrupt`, SIGTERM ends the process, a handler of the caller is called.
    A second signal is not held back.

    Handlers can be set in the main thread only, so nothing is held back in others. Signals that
    the process ignores stay ignored.

    Example:
        >>> with HeldSignals() as signals:
        ...     for step in range(steps):
        ...         take(step)
        ...         signals.hold()
        ...         if signals.waiting:
        ...             save_checkpoint()
        ...             signals.deliver("stopped; the checkpoint is written")
    """

    def __init__(self):
        self._before: dict[int, Any] = {}
        self._waiting: int | None = None

    def __enter__(self) -> "HeldSignals":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self.deliver()
        self._before = {}

    @property
    def waiting(self) -> bool:
        """Whether a signal was held back that is not delivered yet."""
        return self._waiting is not None

    def hold(self) -> None:
        """Holds signals back from now on. Further calls do nothing."""
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING:
            handler = signal.getsignal(number)
            # None: a handler that was not set from Python and could not be set again.
            if handler not in (signal.SIG_IGN, None):
                self._before[number] = handler
                signal.signal(number, self._note)

    def deliver(self, message: str = "") -> None:
        """Lets the signal that waits, if there is one, do what it would have done without `hold`.

        Args:
            message: What was kept, for a `KeyboardInterrupt` that says nothing itself.

        Raises:
            KeyboardInterrupt: The signal's handler raises it, as Python's own for Ctrl-C does.
        """
        number, self._waiting = self._waiting, None
        if number is None:
            return
        try:
            self._pass_on(number, None)
        except KeyboardInterrupt as error:
            error.args = error.args or (message,)
            raise

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.waiting:
            self._pass_on(number, frame)
        else:
            self._waiting = number

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        handler = self._before[number]
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
