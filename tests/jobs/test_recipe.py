"""The whole training path on a corpus of seconds: kill, resume, other settings, replicas."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfsv.audio.voices import voices_manifest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = [
    "--speakers=8", "--utterances=4", "--channels=2", "--bins=16", "--embedding_size=8",
    "--batch_size=4", "--crop_seconds=0.5", "--speed_factors=1.0,0.9", "--epochs=1.5",
    "--last_learning_rate=0.01", "--finetune_epochs=1", "--refresh_steps=3", "--checkpoint_steps=2",
    "--bits=2", "--control",
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    voices_manifest(speakers=8, utterances=4, cache=folder)
    return folder


def command(cache, *arguments):
    environment = {**os.environ, "TFSV_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / "train.py"), *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def train(cache, *arguments):
    process = command(cache, *arguments)
    output, _ = process.communicate(timeout=400)
    return process.returncode, output


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
        record = json.loads((folder / name / "results.json").read_text())
        assert 0 <= record["eer"] <= 1
        assert f"{100 * record['eer']:.2f}" in output
    assert (folder / "float" / "tensorboard").is_dir()
    assert "crops/s" in output


def test_bits_and_thresholds_are_in_the_card(whole_run):
    card = json.loads((whole_run[0] / "fine_tuned" / "card.json").read_text())
    assert set(card["bits"].values()) == {2} and len(card["bits"]) == 21
    assert -1 <= card["thresholds"]["eer"] <= 1
    for array in weights(whole_run[0] / "post_training"):
        assert np.isfinite(array).all()


def test_a_killed_run_ends_with_the_same_weights(cache, whole_run, tmp_path):
    folder = tmp_path / "killed"
    for stage in ("float", "fine_tuned"):
        process = command(cache, *TINY, f"--run_dir={folder}")
        checkpoints = folder / stage / "checkpoints"
        while not list(checkpoints.glob("ckpt-*.index")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert not (folder / stage / "card.json").exists(), "the kill came too late to test"
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
        assert card["scheme"] == "uniform:scale=max" and card["network"] == "resnet18"
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


def test_a_start_that_is_quantized_is_refused(cache, whole_run, tmp_path):
    start = whole_run[0] / "post_training"
    code, output = train(cache, *TINY, f"--run_dir={tmp_path / 'run'}", f"--start={start}")
    assert code == 1 and "is quantized already; give a float one" in output


def test_other_settings_do_not_mix_into_a_run(cache, whole_run):
    code, output = train(cache, *TINY, f"--run_dir={whole_run[0]}", "--bits=3", "--seed=1")
    assert code == 1
    assert "error:" in output and "bits, pipeline" in output


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--bits=9", "--bits=9: expected"),
        ("--speakers=two", "speakers"),
        ("--test_trials=nowhere.txt", "nowhere.txt"),
        ("--run_dir=/dev/null/x", "/dev/null/x"),
    ],
)
def test_a_bad_flag_is_one_line(cache, tmp_path, flag, message):
    code, output = train(cache, *TINY, f"--run_dir={tmp_path / 'run'}", flag)
    assert code == 1
    assert len(output.splitlines()) == 1, output
    assert output.startswith("error: ") and message in output
    assert not (tmp_path / "run" / "recipe.json").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bits", -1),
        ("epochs", 0),
        ("margin_start", 0.9),
        ("optimizer", "newton"),
        ("refresh_steps", 0),
        ("finetune_learning_rate", 0),
        ("weight_decay", -1),
    ],
)
def test_settings_out_of_range_are_refused(whole_run, name, value):
    from tfsv.audio.pipeline import PipelineSettings
    from tfsv.errors import InputError
    from tfsv.jobs.recipe import Recipe

    settings = json.loads((whole_run[0] / "recipe.json").read_text())
    del settings["input_sha256"]
    settings["pipeline"] = PipelineSettings()
    Recipe(**settings)
    with pytest.raises(InputError, match="--margin_end" if name == "margin_start" else f"--{name}"):
        Recipe(**settings | {name: value})


def test_recipe_fields_are_flags():
    from tfsv.jobs.recipe import Recipe

    text = (ROOT / "tools" / "train.py").read_text()
    for field in dataclasses.fields(Recipe):
        assert field.name == "pipeline" or f'"{field.name}"' in text
