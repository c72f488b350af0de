import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.goldens import checking as golden_check
from tfsv.goldens.checking import INDEX, OTHER_KIND, SAME_KIND, check_goldens, tolerance
from tfsv.goldens.writing import GOLDEN_MODELS, write_goldens

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "mobile_demo" / "golden"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of one model, and its index."""
    folder = tmp_path_factory.mktemp("golden")
    return folder, write_goldens(folder, {"packed_2bit": GOLDEN_MODELS["packed_2bit"]})


def test_what_is_written_agrees_with_this_machine(written):
    folder, index = written
    compared = [*check_goldens(folder)]
    assert all(line.passed for line in compared)
    assert len(compared) == 1 + len(index["utterances"]) + len(index["trials"])
    assert {line.subject for line in compared} >= {"expanded", *index["utterances"]}
    (model,) = index["models"]
    assert set(model["accepted"]) == {True, False}
    margin = np.abs(np.array(model["scores"]) - model["threshold"]).min()
    assert margin > OTHER_KIND.score


def test_the_committed_files_agree_and_are_small():
    command = [sys.executable, ROOT / "tools" / "make_goldens.py", f"--check={COMMITTED}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 failed")
    assert {path.stem for path in COMMITTED.glob("*.tflite")} == set(GOLDEN_MODELS)
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 1_000_000


@pytest.mark.parametrize("file, subject", [("packed_2bit.embeddings", "speaker0_0.wav")])
def test_a_golden_bit_that_is_turned_over_is_noticed(written, tmp_path, file, subject):
    for path in written[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray((tmp_path / file).read_bytes())
    content[0] ^= 1
    (tmp_path / file).write_bytes(content)
    failed = [line.subject for line in check_goldens(tmp_path) if not line.passed]
    assert failed == [subject]


def test_exactness_is_asked_of_the_same_kind_of_machine_only(written, monkeypatch):
    index = written[1]
    assert tolerance(index) is SAME_KIND
    monkeypatch.setattr(golden_check.platform, "machine", lambda: "aarch64")
    assert tolerance(index) is OTHER_KIND


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(InputError, match="no golden files"):
        [*check_goldens(tmp_path)]
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(InputError, match="no golden files"):
        [*check_goldens(tmp_path)]
