"""Golden separators are written, and what is changed in them is noticed."""

import json
import shutil

import numpy as np
import pytest

from tfsv.goldens import GOLDEN_SEPARATORS, check_goldens, write_goldens
from tfsv.goldens.checking import INDEX
from tfsv.goldens.separator_writing import write_separators
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.recordings import read_recording
from tfsv.separation.tflite_separator import TFLiteSeparator


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of the golden separators and no other models, and its index."""
    folder = tmp_path_factory.mktemp("golden")
    return folder, write_goldens(folder, {})


def test_what_is_written_agrees_with_this_machine(written):
    folder, index = written
    compared = [*check_goldens(folder)]
    assert all(line.passed for line in compared)
    assert [line.model for line in compared] == [n for n in GOLDEN_SEPARATORS for _ in range(2)]
    assert {line.subject for line in compared} == {"expanded", "mixture.wav"}
    assert index["models"] == []


def test_the_sound_is_that_of_the_whole_recording(written):
    folder, index = written
    for golden in index["separators"]:
        sound = np.frombuffer((folder / golden["separated"]).read_bytes(), "<f4")
        heard = read_recording(folder / golden["mixture"], LINE_OF_15)
        assert sum(golden["pieces"]) < heard.shape[1] and heard.shape[1] % 256
        wanted = TFLiteSeparator(folder / golden["file"])(heard, golden["angle"])
        assert np.linalg.norm(sound - wanted) < 1e-5 * np.linalg.norm(wanted)
        assert np.std(wanted) > 1e-3


def test_the_same_bytes_are_written_again(written, tmp_path):
    folder, _ = written
    write_separators(tmp_path, {"separator_batch": GOLDEN_SEPARATORS["separator_batch"]})
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_another_sound_and_another_angle_are_noticed(written, tmp_path):
    shutil.copytree(written[0], tmp_path, dirs_exist_ok=True)
    name = "separator_batch.separated"
    sound = np.frombuffer((tmp_path / name).read_bytes(), "<f4")
    (tmp_path / name).write_bytes((1.001 * sound).astype("<f4").tobytes())
    index = json.loads((tmp_path / INDEX).read_text())
    index["separators"][1]["angle"] += 1
    (tmp_path / INDEX).write_text(json.dumps(index))
    failed = [(line.model, line.subject) for line in check_goldens(tmp_path) if not line.passed]
    assert failed == [(name, "mixture.wav") for name in GOLDEN_SEPARATORS]
