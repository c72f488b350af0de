"""A teacher's embeddings beside the classes, its projection, and what a run without it does."""

import numpy as np
import pytest
import tensorflow as tf
from speech_stub import PitchEmbedder

from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.audio.voices import voices_manifest
from tfsv.errors import InputError
from tfsv.models.settings import NetworkSettings
from tfsv.tasks import teachers
from tfsv.tasks.model_folder import save_model
from tfsv.tasks.task import TASKS, PlainModel
from tfsv.tasks.verification_data import SpeechTraining
from tfsv.training.distillation import TaughtSpeakers
from tfsv.verification.extraction import embed_file
from tfsv.verification.settings import SpeakerObjective, SpeechData

PIPELINE = PipelineSettings(batch_size=4, crop_seconds=0.5, speed_factors=(1.0,))


@pytest.fixture
def data(tmp_path, monkeypatch):
    manifest = voices_manifest(speakers=8, utterances=4, cache=tmp_path)
    model = tmp_path / "teacher.tflite"
    model.write_bytes(b"a teacher")
    monkeypatch.setattr(teachers, "open_model", lambda _: PitchEmbedder())
    objective = SpeakerObjective(teacher=str(model), teacher_weight=2.0, relation_weight=3.0)
    return SpeechTraining(SpeechData(str(manifest.path), pipeline=PIPELINE), objective)


@pytest.fixture
def network():
    tf.keras.utils.set_random_seed(0)
    return NetworkSettings("xvector", channels=4, bins=16, embedding_size=8).build()


def test_the_teachers_embeddings_stand_beside_the_classes(data, tmp_path):
    assert data.files()["teacher"] == tmp_path / "teacher.tflite"
    data.prepare(tmp_path / "run")
    assert any((tmp_path / "run" / "teacher").rglob("00000.npy"))
    recordings = [data.train.recording(utterance) for utterance in data.train]
    known = np.stack([embed_file(PitchEmbedder(), path) for path in recordings])
    speakers = [data.train.speakers.index(utterance.speaker) for utterance in data.train]
    for crops, (classes, vectors) in data.dataset(0).take(3):
        assert crops.shape == (4, 8000)
        for label, vector in zip(classes.numpy(), vectors.numpy(), strict=True):
            rows = np.flatnonzero((known == vector).all(axis=1))
            assert label in [speakers[row] for row in rows]
    cosines = known @ known.T
    different = cosines[~np.eye(len(known), dtype=bool)]
    np.testing.assert_allclose(data._teacher.baseline, different.mean(), rtol=1e-5)


def test_without_preparation_labels_alone_teach(data, network):
    _, classes = next(iter(data.dataset(0)))
    assert classes.shape == (4,)
    assert not isinstance(data.objective(network, 10), TaughtSpeakers)


def test_further_training_goes_on_with_the_projection_of_the_parent(data, network, tmp_path):
    data.prepare(tmp_path / "run")
    objective = data.objective(network, 10)
    assert (objective.teacher.embedding_weight, objective.teacher.relation_weight) == (2.0, 3.0)
    card = TASKS["verification"].new_card(NetworkSettings("xvector", 4, 16, 8))
    save_model(tmp_path / "float", network, card)
    data.save_objective(tmp_path / "float", objective)
    parent = PlainModel(tmp_path / "float", network, card)
    further = data.further_objective(network, parent)
    for ours, theirs in zip(further.teacher.weights, objective.teacher.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(further.kernel, objective.kernel)
    (tmp_path / "float" / "teacher.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"teacher\.npy: cannot be read"):
        data.further_objective(network, parent)


def test_a_missing_teacher_is_told_before_the_training(data, tmp_path):
    (tmp_path / "teacher.tflite").unlink()
    from tfsv.files import sha256_of

    with pytest.raises(InputError, match=r"teacher\.tflite"):
        sha256_of(data.files()["teacher"])
