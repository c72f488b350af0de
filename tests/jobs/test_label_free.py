"""A quantized network that learns from its float parent and recordings of nobody knows whom."""

import dataclasses
import hashlib
import pathlib

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tfsv.audio.channels import OneChannel
from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.errors import InputError
from tfsv.jobs.further import FurtherTraining
from tfsv.jobs.settings import FineTuning, FloatTraining
from tfsv.models.settings import NetworkSettings
from tfsv.quantization.network import quantize
from tfsv.tasks import unlabelled
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.tasks.task import TASKS, PlainModel
from tfsv.tasks.unlabelled import UnlabelledSpeech
from tfsv.training.distillation import embedding_loss

PIPELINE = PipelineSettings(
    batch_size=8, crop_seconds=0.5, speed_factors=(1.0,), visit_seconds=1.0, decoder="soundfile"
)


@pytest.fixture
def data(tmp_path):
    random, paths = np.random.default_rng(0), []
    for number in range(6):
        path = tmp_path / f"{number}.wav"
        tone = np.sin(np.arange(16000) * random.uniform(0.05, 0.8))
        soundfile.write(path, np.stack([0.3 * tone, random.normal(0, 0.1, 16000)], 1), 16000)
        paths.append(OneChannel(str(path), 1) if number % 2 else str(path))
    return UnlabelledSpeech(paths, [1.0] * 6, PIPELINE)


@pytest.fixture
def parent(tmp_path):
    tf.keras.utils.set_random_seed(0)
    task = TASKS["verification"]
    card = task.new_card(NetworkSettings("resnet18", channels=2, bins=16, embedding_size=8))
    save_model(tmp_path / "float", task.build(card), card)
    network, card = load_model(tmp_path / "float")
    return PlainModel(tmp_path / "float", network, card)


def _further(data, steps, **changed):
    training = FloatTraining(optimizer="adamw", weight_decay=0.0, checkpoint_steps=5)
    settings = FineTuning(epochs=steps / data.steps_per_epoch, learning_rate=3e-3, refresh_steps=10)
    return FurtherTraining(data, training, dataclasses.replace(settings, **changed))


def test_a_child_comes_nearer_to_its_parent_without_labels(data, parent, tmp_path):
    further = _further(data, 40, parent_weight=10.0)
    child = quantize(parent.network, 2)
    staged = further.stages(child)
    features = data.features_of(parent.card)(next(iter(data.dataset(0)))[0])
    staged.on_step(0)
    wanted = parent.network(features)
    before = float(tf.reduce_mean(embedding_loss(child(features, training=True), wanted)))
    child = quantize(parent.network, 2)
    further.run(child, parent, tmp_path / "run", "child", further.stages(child))
    after = float(tf.reduce_mean(embedding_loss(child(features, training=True), wanted)))
    assert after < before / 2


def test_without_labels_the_parent_must_teach(data, parent, tmp_path):
    further = _further(data, 2)
    with pytest.raises(InputError, match="parent_weight=0: without labels"):
        further.run(parent.network, parent, tmp_path / "run", "child")


def test_the_recordings_tell_one_training_from_another(data):
    known = data.identity()
    assert known["recordings"][1][1] == 1 and known["recordings"][0][1] is None
    assert known["pipeline"]["visit_seconds"] == 1.0
    for path, *_, sha256 in known["recordings"]:
        assert sha256 == hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def test_a_file_is_hashed_once_for_all_its_channels_and_calls(tmp_path, monkeypatch):
    path, hashed = str(tmp_path / "a.wav"), []
    monkeypatch.setattr(unlabelled, "sha256_of", lambda file: hashed.append(file) or "hash")
    data = UnlabelledSpeech([OneChannel(path, 1), OneChannel(path, 2)], [1.0, 1.0], PIPELINE)
    assert [row[-1] for row in data.identity()["recordings"]] == ["hash", "hash"]
    assert data.identity() and list(map(str, hashed)) == [path]
