"""A float model folder and a folder of recordings make a quantized model folder."""

import json

import numpy as np
import pytest
import soundfile
import tf_keras as keras
from command_runner import run_command
from quantized_layers import every_kind_of_layer

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.crop_settings import RecordingSettings
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.jobs import quantizing
from tfsv.jobs.exporting import export
from tfsv.jobs.quantizing import quantize_model
from tfsv.jobs.settings import Widths
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization import calibration
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.network import strip
from tfsv.run_lock import alone_in
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.tasks.own import OwnNetwork
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card

BINS = 16


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A float x-vector network with statistics of its own, and recordings of coloured noise."""
    folder = tmp_path_factory.mktemp("quantizing")
    keras.utils.set_random_seed(0)
    network = build_network("xvector", channels=8, bins=BINS, embedding_size=8, pooling="tstp")
    random = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(0, 0.2, layer.moving_mean.shape))
            layer.moving_variance.assign(random.uniform(0.5, 2, layer.moving_variance.shape))
    card = speaker_card(NetworkSettings("xvector", 8, BINS, 8, "tstp"), {"bins": BINS})
    card.measured = {"eer": 0.1, "min_dcf": 0.5}
    card.decision = {"thresholds": {"eer": 0.3}}
    save_model(folder / "float", network, card)
    (folder / "recordings").mkdir()
    for number in range(24):
        noise = random.standard_normal(2 * SAMPLE_RATE)
        noise = np.convolve(noise, random.standard_normal(8), "same") * 0.02
        soundfile.write(folder / "recordings" / f"{number}.wav", noise, SAMPLE_RATE)
    return folder


def heard(places, **settings):
    return RecordingSettings(
        **{"recordings": str(places / "recordings"), "crops": 24, "crop_seconds": 1.0, **settings}
    )


def test_the_folder_is_a_model_folder(places, tmp_path):
    made = quantize_model(places / "float", heard(places), Widths(3), tmp_path / "out")
    assert len(made.recordings) == 24 and made.parent.folder == places / "float"
    assert {layer.bits for layer in made.layers} == {3}
    network, card = load_model(tmp_path / "out")
    assert set(card.bits.values()) == {3} and card.scheme == "kmeans"
    assert not card.measured and not card.decision and "24 unlabelled recordings" in card.notes
    assert not (tmp_path / "out" / "calibration").exists()
    sound = 0.1 * np.random.default_rng(5).standard_normal(SAMPLE_RATE).astype(np.float32)
    embeddings = [
        KerasEmbedder(strip(x)[0], made.parent.card).embed(sound)
        for x in (network, made.network, made.parent.network)
    ]
    np.testing.assert_allclose(embeddings[0], embeddings[1], atol=1e-6)
    assert embeddings[0] @ embeddings[2] > 0.9
    again = quantize_model(places / "float", heard(places), Widths(3), tmp_path / "out")
    assert not again.layers and again.card == card
    with pytest.raises(InputError, match="out: holds a run with other settings .*widths.bits"):
        quantize_model(places / "float", heard(places), Widths(2), tmp_path / "out")


def test_a_killed_run_goes_on(places, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(quantizing, "save_model", stopped)
    with pytest.raises(KeyboardInterrupt):
        quantize_model(places / "float", heard(places), Widths(2), tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(calibration, "calibrated_kernel", stopped)  # all layers are kept
    made = quantize_model(places / "float", heard(places), Widths(2), tmp_path)
    assert len(made.layers) == len(made.card.bits)


def test_a_budget_becomes_a_plan(places, tmp_path):
    float_size = export(places / "float", tmp_path / "float.tflite").size
    widths = Widths(budget=f"{0.98 * float_size:.0f}")
    settings = CodeCalibration(refits=0)
    made = quantize_model(places / "float", heard(places), widths, tmp_path, settings=settings)
    plan = json.loads((tmp_path / quantizing.PLAN).read_text())
    assert plan["method"] == "calibrated"
    assert {name: layer["bits"] for name, layer in plan["layers"].items()} == made.card.bits
    with pytest.raises(InputError, match="budget=90: too small"):
        quantize_model(places / "float", heard(places), Widths(budget="90"), tmp_path / "a")
    with pytest.raises(InputError, match="budget=9MB: the float file fits already"):
        quantize_model(places / "float", heard(places), Widths(budget="9MB"), tmp_path / "b")


def test_the_command(places, tmp_path):
    flags = (
        f"--model={places / 'float'}", f"--recordings={places / 'recordings'}", "--crops=8",
        "--crop_seconds=1", "--output=out",
    )  # fmt: skip
    done = run_command("quantize", *flags, "--bits=4", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8 recordings are few" in done.stderr and "embedding" in done.stdout
    done = run_command("quantize", *flags, "--bits=4", folder=tmp_path)
    assert "is there already" in done.stdout
    exported = run_command(
        "export", "--model=out", "--weights=packed", "--output=model.tflite", folder=tmp_path
    )
    assert exported.returncode == 0, exported.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give one of --bits, --bit_plan and --budget"),
        (["--bits=2", "--budget=9kB"], "give one of --bits, --bit_plan and --budget"),
        (["--bits=9"], "--bits=9: expected 1 to 8"),
        (["--bits=3", "--scheme=pot"], "scheme=pot: its levels follow from the weights"),
        (["--bits=3", "--scheme=pot"], "take kmeans, uniform or adaptive_binary, or other --codes"),
        (["--bits=3", "--recordings=nowhere"], "nowhere: no such folder or manifest"),
        (["--bits=3", "--output={float}"], "is the float model itself"),
        (["--bits=3", "--refits=-1"], "--refits=-1: expected at least 0"),
        (["--bit_plan=nowhere.json"], "nowhere.json: "),
    ],
)
def test_bad_input_is_one_line(places, tmp_path, flags, message):
    given = [flag.replace("{float}", str(places / "float")) for flag in flags]
    done = run_command(
        "quantize", f"--model={places / 'float'}", f"--recordings={places / 'recordings'}",
        "--output=out", "--crops=8", *given, folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr.splitlines()[-1]


def test_a_quantized_model_and_a_busy_folder_are_refused(places, tmp_path):
    quantize_model(places / "float", heard(places, crops=4), Widths(4), tmp_path / "out")
    with pytest.raises(InputError, match="out: is quantized already; give a float one"):
        quantize_model(tmp_path / "out", heard(places), Widths(4), tmp_path / "more")
    (tmp_path / "busy").mkdir()
    with alone_in(tmp_path / "busy"), pytest.raises(InputError, match="is at work there"):
        quantize_model(places / "float", heard(places, crops=4), Widths(4), tmp_path / "busy")


def test_a_task_without_recordings_says_so():
    task = OwnNetwork(every_kind_of_layer())
    with pytest.raises(InputError, match="task=own: has no recordings"):
        task.recorded_inputs(None, ModelCard())
