"""Processes that work for this one and end with it."""

import multiprocessing
import multiprocessing.connection
import multiprocessing.process
import signal
from collections.abc import Callable
from multiprocessing import resource_tracker
from typing import Any

Pipe = multiprocessing.connection.Connection
"""One end of a pipe between two processes."""


def started(
    serve: Callable[[Pipe, Any], None], work: Any
) -> tuple[Pipe, multiprocessing.process.BaseProcess]:
    """Starts a process that calls `serve` with one end of a pipe and `work`.

    Ctrl-C is blocked in the process, for the parent ends it. It sees by the end of its pipe that
    the parent is gone.

    Example:
        >>> pipe, process = started(serve, math.sqrt)
        >>> pipe.send(4)

    Args:
        serve: Picklable function that the process runs.
        work: Picklable second argument of it.

    Returns:
        The other end of the pipe, and the process.
    """
    context = multiprocessing.get_context("spawn")  # safe beside TensorFlow's threads
    resource_tracker.ensure_running()  # which would unblock signals in the first process's start
    pipe, other = context.Pipe()
    process = context.Process(target=serve, args=(other, work), daemon=True)
    # A process starts with the mask of its parent. Ctrl-C goes to both; the parent ends both.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    other.close()
    return pipe, process
