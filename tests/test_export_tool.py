import pathlib
import subprocess
import sys

import pytest
import speech_stub

from tfsv.card import ModelCard
from tfsv.export.loader import TFLiteEmbedder
from tfsv.model_folder import save_model
from tfsv.models import build_network

TOOL = pathlib.Path(__file__).resolve().parents[1] / "tools" / "export_tflite.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    save_model(folder, network, ModelCard("resnet18", 2, 16, 8, front_end={"bins": 16}))
    return folder


def export(*flags):
    command = [sys.executable, TOOL, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_exports_and_measures_the_file_itself(folder, tmp_path):
    names = speech_stub.write_people(tmp_path, people=2, utterances=2)
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3)]
    lines = [f"{int(a // 2 == b // 2)} {names[a]} {names[b]}\n" for a, b in pairs]
    (tmp_path / "trials.txt").write_text("".join(lines))
    output = tmp_path / "new" / "model.tflite"
    done = export(
        f"--model={folder}",
        f"--output={output}",
        "--weights=int8",
        f"--trials={tmp_path / 'trials.txt'}",
        f"--root={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    card = TFLiteEmbedder(output).card
    assert 0 <= card.eer <= 1 and "eer" in card.thresholds and card.min_dcf is not None
    lines = done.stdout.splitlines()
    stem = next(line for line in lines if line.split()[:2] == ["stem", "3"])
    assert stem.split()[-2:] == ["8", "26"]
    assert lines[-2].split() == ["file", f"{output.stat().st_size:,}"]
    assert f"EER {100 * card.eer:.2f} %" in lines[-1]
    sizes = [int(x.split()[-1].replace(",", "")) for x in lines[1:-1]]
    assert sum(sizes[:-1]) == sizes[-1]


def test_a_bad_model_folder_is_one_line(tmp_path):
    done = export(f"--model={tmp_path}", f"--output={tmp_path / 'model.tflite'}")
    assert done.returncode == 1 and "not a model folder" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_bad_flags_are_one_line(folder):
    done = export(f"--model={folder}", "--output=model.onnx")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: --output=model.onnx: must end in .tflite"
