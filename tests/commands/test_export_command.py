"""tfsv export: the file, its card, what is printed, and one-line errors."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import speech_stub
import tf_keras as keras
from command_runner import run_command

import tfsv
from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.models import NetworkSettings
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks
from tfsv.tasks.model_folder import save_model, write_folder_decision
from tfsv.verification.calibration import Calibration, Quality
from tfsv.verification.evaluation import evaluate_trials, evaluate_with_scores
from tfsv.verification.model_card import speaker_card
from tfsv.verification.scorer import Scorer, decision_of
from tfsv.verification.tflite_embedder import TFLiteEmbedder
from tfsv.verification.trials import read_trials


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("model")
    settings = NetworkSettings("resnet18", 2, 16, 8).resolved()
    save_model(folder, settings.build(), speaker_card(settings, {"bins": 16}))
    return folder


def export(*flags):
    return run_command("export", *flags)


def test_exports_and_measures_the_file_itself(folder, tmp_path):
    names = speech_stub.write_people(tmp_path, people=2, utterances=2)
    pairs = [(0, 1), (2, 3), (0, 2), (1, 3), (0, 3)]
    lines = [f"{int(a // 2 == b // 2)} {names[a]} {names[b]}\n" for a, b in pairs]
    (tmp_path / "trials.txt").write_text("".join(lines))
    (tmp_path / "dev.txt").write_text(lines[0] + lines[-1])
    output = tmp_path / "new" / "model.tflite"
    done = export(
        f"--model={folder}",
        f"--output={output}",
        "--weights=int8",
        f"--trials={tmp_path / 'trials.txt'}",
        f"--dev_trials={tmp_path / 'dev.txt'}",
        f"--root={tmp_path}",
        "--notes=Made of nothing.",
    )
    assert done.returncode == 0, done.stderr
    model = TFLiteEmbedder(output)
    card = model.card
    reported, dev = (
        evaluate_trials(model, read_trials(tmp_path / name), tmp_path, progress=False)
        for name in ("trials.txt", "dev.txt")
    )
    assert card.measured == {
        "eer": reported["eer"].value,
        "min_dcf": reported["min_dcf_0.01"].value,
    }
    assert card.decision == {"thresholds": dev.details["thresholds"]}
    assert card.thresholds != reported.details["thresholds"]
    assert card.notes == "Made of nothing."
    lines = done.stdout.splitlines()
    stem = next(line for line in lines if line.split()[:2] == ["stem", "3"])
    assert stem.split()[-6:] == ["8", "18", "0", "8", "8", "34"]
    assert lines[-2].split() == ["file", f"{output.stat().st_size:,}"]
    assert f"EER {100 * card.measured['eer']:.2f} %" in lines[-1]
    sizes = [int(x.split()[-1].replace(",", "")) for x in lines[1:-1]]
    assert sum(sizes[:-1]) == sizes[-1]


def test_the_file_carries_a_cohort_and_a_calibration(folder, tmp_path):
    names = speech_stub.write_people(tmp_path, people=6, utterances=3)
    speech_stub.write_people(tmp_path / "strangers", people=5, utterances=2)
    pairs = [(a, b) for a in range(18) for b in range(a)]
    lines = [f"{int(a // 3 == b // 3)} {names[a]} {names[b]}\n" for a, b in pairs]
    (tmp_path / "trials.txt").write_text("".join(lines))
    output = tmp_path / "model.tflite"
    flags = (f"--model={folder}", f"--output={output}", "--weights=int8", f"--root={tmp_path}")
    cohort = (f"--cohort={tmp_path / 'strangers'}", "--cohort_size=4", "--top=3")
    done = export(*flags, *cohort, f"--trials={tmp_path / 'trials.txt'}")
    assert done.returncode == 0, done.stderr
    model = TFLiteEmbedder(output)
    assert model.scorer.cohort.shape == (4, 8) and model.scorer.top == 3
    trials = read_trials(tmp_path / "trials.txt")
    report, scores = evaluate_with_scores(model, trials, tmp_path, progress=False)
    assert model.card.measured["eer"] == report["eer"].value
    assert report["cllr"].value < 1
    assert np.mean(scores[trials.labels == 0] >= model.threshold(0.01)) <= 0.01
    cosines = evaluate_trials(model, trials, tmp_path, progress=False, scorer=Scorer())
    assert model.card.thresholds == cosines.details["thresholds"]
    rows = {line.split("  ")[0]: line.split()[-1] for line in done.stdout.splitlines()}
    assert rows["cohort"] == str(10 + 4 * 8)
    shown = run_command("inspect", output)
    assert "cohort      4 vectors of 8 values, int8" in shown.stdout
    assert "scoring     cohort 4, top 3, offset" in shown.stdout
    kinds = [line.split() for line in shown.stdout.splitlines()]
    assert ["cohort", "42"] in kinds
    table = json.loads(run_command("inspect", output, "--json").stdout)
    assert table["cohort"] == [4, 8] and table["bytes_by_kind"]["cohort"] == 42


def test_a_folder_that_carries_a_cohort_gives_it_to_its_file(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    quality = Quality(0.0, 1.0, 2.0, 3.0)
    vectors = np.random.default_rng(0).integers(-9, 10, (5, 8)).astype(np.int8)
    scorer = Scorer(vectors, 2, Calibration(-1.0, 2.0, quality, quality), {"far_0.01": 1.5})
    write_folder_decision(tmp_path / "model", *decision_of({"eer": 0.5}, scorer))
    done = export(f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'model.tflite'}")
    assert done.returncode == 0, done.stderr
    tfsv.export(tmp_path / "model", tmp_path / "other.tflite")
    for name in ("model.tflite", "other.tflite"):
        model = TFLiteEmbedder(tmp_path / name)
        np.testing.assert_array_equal(model.scorer.cohort, vectors)
        assert model.threshold(0.01) == 1.5


def test_packs_with_int8_activations(tmp_path):
    keras.utils.set_random_seed(0)
    settings = NetworkSettings("resnet18", 8, 16, 32).resolved()
    network = quantize(settings.build(), 4)
    refresh_codebooks(network)
    card = speaker_card(settings, {"bins": 16})
    bits = {name: codes.bits for name, codes in coded_weights(network).items()}
    save_model(tmp_path / "model", network, dataclasses.replace(card, bits=bits, scheme="kmeans"))
    names = speech_stub.write_people(tmp_path, people=2, utterances=2)
    utterances = [Utterance(n, n.split("/")[0], "", n, 0.5, "train") for n in names]
    write_manifest(tmp_path / "manifest.tsv", utterances)
    output = tmp_path / "model.tflite"
    flags = [f"--model={tmp_path / 'model'}", f"--output={output}", "--weights=packed"]
    refused = export(*flags, "--compute=int8")
    assert refused.stderr.splitlines()[-1].startswith("error: --compute=int8: needs recordings")
    (tmp_path / "trials.txt").write_text(f"1 {names[0]} {names[1]}\n0 {names[0]} {names[2]}\n")
    done = export(
        *flags,
        "--compute=int8",
        f"--calibration={tmp_path / 'manifest.tsv'}",
        f"--trials={tmp_path / 'trials.txt'}",
        f"--root={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    (steps,) = (line for line in done.stdout.splitlines() if line.startswith("EER %: "))
    names = [step.split()[0] for step in steps.removeprefix("EER %: ").split(", ")]
    assert names == ["keras", "float32", "int8_weights", "int8"]
    stem = next(line for line in done.stdout.splitlines() if line.startswith("stem "))
    assert stem.split()[-6:] == ["4", "36", "16", "32", "32", "116"]
    assert TFLiteEmbedder(output).card.bits == bits


def test_a_bad_model_folder_is_one_line(tmp_path):
    done = export(f"--model={tmp_path}", f"--output={tmp_path / 'model.tflite'}")
    assert done.returncode == 1 and "not a model folder" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_bad_flags_are_one_line(folder):
    done = export(f"--model={folder}", "--output=model.onnx")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: --output=model.onnx: must end in .tflite"
    done = export(f"--model={folder}", "--output=model.tflite", "--dev_trials=dev.txt")
    assert done.returncode == 1 and "error: --dev_trials: give --trials too" in done.stderr
