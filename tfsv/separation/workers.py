"""Work of minutes on several processes, which end with the one that started them."""

import multiprocessing.connection
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfsv.errors import InputError
from tfsv.processes import Pipe, started


def outcomes_of(
    work: Callable[[Any], Any], items: Sequence[Any], *, jobs: int
) -> Iterator[tuple[int, Any]]:
    """Calls `work` with each item, in `jobs` processes, which take one item at a time.

    A worker whose parent is killed ends after its item. An interrupted caller ends them at once.
    `concurrent.futures` does neither, and `multiprocessing.Pool` waits for ever for a worker that
    the system killed for want of memory.

    Example:
        >>> dict(outcomes_of(math.sqrt, [4, 9], jobs=2))
        {0: 2.0, 1: 3.0}

    Args:
        work: Picklable function of an item.
        items: What it is called with.
        jobs: Number of processes, at least 1.

    Yields:
        Pairs of an index into `items` and the outcome, in the order in which they are done.

    Raises:
        InputError: The work raised it, or a worker was killed.
        RuntimeError: The work raised something else; the message has the traceback.
    """
    waiting = iter(enumerate(items))
    workers: dict[Pipe, Any] = {}
    try:
        for _ in range(min(jobs, len(items))):
            pipe, process = started(_serve, work)
            workers[pipe] = process
            pipe.send(next(waiting))
        while workers:
            for pipe in multiprocessing.connection.wait(list(workers)):
                try:
                    index, outcome, fault = pipe.recv()
                except (EOFError, ConnectionError) as error:
                    raise InputError(
                        f"jobs={jobs}: a process was killed, perhaps for want of memory; use fewer"
                    ) from error
                if fault is not None:
                    raise fault
                if (item := next(waiting, None)) is None:
                    workers.pop(pipe).kill()
                else:
                    pipe.send(item)
                yield index, outcome
    finally:
        for process in workers.values():
            process.kill()
        for process in workers.values():
            process.join()


def _serve(pipe: Pipe, work: Callable[[Any], Any]) -> None:
    try:
        while True:
            index, item = pipe.recv()
            try:
                answer = index, work(item), None
            except InputError as error:
                answer = index, None, InputError(str(error))
            except Exception:
                answer = index, None, RuntimeError(f"in a worker:\n{traceback.format_exc()}")
            pipe.send(answer)
    except (EOFError, ConnectionError):
        os._exit(0)  # the parent is gone
