"""Whose class vectors a network gets for further training."""

import dataclasses
import json

import numpy as np
import pytest
import tf_keras as keras

from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline import PipelineSettings
from tfsv.audio.voices import voices_manifest
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.models import build_network
from tfsv.verification.class_vectors import class_vectors, save_class_vectors

SETTINGS = PipelineSettings(
    batch_size=4, crop_seconds=0.5, speed_factors=(1.0, 0.9), decoder="soundfile"
)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return voices_manifest(speakers=8, utterances=4, cache=cache).split("train")


@pytest.fixture
def found(train, tmp_path):
    """Class vectors for a corpus and settings, where the folder has those of `train`."""
    keras.utils.set_random_seed(0)
    network = build_network("xvector", channels=4, bins=16, embedding_size=8)
    saved = np.random.default_rng(0).normal(size=(2 * len(train.speakers), 8))
    save_class_vectors(tmp_path, saved.astype(np.float32), train, SETTINGS)

    def vectors(corpus=train, settings=SETTINGS):
        return class_vectors(tmp_path, network, LogMel(bins=16), corpus, settings)

    vectors.folder, vectors.saved = tmp_path, saved
    return vectors


def test_the_training_speakers_keep_theirs(found):
    np.testing.assert_array_equal(found(), found.saved.astype(np.float32))


def test_other_speakers_get_mean_embeddings(found, train):
    renamed = Manifest(
        train.path, [dataclasses.replace(u, speaker=f"new {u.speaker}") for u in train]
    )
    vectors = found(renamed)
    assert vectors.shape == found.saved.shape
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_classes_are_known_by_speaker_and_speed(found, train):
    settings = dataclasses.replace(SETTINGS, speed_factors=(0.9, 1.1))
    count = len(train.speakers)
    vectors, kept = found(settings=settings), found.saved.astype(np.float32)
    np.testing.assert_array_equal(vectors[:count], kept[count:])
    lengths = np.linalg.norm(kept[count:], axis=1)
    np.testing.assert_allclose(np.linalg.norm(vectors[count:], axis=1), lengths.mean(), rtol=1e-5)


def test_vectors_that_are_not_of_the_named_classes_are_refused(found):
    np.save(found.folder / "head.npy", found.saved[1:])
    with pytest.raises(InputError, match=r"head.npy: has class vectors \(7, 8\), expected"):
        found()


def test_a_model_of_an_earlier_version_is_judged_by_the_shape(found):
    (found.folder / "head.json").unlink()
    np.testing.assert_array_equal(found(), found.saved.astype(np.float32))


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"speakers": []})])
def test_broken_classes_are_one_line(found, text):
    (found.folder / "head.json").write_text(text)
    with pytest.raises(InputError, match="head.json: cannot be read; train the model again"):
        found()
