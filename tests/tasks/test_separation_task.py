"""Separation as a task: trained, searched, quantized, fine-tuned and measured."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
from ai_edge_litert.interpreter import Interpreter
from command_runner import run_command
from small_rooms import small_bank, small_corpus

import tfsv
from tfsv.conversion.ends import keras_runner
from tfsv.errors import InputError
from tfsv.jobs.bit_search import BitSearch
from tfsv.jobs.recipe import run
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import BitSearchSettings, FineTuning, FloatTraining, Quantization
from tfsv.packed.expand import expand
from tfsv.quantization.network import strip
from tfsv.runtime.delegation import operators_left
from tfsv.separation.evaluation import Measures, score_mixtures, separation_report
from tfsv.separation.measured_mixtures import measured_mixtures
from tfsv.separation.mixture_settings import MixtureSettings, SeparationData, SeparationObjective
from tfsv.separation.model_card import array_of
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.talkers import Talkers
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.opening import open_separator
from tfsv.tasks.separating import front_end_of, separator
from tfsv.tasks.task import TASKS

pytest.importorskip("pyroomacoustics")

TINY = SeparatorSettings(stacks=1, blocks=2, channels=6, hidden=8)
NAMES = ("0-15", "15-45", "45-90", "90-180")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("separation")
    small_bank(folder / "train", seed=0)
    small_bank(folder / "test", seed=1)
    manifest = small_corpus(folder)
    return SeparationData(
        str(manifest.path), str(folder / "train"), str(folder / "test"), test_mixtures=2,
        mixtures=MixtureSettings(batch_size=2, crop_seconds=1.0),
    )  # fmt: skip


def recipe(data, **fields):
    training = FloatTraining(epochs=0.5, optimizer="adamw", learning_rate=1e-3, warmup=0.0)
    return Recipe("separation", data, TINY, SeparationObjective(), training, **fields)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    wanted = recipe(data, quantization=Quantization(bits=4), finetuning=FineTuning(epochs=0.3))
    return folder, run(wanted, folder)


def test_a_separator_is_trained_quantized_fine_tuned_and_measured(finished):
    folder, reports = finished
    assert list(reports) == ["float", "post_training", "fine_tuned"]
    for report in reports.values():
        names = [one.name for one in report]
        assert names[:6] == ["gain", *(f"gain_{name}" for name in NAMES), "si_snr"]
        mean = np.mean([report[f"gain_{name}"].value for name in NAMES])
        assert report.main.value == pytest.approx(mean)
        assert np.isfinite([one.value for one in report]).all()
    _, card = load_model(folder / "fine_tuned")
    assert set(card.bits) == {
        f"stack1_block{n}_{part}" for n in (1, 2) for part in ("in", "depthwise", "out")
    }
    assert "3 talkers (corpus0, corpus1" in card.trained_on
    assert card.ends["array"]["positions"][0] == -0.28


def test_the_same_seed_makes_the_same_weights(data, finished, tmp_path):
    folder, _ = finished
    run(recipe(data, quantization=Quantization(bits=0)), tmp_path)
    before, after = (load_model(place / "float")[0] for place in (folder, tmp_path))
    for a, b in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bits_are_searched_within_a_budget(data, finished, tmp_path):
    folder, _ = finished
    task = TASKS["separation"]
    opened = task.open_data(data, SeparationObjective())
    settings = BitSearchSettings(batches=1, tie_blocks=True)
    search = BitSearch(folder / "float", opened, tmp_path / "store", settings)
    budget = search.files.size(dict.fromkeys(search.candidates, 4))
    for method in ("kl", "curvature", "loss", "random", "norm"):
        found = search.sensitivities(method, budget)
        choice = search.choose(found, budget)
        assert choice.size <= budget
        for block in (1, 2):
            bits = {b for name, b in choice.bits.items() if f"_block{block}_" in name}
            assert len(bits) == 1


def test_a_packed_file_takes_and_gives_waveforms_of_any_length(finished, tmp_path):
    folder, _ = finished
    network, card = load_model(folder / "post_training")
    plain, task = strip(network)[0], TASKS["separation"]
    compute, separate = keras_runner(plain, task.ends(card)), separator(plain, front_end_of(card))
    file = tmp_path / "separator.tflite"
    tfsv.export(folder / "post_training", file, compute="float32")
    by_file, found = open_separator(file)
    assert found.bits == card.bits and found.task == "separation"
    packed = tfsv.Runner(file, expanded=False)
    random = np.random.default_rng(0)
    for samples in (16000, 9001, 16000):
        heard = random.normal(0, 0.1, (15, samples)).astype(np.float32)
        inputs = {"mixture": heard[None], "angle": np.array([40.0], np.float32)}
        wanted = separate(heard, 40.0)
        sound = compute(inputs)["separated"]
        assert sound.shape == (1, -(-samples // 256) * 256)
        np.testing.assert_allclose(sound[0, :samples], wanted, atol=1e-6)
        for file_sound in (by_file(heard, 40.0), packed(inputs)["separated"][0, :samples]):
            np.testing.assert_allclose(file_sound, wanted, atol=1e-5)
    with pytest.raises(InputError, match="mixture"):
        by_file(heard[:2], 40.0)


def test_only_transforms_and_phases_are_left_to_plain_kernels(finished, tmp_path):
    folder, _ = finished
    tfsv.export(folder / "post_training", tmp_path / "separator.tflite")
    content = expand((tmp_path / "separator.tflite").read_bytes())
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.resize_tensor_input(_input(interpreter, "mixture"), [1, 15, 9001])
    interpreter.allocate_tensors()
    left = set(operators_left(interpreter))
    assert not {"CONV_2D", "DEPTHWISE_CONV_2D", "PRELU", "MEAN", "SQUARED_DIFFERENCE"} & left


def _input(interpreter, name):
    (found,) = [d["index"] for d in interpreter.get_input_details() if name in d["name"]]
    return found


def test_microphone_1_as_it_is_gains_nothing(data):
    opened = TASKS["separation"].open_data(data, SeparationObjective())
    talkers = Talkers(opened.manifest.split("test"))
    mixtures = measured_mixtures(talkers, opened.test_bank, data.mixtures, 2)
    report = separation_report(
        score_mixtures(lambda heard, angle: heard[0], mixtures, Measures()), 20
    )
    assert report["gain"].value == 0 and report["nobody"].value == 0
    assert -10 < report["si_snr"].value < 10
    assert report.details["mixtures"] == 9
    assert report.main.interval is None  # two talkers are too few


def test_an_example_mixture_needs_neither_corpus_nor_bank(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSV_CACHE", str(tmp_path / "cache"))
    for number in (0, 0, 1):
        made = run_command(
            "make-mixture", f"--number={number}", f"--output={tmp_path / str(number)}"
        )
        assert made.returncode == 0, made.stderr
    sounds = [soundfile.read(tmp_path / name / "mixture.wav")[0] for name in ("0", "1")]
    assert all(sound.shape == (32000, 15) and np.abs(sound).max() > 0.01 for sound in sounds)
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01


def test_separators_hear_with_the_array_of_their_rooms(data, tmp_path):
    (tmp_path / "array.json").write_text('{"positions": [0, 0.03, 0.05, 0.1]}')
    made = run_command(
        "make-rooms", "--rooms=2", "--sources=4", "--t60=0.05,0.1", "--longest=0.1",
        f"--array={tmp_path / 'array.json'}", f"--output={tmp_path / 'bank'}",
    )  # fmt: skip
    assert made.returncode == 0 and "4 microphones" in made.stdout, made.stderr
    array = ResponseBank(tmp_path / "bank").array
    assert array.positions == (-0.05, -0.02, 0.0, 0.05)
    small_bank(tmp_path / "test", seed=1, array=array)
    mine = dataclasses.replace(
        data, bank=str(tmp_path / "bank"), test_bank=str(tmp_path / "test"), test_mixtures=1
    )
    training = FloatTraining(epochs=0.1, optimizer="adamw", learning_rate=1e-3, warmup=0.0)
    wanted = Recipe("separation", mine, TINY, SeparationObjective(), training)
    run(dataclasses.replace(wanted, quantization=Quantization(bits=0)), tmp_path / "run")
    file, mixture = tmp_path / "separator.tflite", tmp_path / "mixture.wav"
    tfsv.export(tmp_path / "run/float", file)
    soundfile.write(mixture, np.random.default_rng(0).normal(0, 0.1, (9000, 4)), 16000)
    tfsv.separate(mixture, 40.0, tmp_path / "talker.wav", file)
    separate, card = open_separator(tmp_path / "run/float")
    heard, _ = soundfile.read(mixture, dtype="float32")
    sound, _ = soundfile.read(tmp_path / "talker.wav", dtype="float32")
    assert array_of(card) == array
    np.testing.assert_allclose(sound, separate(heard.T, 40.0), atol=1e-4)
    with pytest.raises(InputError, match="was made for another array than the model hears with"):
        TASKS["separation"].open_data(data, SeparationObjective()).features_of(card)
    with pytest.raises(InputError, match="responses of another array"):
        TASKS["separation"].open_data(
            dataclasses.replace(mine, test_bank=data.test_bank), SeparationObjective()
        )


@pytest.mark.parametrize(
    "blocks, causal, told", [(5, True, False), (6, True, True), (6, False, False)]
)
def test_crops_that_are_shorter_than_a_block_reaches_are_told(data, caplog, blocks, causal, told):
    """Crops of a second have 64 frames; six causal blocks reach 64 frames back."""
    task = TASKS["separation"]
    card = task.new_card(SeparatorSettings(1, blocks, 4, 4, causal=causal))
    with caplog.at_level("WARNING"):
        task.open_data(data, SeparationObjective()).completed(card)
    assert ("reach 1.0 s, and crops have 1.0 s" in caplog.text) == told


def test_what_is_heard_twice_is_one_line(data):
    open_data, objective = TASKS["separation"].open_data, SeparationObjective()
    with pytest.raises(InputError, match="test_bank=.*the same rooms"):
        open_data(dataclasses.replace(data, test_bank=data.bank), objective)
    with pytest.raises(InputError, match="hold talkers out"):
        open_data(dataclasses.replace(data, test_split="train"), objective)
    with pytest.raises(InputError, match="no utterance in split nobody"):
        open_data(dataclasses.replace(data, test_split="nobody"), objective)
    with pytest.raises(InputError, match="tfsv make-rooms"):
        open_data(dataclasses.replace(data, bank="nowhere"), objective)


def test_commands_make_a_mixture_and_separate_it(data, finished, tmp_path):
    folder, _ = finished
    made = run_command(
        "make-mixture", f"--corpus={data.corpus}", f"--bank={data.test_bank}",
        "--angle_range=15-45", "--crop_seconds=1.5", f"--output={tmp_path / 'mixture'}",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    scene = json.loads((tmp_path / "mixture/scene.json").read_text())
    heard, _ = soundfile.read(tmp_path / "mixture/mixture.wav", dtype="float32")
    assert heard.shape == (24000, 15) and 0 <= scene["angle"] <= 180
    arguments = [
        f"--model={folder / 'fine_tuned'}", f"--direction={scene['angle']}",
        f"--output={tmp_path / 'talker.wav'}",
    ]  # fmt: skip
    mixture = str(tmp_path / "mixture/mixture.wav")
    assert run_command("separate", mixture, *arguments).returncode == 0
    sound, rate = soundfile.read(tmp_path / "talker.wav", dtype="float32")
    separate, _ = open_separator(folder / "fine_tuned")
    assert rate == 16000
    np.testing.assert_allclose(sound, separate(heard.T, scene["angle"]), atol=2e-4)
    refused = run_command("separate", str(tmp_path / "talker.wav"), *arguments)
    assert refused.returncode == 1 and "has 1 channels" in refused.stderr
    assert "Traceback" not in refused.stderr
