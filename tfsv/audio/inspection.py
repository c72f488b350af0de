"""Inspecting many sound files in parallel, whatever they do to the decoder."""

import contextlib
import multiprocessing.connection
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tfsv.audio.soundfiles import LONGEST_SECONDS, SHORTEST_SECONDS, SoundInfo, sound_info
from tfsv.errors import InputError
from tfsv.processes import Pipe, started

_READY = None  # what a worker sends first, when it has imported everything
_START_SECONDS = 120.0


@dataclass(frozen=True)
class SoundLimits:
    """The check that every file is neither too short nor too long. Worker processes call it.

    Example:
        >>> SoundLimits(minimum_seconds=0.3)("speech.wav").seconds
        2.5

    Attributes:
        minimum_seconds: Shortest duration that is taken.
        maximum_seconds: Longest duration that is taken.
    """

    minimum_seconds: float = SHORTEST_SECONDS
    maximum_seconds: float = LONGEST_SECONDS

    def __call__(self, path: str | os.PathLike) -> SoundInfo:
        return sound_info(
            path,
            minimum_seconds=self.minimum_seconds,
            maximum_seconds=self.maximum_seconds,
        )


def inspect_all(
    paths: Sequence[str | os.PathLike],
    *,
    workers: int,
    timeout_seconds: float = 60.0,
    check: Callable[[str | os.PathLike], SoundInfo],
) -> Iterator[tuple[int, SoundInfo | str]]:
    """Inspects files in worker processes.

    A file on which the decoder crashes costs its worker only. A file on which it hangs is given up
    after `timeout_seconds`. The worker is replaced, and the others go on. A `concurrent.futures`
    pool would not do: a dead worker breaks it, and a hanging one stays in it.

    Example:
        >>> outcomes = dict(inspect_all(["speech.wav"], workers=1, check=SoundLimits()))
        >>> outcomes[0].seconds
        2.5

    Args:
        paths: Paths of the files.
        workers: Number of processes, at least 1.
        timeout_seconds: Longest time that one file may take.
        check: Picklable function that a worker calls with a path, such as a `SoundLimits`.

    Yields:
        Pairs of an index into `paths` and either facts about the file or the reason why it is
        unfit. They come in the order in which files are done.
    """
    waiting = iter(enumerate(paths))
    busy: dict[Pipe, _Worker] = {}
    try:
        for _ in range(min(workers, len(paths))):
            worker = _Worker(check)
            worker.start(*next(waiting), timeout_seconds)
            busy[worker.pipe] = worker
        while busy:
            patience = min(worker.deadline for worker in busy.values()) - time.monotonic()
            for pipe in multiprocessing.connection.wait(list(busy), max(0.0, patience)):
                worker = busy.pop(pipe)
                index = worker.index
                try:
                    outcome = pipe.recv()
                    if outcome is _READY:
                        worker.expect(timeout_seconds)
                        busy[pipe] = worker
                        continue
                except (EOFError, ConnectionError):
                    outcome = f"{worker.path}: the decoder crashed on it; copy or convert it again"
                    worker.stop()
                    worker = _Worker(check)
                _next_file(worker, waiting, busy, timeout_seconds)
                yield index, outcome
            now = time.monotonic()
            for pipe in [pipe for pipe, worker in busy.items() if worker.deadline <= now]:
                worker = busy.pop(pipe)
                worker.stop()
                _next_file(_Worker(check), waiting, busy, timeout_seconds)
                yield (
                    worker.index,
                    f"{worker.path}: not decoded within {timeout_seconds:g} s; "
                    "copy or convert it again",
                )
    finally:
        for worker in busy.values():
            worker.stop()


class _Worker:
    """A process that inspects one file at a time."""

    def __init__(self, check: Callable[[str | os.PathLike], SoundInfo]):
        self.pipe, self.process = started(_serve, check)
        self.ready = False

    def start(self, index: int, path: str | os.PathLike, timeout_seconds: float) -> None:
        self.index, self.path = index, path
        self.deadline = time.monotonic() + (timeout_seconds if self.ready else _START_SECONDS)
        with contextlib.suppress(ConnectionError):  # it died meanwhile; waiting will tell
            self.pipe.send(path)

    def expect(self, timeout_seconds: float) -> None:
        """Starts the time of the first file, since the process is ready now."""
        self.ready = True
        self.deadline = time.monotonic() + timeout_seconds

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _next_file(worker: _Worker, waiting, busy: dict, timeout_seconds: float) -> None:
    for index, path in waiting:
        worker.start(index, path, timeout_seconds)
        busy[worker.pipe] = worker
        return
    worker.stop()


def _serve(pipe: Pipe, check: Callable[[str | os.PathLike], SoundInfo]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # mp3 decoders chatter over the progress bar
    pipe.send(_READY)
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        try:
            outcome = check(path)
        except InputError as error:
            outcome = str(error)
        except Exception as error:  # a defect of a decoder is a reason to skip one file
            outcome = f"{path}: {type(error).__name__}: {' '.join(str(error).split())}"
        pipe.send(outcome)
