"""Comparison of schemes: cells, measuring, fine-tuning, table, pictures, and the command."""

import dataclasses
import json
import os
import shutil
import signal

import numpy as np
import pytest
import tf_keras as keras
from command_runner import run_command
from study_runs import float_run

from tfsv.audio.voices import voices_manifest
from tfsv.conversion.convert import export_tflite
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.jobs.settings import FineTuning
from tfsv.models import NetworkSettings
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks, strip
from tfsv.report import Measurement, Report
from tfsv.run_lock import alone_in
from tfsv.study.cells import FLOAT_CELL, Cell, read_cells
from tfsv.study.comparison import Comparison, network_name, order, read_weights
from tfsv.study.table import Outcome, grid_table, read_outcomes, run_names, scheme_table
from tfsv.tasks.model_folder import load_model
from tfsv.training.curves import Curves
from tfsv.verification.ends import speaker_ends
from tfsv.verification.evaluation import evaluate_trials
from tfsv.verification.extraction import extract_embeddings
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card
from tfsv.verification.trial_features import TrialFeatures
from tfsv.verification.trials import read_trials

FURTHER = FineTuning(epochs=1, optimizer="sgd", learning_rate=0.01, weight_decay=0, refresh_steps=2)
CELLS = [Cell("kmeans", 2)]
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return voices_manifest(speakers=8, utterances=4, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def run(manifest, tmp_path_factory):
    return float_run(tmp_path_factory.mktemp("runs") / "seed0", manifest)


@pytest.fixture(scope="module")
def compared(run):
    comparison = Comparison(run, FURTHER)
    for cell, model in order(CELLS):
        comparison.make(cell, model)
    return run


def test_lines_become_cells():
    cells = read_cells(["kmeans 4 2", "uniform:scale=max 8"])
    assert cells == [Cell("kmeans", 4), Cell("kmeans", 2), Cell("uniform:scale=max", 8)]
    assert len({cell.folder(POST_TRAINING) for cell in cells}) == 3
    assert cells[2].folder(FINE_TUNED) == "uniform-scale-max_8bit/fine_tuned"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("kmeans", "kmeans: expected a scheme and its bits"),
        ("kmeans four", "expected a scheme and its bits"),
        ("static_binary 2", "only 1"),
        ("nearest 2", "nearest: unknown"),
        ("kmeans 2 2", "kmeans 2: given twice"),
    ],
)
def test_a_bad_line_is_named(line, message):
    with pytest.raises(InputError, match=message):
        read_cells([line])


def test_embeddings_are_those_of_the_embedder(manifest, tmp_path):
    import soundfile

    rate = 16000
    noise = np.random.default_rng(0).normal(0, 0.1, 45 * rate)
    paths = [manifest.absolute(utterance) for utterance in list(manifest)[:6]] * 2
    for name, seconds in (("long.wav", 45), ("short.wav", 0.1)):
        soundfile.write(tmp_path / name, noise[: int(seconds * rate)], rate)
        paths.append(str(tmp_path / name))
    sizes = NetworkSettings("xvector", 4, 16, 8)
    card = speaker_card(sizes, {"bins": 16}, trained_on="nothing")
    features = TrialFeatures(paths, LogMel(bins=16))
    for seed in (0, 2):  # some random weights of so few channels have no embedding
        keras.utils.set_random_seed(seed)
        network = sizes.build()
        expected = extract_embeddings(KerasEmbedder(network, card), paths, progress=False)
        np.testing.assert_allclose(features.embed(network), expected, atol=1e-5)


def test_a_record_is_what_evaluate_says(compared, manifest):
    folder = compared / "study" / CELLS[0].folder(FINE_TUNED)
    report = Report.read(folder)
    network, card = load_model(folder)
    trials = read_trials(manifest.root / "trials" / "test.txt")
    embedder = KerasEmbedder(strip(network)[0], card)
    expected = evaluate_trials(embedder, trials, manifest=manifest, replicates=1000, progress=False)
    for name, tolerance in (("eer", 1e-3), ("min_dcf_0.01", 1e-2)):
        assert report[name].value == pytest.approx(expected[name].value, abs=tolerance)
    assert report["eer"].interval == pytest.approx(expected["eer"].interval, abs=5e-3)
    assert card.measured == {"eer": report["eer"].value, "min_dcf": report["min_dcf_0.01"].value}


def test_post_training_codes_are_those_of_the_float_weights(compared):
    network = quantize(load_model(compared / FLOAT)[0], 2, "kmeans")
    refresh_codebooks(network)
    latent, coded = read_weights(compared / "study" / CELLS[0].folder(POST_TRAINING))
    for name, codes in coded_weights(network).items():
        np.testing.assert_array_equal(coded[name].codes, codes.codes)
        assert latent[name].shape == codes.codes.shape


def test_fine_tuning_trains_and_control_stays_float(compared):
    before = load_model(compared / FLOAT)[0].get_weights()
    control, card = load_model(compared / "study" / CONTROL)
    assert not card.bits
    assert any(np.any(a != b) for a, b in zip(before, control.get_weights(), strict=True))
    latent, _ = read_weights(compared / "study" / CELLS[0].folder(FINE_TUNED))
    start, _ = read_weights(compared / "study" / CELLS[0].folder(POST_TRAINING))
    assert all(np.any(latent[name] != start[name]) for name in latent)


def test_the_built_in_voices_and_test_trials_outside_the_manifest(manifest, compared, tmp_path):
    """Alike in all but the interval: without speakers' names trials are drawn."""
    run = float_run(tmp_path / "seed0", manifest)
    fields = json.loads((run / "recipe.json").read_text())
    trials = manifest.root / "trials" / "test.txt"
    fields["data"] |= {
        "corpus": "voices", "test_trials": str(trials), "test_root": str(manifest.root)
    }  # fmt: skip
    (run / "recipe.json").write_text(json.dumps(fields))
    (run / "corpus").symlink_to(manifest.root)
    paths = {u.utterance: u.path for u in manifest}
    assert set(read_trials(trials).names) & {*paths, *paths.values()}
    Comparison(run, FURTHER).make(FLOAT_CELL, FLOAT)
    reports = [Report.read(folder / "study" / FLOAT) for folder in (run, compared)]
    assert [report.details["interval_by"] for report in reports] == ["trial", "speaker"]
    assert reports[0]["eer"].value == reports[1]["eer"].value


def test_schemes_are_compared_on_an_imported_network_too(run, tmp_path):
    """One that a run starts from and that has kept nothing of its training."""
    imported, started = tmp_path / "imported", tmp_path / "seed0"
    shutil.copytree(run / FLOAT, imported)
    (imported / "head.npy").unlink()
    started.mkdir()
    fields = json.loads((run / "recipe.json").read_text()) | {"start": str(imported)}
    (started / "recipe.json").write_text(json.dumps(fields))
    comparison = Comparison(started, FURTHER)
    comparison.make(CELLS[0], FINE_TUNED)
    latent, coded = read_weights(started / "study" / CELLS[0].folder(FINE_TUNED))
    assert {codes.bits for codes in coded.values()} == {2}
    before = load_model(imported)[0]
    for name, weights in latent.items():
        assert np.any(weights != before.get_layer(name).trainable_weights[0].numpy())
    assert network_name(started) == "xvector"


def test_long_training_is_not_held_in_memory(compared):
    held = list(Comparison(compared, FURTHER).further_data(1))
    streamed = Comparison(compared, FURTHER, held_bytes=0).further_data(1)
    streamed = list(streamed.take(len(held)))
    assert held
    for one, other in zip(held, streamed, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-5)
        np.testing.assert_array_equal(one[1], other[1])


def test_what_is_made_is_not_made_again(compared):
    folder = compared / "study" / CELLS[0].folder(FINE_TUNED)
    stamps = {file: file.stat().st_mtime_ns for file in folder.rglob("*.*")}
    assert not (folder / "checkpoints").exists()
    Comparison(compared, FURTHER).make(CELLS[0], FINE_TUNED)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.*")} == stamps


def test_other_settings_do_not_mix(compared):
    with pytest.raises(InputError, match="other settings"):
        Comparison(compared, dataclasses.replace(FURTHER, epochs=2))


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"recipe\.json: no recipe"):
        Comparison(tmp_path, FURTHER)


def test_file_sizes_are_those_of_exported_files(compared, tmp_path):
    outcomes = read_outcomes([str(compared)], CELLS)
    files = outcomes[CELLS[0], POST_TRAINING].reports["seed0"].details["files"]
    network, card = load_model(compared / "study" / CELLS[0].folder(POST_TRAINING))
    card.measured = {}
    plain, coded = strip(network)
    ends = speaker_ends({"bins": 16}, 8)
    export_tflite(plain, coded, card, tmp_path / "m.tflite", ends, "packed")
    # The card of a measured model has a line more, its error rates.
    assert abs(files["packed"] - (tmp_path / "m.tflite").stat().st_size) < 60
    assert files["int8_zip"] < files["int8"]
    assert outcomes[FLOAT_CELL, FLOAT].reports["seed0"].details["files"].keys() == {"float32"}


def report(eer, draws):
    measured = (
        Measurement("eer", eer, "EER", "%", replicates=draws),
        Measurement("min_dcf_0.01", 1.0, "minDCF 0.01", replicates=draws),
    )
    return Report("verification", measured)


def outcome(eers, seed):
    random = np.random.default_rng(seed)
    return Outcome({name: report(eer, eer + random.normal(0, 0.01, 500)) for name, eer in eers})


def draws(found, run):
    return found.reports[run]["eer"].replicates


def test_differences_are_paired_over_common_runs():
    one = outcome([("a", 0.1), ("b", 0.3)], 0)
    shifted = Outcome({"b": report(0.2, draws(one, "b") - 0.1), "c": report(0.9, draws(one, "a"))})
    assert one.mean("eer") == pytest.approx(0.2)
    assert one.difference(shifted, "eer") == pytest.approx((0.1, 0.1, 0.1))
    assert one.difference(outcome([("d", 0.1)], 1), "eer") is None
    mean = (draws(one, "a") + draws(one, "b")) / 2
    assert one.interval("eer") == pytest.approx(tuple(np.percentile(mean, [2.5, 97.5])))


def test_the_table_has_every_model(compared):
    rows = scheme_table(read_outcomes([str(compared)], CELLS)).splitlines()[2:]
    firsts = [[cell.strip() for cell in row.split("|")[1:4]] for row in rows]
    assert firsts == [
        ["float", "", "32"], ["control", "", "32"],
        ["post training", "kmeans", "2"], ["fine tuned", "kmeans", "2"],
    ]  # fmt: skip


def test_the_grid_compares_with_the_parent_and_marks_what_is_certain():
    def shifted(model, points):
        return Outcome(
            {
                name: report(found["eer"].value + points, found["eer"].replicates + points)
                for name, found in model.reports.items()
            }
        )

    base = outcome([("a", 0.1), ("b", 0.3)], 0)
    unclear = shifted(base, 0.004)
    draws(unclear, "a")[::2] -= 0.1
    one_run = {"a": shifted(base, 0.05).reports["a"]}
    outcomes = {
        (FLOAT_CELL, FLOAT): base,
        (FLOAT_CELL, CONTROL): shifted(base, -0.01),
        (Cell("kmeans", 4), POST_TRAINING): unclear,
        (Cell("kmeans", 4), FINE_TUNED): shifted(base, -0.03),
        (Cell("uniform", 1), POST_TRAINING): Outcome(one_run),
        (Cell("uniform", 4), POST_TRAINING): base,
    }
    assert grid_table(outcomes).splitlines() == [
        "| scheme | 4 bit | 1 bit |",
        "| --- | ---: | ---: |",
        "| kmeans | +0.40 → **-2.00** |  |",
        "| uniform | +0.00 → – | **+5.00**° → – |",
    ]


def test_the_command_tabulates_what_is_there(compared, tmp_path):
    arguments = [
        f"--runs={compared}", f"--output={tmp_path}", "--scheme=kmeans 4 2",
        "--histogram=kmeans 2", "--histogram=kmeans 4", "--nomake",
    ]  # fmt: skip
    finished = run_command("compare-schemes", *arguments)
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "table.md").read_text().count("kmeans | 2") == 2
    for picture in ("bytes.png", "weights.png"):
        assert (tmp_path / picture).read_bytes().startswith(PNG)


def test_a_study_that_is_stopped_in_mid_training_goes_on(compared, manifest, tmp_path, monkeypatch):
    """To the weights of one that was not stopped; another process is sent away."""
    run = float_run(tmp_path / "seed0", manifest)
    study = run / "study"
    arguments = [
        f"--runs={run}", f"--output={tmp_path / 'out'}", "--scheme=kmeans 2", "--finetune_epochs=1",
        "--weight_decay=0", "--refresh_steps=2",
    ]  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(Curves, "write", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        stopped = run_command("compare-schemes", *arguments)
    assert stopped.returncode == 143 and "Traceback" not in stopped.stderr
    line = stopped.stderr.splitlines()[-1]
    assert line.startswith(f"{study}/control: stopped after step 1 of "), line
    assert f"to go on from there, run: tfsv compare-schemes --runs={run} " in line
    assert not list(study.rglob(".*")) and not (study / "control" / "card.json").exists()
    with alone_in(study):
        refused = run_command("compare-schemes", *arguments)
    assert refused.returncode == 1 and "is at work there" in refused.stderr
    finished = run_command("compare-schemes", *arguments)
    assert finished.returncode == 0, finished.stderr
    for model in ("control", "kmeans_2bit/fine_tuned"):
        networks = [load_model(folder / "study" / model)[0] for folder in (compared, run)]
        for one, other in zip(*(network.get_weights() for network in networks), strict=True):
            np.testing.assert_array_equal(one, other)


def test_two_runs_of_one_name_are_refused():
    with pytest.raises(InputError, match="seed0: another run has this name"):
        run_names(["a/seed0", "a/seed1", "b/seed0"])
