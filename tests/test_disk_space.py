"""What is said where a disk takes no more."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.files import replacing, write_array, write_json, write_text
from tfsv.tasks.model_folder import save_model
from tfsv.training.curves import Curves


@contextlib.contextmanager
def no_file_above(size):
    """The largest file of this process: a full disk for those who have none."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def network():
    return keras.Sequential([keras.layers.Dense(200, input_shape=(200,))])


def drawn(path):
    import matplotlib.figure

    with replacing(path) as part:
        figure = matplotlib.figure.Figure()
        figure.gca().imshow(np.random.default_rng(0).random((200, 200)))
        figure.savefig(part, format="png")


WRITERS = {
    "table.txt": lambda path: write_text(path, "x" * 50_000),
    "table.json": lambda path: write_json(path, ["x" * 50_000]),
    "array.npy": lambda path: write_array(path, np.zeros(50_000)),
    "picture.png": drawn,
    "network.weights.h5": lambda path: save_model(path.parent, network(), ModelCard()),
}
"""Everything that writes a file, with what it writes it with."""


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("size", [0, 1000, 9000])
def test_a_file_that_finds_no_room_leaves_the_old_one(tmp_path, name, size):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(InputError) as told, no_file_above(size):
        WRITERS[name](path)
    line = str(told.value)
    assert line.startswith(f"{path}: not written (File too large") and "\n" not in line
    assert line.endswith("run again") and "nothing was changed" in line
    assert path.read_text() == "old" and os.listdir(tmp_path) == [name]


def test_what_is_wanted_and_what_is_free_is_told(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(InputError) as told, replacing(tmp_path / "a.tflite", 1_234_567):
        raise error
    free = shutil.disk_usage(tmp_path).free
    cause, remedy = shortage(error, tmp_path / "absent" / "a.tflite", 1_234_567)
    assert cause.startswith("No space left on device, 1.2 MB or more wanted, ")
    number, unit = cause.split(", ")[2].split()[:2]
    assert float(number) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit] == pytest.approx(
        free, rel=0.1
    )
    assert os.path.ismount(cause.rpartition(" on ")[2]) and "free some space" in remedy
    assert "1.2 MB or more wanted" in str(told.value)


def test_a_disk_without_room_for_names_says_so(tmp_path, monkeypatch):
    full = os.statvfs_result((4096, 4096, 10, 5, 5, 100, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    cause, remedy = shortage(OSError(errno.ENOSPC, ""), tmp_path)
    assert "can hold no more files" in cause and "delete files" in remedy


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.EDQUOT, "quota"), "Disk quota exceeded"),
        (OSError(errno.EIO, ""), "Input/output error"),
        (
            OSError("write failed: errno = 28, error message = 'No space left on device'"),
            "No space",
        ),
        (tf.errors.ResourceExhaustedError(None, None, "a/b; No space left on device"), "No space"),
        (RuntimeError("Can't flush (error message = 'File too large')"), "File too large"),
    ],
)
def test_other_writers_words_are_understood(tmp_path, error, cause):
    assert shortage(error, tmp_path).cause.startswith(cause)
    with pytest.raises(InputError, match=cause), replacing(tmp_path / "x"):
        raise error


def test_other_failures_are_no_shortage(tmp_path):
    memory = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    for error in (memory, PermissionError(errno.EACCES, "Permission denied"), ValueError("x")):
        assert shortage(error, tmp_path) is None


def test_curves_that_find_no_room(tmp_path):
    curves = Curves(tmp_path / "tensorboard")
    line = "tensorboard: curves not written .File too large"
    with pytest.raises(InputError, match=line), no_file_above(2000):
        for step in range(100):
            curves.write({"loss": 1.0}, step)
        curves.flush()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_an_output_that_cannot_be_written_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tfsv", "train", "--help"],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "error: the output: not written (No space left on device); free some space there and run "
        "again\n"
    )
