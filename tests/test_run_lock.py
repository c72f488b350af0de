"""One process in a folder: the second is told, a dead one leaves nothing."""

import errno
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from tfsv.errors import InputError
from tfsv.run_lock import alone_in

ROOT = pathlib.Path(__file__).resolve().parents[1]
_HOLDER = """
import sys, time
from tfsv.run_lock import alone_in
with alone_in(sys.argv[1], beside=sys.argv[2:] == ["beside"]):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(*arguments):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    return process


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("arguments", [[], ["beside"]])
def test_the_second_names_the_first_and_a_killed_one_is_no_hindrance(tmp_path, arguments):
    path = tmp_path / "manifest.tsv" if arguments else tmp_path
    process = holder(path, *arguments)
    try:
        line = f"{path}: process {process.pid} on {socket.gethostname()} is at work there; wait"
        with pytest.raises(InputError) as told, alone_in(path, beside=bool(arguments)):
            pass
        assert str(told.value).startswith(line) and "\n" not in str(told.value)
    finally:
        killed(process)
    assert len(list(tmp_path.iterdir())) == 1  # the dead one's file, which locks nothing
    with alone_in(path, beside=bool(arguments)):
        pass
    assert not list(tmp_path.iterdir())


def test_the_end_of_the_block_ends_the_lock_however_it_ends(tmp_path):
    for error in (None, KeyboardInterrupt, InputError):
        try:
            with alone_in(tmp_path):
                with pytest.raises(InputError, match=f"process {os.getpid()} on"):
                    alone_in(tmp_path).__enter__()
                if error:
                    raise error
        except (KeyboardInterrupt, InputError):
            pass
    assert not list(tmp_path.iterdir())


def test_a_file_that_vanishes_while_it_is_opened_is_no_lock(tmp_path, monkeypatch):
    """The first one unlinks it between the second's opening and locking; a third may come."""
    real, seen = fcntl.flock, []

    def flock(handle, how):
        if not seen:
            (tmp_path / ".lock").unlink()
        seen.append(os.fstat(handle).st_ino)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(tmp_path), pytest.raises(InputError, match="at work"):
        alone_in(tmp_path).__enter__()
    assert len(seen) == 3 and not list(tmp_path.iterdir())


def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, caplog):
    def flock(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass
    assert caplog.messages[0] == (
        f"{tmp_path}: its file system has no locks; see that no other process works there"
    )
    assert not list(tmp_path.iterdir())


def test_no_room_for_the_name_of_the_holder(tmp_path, monkeypatch):
    def write(handle, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with alone_in(tmp_path), pytest.raises(InputError, match="another process is at work there"):
        alone_in(tmp_path).__enter__()
