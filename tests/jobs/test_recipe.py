"""The whole training path on a corpus of seconds: kill, resume, other settings, replicas."""

import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command_runner import run_command

from tfsv.audio.voices import voices_manifest
from tfsv.report import Report

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = [
    "--speakers=8", "--utterances=4", "--channels=2", "--bins=16", "--embedding_size=8",
    "--batch_size=4", "--crop_seconds=0.5", "--speed_factors=1.0,0.9", "--epochs=1.5",
    "--last_learning_rate=0.01", "--finetune_epochs=1", "--refresh_steps=3", "--checkpoint_steps=2",
    "--bits=2", "--control",
]  # fmt: skip

STOPS = {
    "float": signal.SIGKILL, "fine_tuned": signal.SIGTERM, "control": signal.SIGINT,
}  # fmt: skip
"""Signals that stop a run, by the model that it is at work at."""

OLDER = ("float", "post_training", "control")
"""Models of a run that the first version of tfsv made, in a test."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    voices_manifest(speakers=8, utterances=4, cache=folder)
    return folder


def command(cache, *arguments):
    environment = {**os.environ, "TFSV_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "tfsv", "train", *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def train(cache, *arguments):
    process = command(cache, *arguments)
    output, _ = process.communicate(timeout=400)
    return process.returncode, output


def refused(cache, monkeypatch, *arguments):
    """What a run says that cannot start; nothing else may be said."""
    monkeypatch.setenv("TFSV_CACHE", str(cache))
    done = run_command("train", *TINY, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def whole_run(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    code, output = train(cache, *TINY, f"--run_dir={folder}")
    assert code == 0, output
    return folder, output


def weights(folder):
    from tfsv.tasks.model_folder import load_model

    network, _ = load_model(folder)
    return network.get_weights()


def test_reports_every_model(whole_run):
    folder, output = whole_run
    for name in ("float", "post_training", "fine_tuned", "control"):
        report = Report.read(folder / name)
        assert 0 <= report["eer"].value <= 1
        assert f"{100 * report['eer'].value:.2f}" in output
    assert (folder / "float" / "tensorboard").is_dir()
    assert "crops/s" in output


def test_bits_and_thresholds_are_in_the_card(whole_run):
    card = json.loads((whole_run[0] / "fine_tuned" / "card.json").read_text())
    assert set(card["bits"].values()) == {2} and len(card["bits"]) == 21
    assert -1 <= card["decision"]["thresholds"]["eer"] <= 1
    for array in weights(whole_run[0] / "post_training"):
        assert np.isfinite(array).all()


def test_a_stopped_run_ends_with_the_same_weights(cache, whole_run, tmp_path, monkeypatch):
    """Killed in the float training, stopped by SIGTERM and Ctrl-C in what follows."""
    folder = tmp_path / "stopped"
    for stage, number in STOPS.items():
        process = command(cache, *TINY, f"--run_dir={folder}")
        while not list((folder / stage / "checkpoints").glob("ckpt-*.index")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        line = refused(cache, monkeypatch, f"--run_dir={folder}")
        assert f"{folder}: process {process.pid} on " in line and "is at work there" in line
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
        assert not (folder / stage / "card.json").exists(), "the signal came too late to test"
        assert "Traceback" not in output
        if number == signal.SIGKILL:
            continue
        line = output.splitlines()[-1]
        words = shlex.join([*TINY, f"--run_dir={folder}"])
        assert process.returncode == 128 + number
        assert line.startswith(f"{folder / stage}: stopped after step "), output
        assert line.endswith(f"; to go on from there, run: tfsv train {words}")
        assert not list(folder.rglob(".*"))
    code, output = train(cache, *TINY, f"--run_dir={folder}")
    assert code == 0, output
    for name in ("float", "fine_tuned", "control"):
        for one, other in zip(weights(whole_run[0] / name), weights(folder / name), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_finished_run_is_only_read(cache, whole_run):
    folder, output = whole_run
    stamp = (folder / "fine_tuned" / "network.weights.h5").stat().st_mtime
    code, again = train(cache, *TINY, f"--run_dir={folder}")
    assert code == 0 and again.splitlines()[-5:] == output.splitlines()[-5:]
    assert (folder / "fine_tuned" / "network.weights.h5").stat().st_mtime == stamp


def test_starts_from_a_float_model_with_another_scheme(cache, whole_run, tmp_path):
    """With its class vectors, or without, as an imported one."""
    bare = tmp_path / "bare"
    shutil.copytree(whole_run[0] / "float", bare)
    (bare / "head.npy").unlink()
    outcomes = []
    for name, start in (("whole", whole_run[0] / "float"), ("bare", bare)):
        folder = tmp_path / name
        flags = [f"--run_dir={folder}", f"--start={start}", "--scheme=uniform:scale=max"]
        code, output = train(cache, *TINY, *flags)
        assert code == 0, output
        assert not (folder / "float").exists() and (folder / "control" / "card.json").exists()
        card = json.loads((folder / "fine_tuned" / "card.json").read_text())
        assert card["scheme"] == "uniform:scale=max" and card["network"]["name"] == "resnet18"
        assert ("class vectors" in output) == (name == "bare")
        outcomes.append(weights(folder / "post_training"))
        assert all(np.isfinite(array).all() for array in weights(folder / "fine_tuned"))
    for one, other in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bit_plan_is_fine_tuned_in_stages(cache, whole_run, tmp_path):
    from tfsv.bitwidth.plan import BitPlan, LayerPlan

    start = whole_run[0] / "float"
    names = json.loads((whole_run[0] / "fine_tuned" / "card.json").read_text())["bits"]
    layers = {n: LayerPlan(1 + i % 4, 0, float(i), "") for i, n in enumerate(names)}
    BitPlan("resnet18", "hand", 1, layers).write(tmp_path / "plan.json")
    flags = [f"--run_dir={tmp_path / 'run'}", f"--start={start}", "--nocontrol", "--bits=0"]
    flags += [f"--bit_plan={tmp_path / 'plan.json'}", "--stages=3", "--stage_order=sensitivity"]
    code, output = train(cache, *TINY, *flags)
    assert code == 0, output
    card = json.loads((tmp_path / "run" / "fine_tuned" / "card.json").read_text())
    assert card["bits"] == {name: layer.bits for name, layer in layers.items()}
    assert "stage 3/3" in output and not (tmp_path / "run" / "control").exists()
    BitPlan("resnet18", "hand", 1, {"stem": layers["stem"]}).write(tmp_path / "plan.json")
    flags[0] = f"--run_dir={tmp_path / 'other'}"
    code, output = train(cache, *TINY, *flags)
    assert code == 1 and "bit plan for resnet18: lacks embedding, stage1_block1_conv1" in output
    assert not list((tmp_path / "other").glob("*"))


def test_a_float_model_is_trained_further_at_more_speeds(cache, whole_run, tmp_path):
    before = whole_run[0] / "float"
    code, output = train(
        cache, *TINY, "--bits=0", "--nocontrol", "--speed_factors=1.0,0.9,1.1", "--epochs=0.1",
        "--learning_rate=1e-12", "--last_learning_rate=1e-12", "--weight_decay=0",
        f"--initial_model={before}", "--channels=4", f"--run_dir={tmp_path}/further",
    )  # fmt: skip
    assert code == 0, output
    after = tmp_path / "further" / "float"
    from tfsv.tasks.model_folder import load_model

    for old, new in zip(load_model(before)[0].weights, load_model(after)[0].weights, strict=True):
        if "moving_" not in old.name:  # those follow the data at any learning rate
            np.testing.assert_allclose(old, new, atol=1e-6)
    kept, vectors = np.load(before / "head.npy"), np.load(after / "head.npy")
    assert len(vectors) == len(kept) * 3 // 2
    np.testing.assert_allclose(vectors[: len(kept)], kept, atol=1e-6)
    card = json.loads((after / "card.json").read_text())
    assert card["network"]["channels"] == 2 and "then" not in card["trained_on"]


def test_a_start_that_is_quantized_is_refused(cache, whole_run, tmp_path, monkeypatch):
    start = whole_run[0] / "post_training"
    flags = [f"--run_dir={tmp_path / 'run'}", f"--start={start}"]
    message = refused(cache, monkeypatch, *flags)
    assert f"--start={start}: is quantized already; give a float one" in message


def test_a_quantized_model_is_not_trained_further_as_float(cache, whole_run, tmp_path, monkeypatch):
    error = refused(
        cache, monkeypatch, f"--initial_model={whole_run[0]}/fine_tuned", f"--run_dir={tmp_path}/r"
    )
    assert "is quantized already; give a float one" in error


def test_other_settings_do_not_mix_into_a_run(cache, whole_run, monkeypatch):
    flags = [f"--run_dir={whole_run[0]}", "--bits=3", "--seed=1"]
    assert "(data.pipeline.seed, quantization.bits)" in refused(cache, monkeypatch, *flags)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--bits=9", "--bits=9: expected"),
        ("--bits=-1", "--bits=-1: expected"),
        ("--codes=nearest", "--codes=nearest: expected codebooks or calibrated"),
        ("--epochs=0", "--epochs=0.0: expected more than 0"),
        ("--margin_start=0.9", "--margin_end=0.27: expected --margin_start to 1"),
        ("--optimizer=newton", "--optimizer=newton: unknown; choose one of"),
        ("--refresh_steps=0", "--refresh_steps=0: expected at least 1"),
        ("--finetune_learning_rate=0", "--finetune_learning_rate=0.0: expected"),
        ("--weight_decay=-1", "--weight_decay=-1.0: expected at least 0"),
        ("--speakers=two", "speakers"),
        ("--test_trials=nowhere.txt", "nowhere.txt"),
        ("--run_dir=/dev/null/x", "/dev/null/x"),
    ],
)
def test_a_bad_flag_is_one_line(cache, tmp_path, monkeypatch, flag, message):
    assert message in refused(cache, monkeypatch, f"--run_dir={tmp_path / 'run'}", flag)
    assert not (tmp_path / "run" / "recipe.json").exists()


def test_a_run_of_the_first_version_goes_on(cache, whole_run, tmp_path, monkeypatch):
    """Its models are read, and the one that is missing is made with the same weights."""
    folder = tmp_path / "run"
    shutil.copytree(whole_run[0], folder, symlinks=True)
    _make_flat(folder)
    shutil.rmtree(folder / "fine_tuned")
    kept = [folder / name / "network.weights.h5" for name in OLDER]
    stamps = [file.stat().st_mtime_ns for file in kept]
    code, output = train(cache, *TINY, f"--run_dir={folder}")
    assert code == 0, output
    assert [file.stat().st_mtime_ns for file in kept] == stamps
    assert output.splitlines()[-5:] == whole_run[1].splitlines()[-5:]
    before, after = (weights(run / "fine_tuned") for run in (whole_run[0], folder))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    message = refused(cache, monkeypatch, f"--run_dir={folder}", "--bits=3")
    assert "other settings (quantization.bits)" in message


def _make_flat(folder):
    """Writes a run's records as tfsv 0.1 wrote them: each a table without tables of its own."""
    recipe = json.loads((folder / "recipe.json").read_text())
    flat = {"start": recipe["start"], "input_sha256": recipe["input_sha256"]}
    for part in ("data", "objective", "training", "quantization"):
        flat |= recipe[part]
    del flat["objective"]
    flat |= recipe["network"] | {"network": recipe["network"]["name"]}
    del flat["name"]
    further = recipe["finetuning"]
    flat |= {name: further[name] for name in ("refresh_steps", "stages", "stage_order", "control")}
    flat |= {f"finetune_{name}": further[name] for name in ("epochs", "learning_rate")}
    (folder / "recipe.json").write_text(json.dumps(flat))
    for name in OLDER:
        report = Report.read(folder / name)
        record = dict(report.details)
        for measurement in report:
            record[measurement.name] = measurement.value
        (folder / name / "results.json").write_text(json.dumps(record))
        card = json.loads((folder / name / "card.json").read_text())
        del card["task"]
        network, measured = card.pop("network"), card.pop("measured")
        card |= {"schema": 2, "network": network.pop("name"), **network, **card.pop("ends")}
        card |= {"eer": measured["eer"], "min_dcf": measured["min_dcf"], **card.pop("decision")}
        (folder / name / "card.json").write_text(json.dumps(card))
