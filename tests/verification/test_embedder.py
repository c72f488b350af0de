"""Keras models as embedders, and the waveforms that they refuse."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.models import NetworkSettings
from tfsv.verification.embedder import check_embedding, check_waveform
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card

CARD = speaker_card(NetworkSettings("mean", 1, 24, 8), {"bins": 24})


def _network():
    """A small network with batch normalisation and dropout: both differ in training."""
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=(None, 24)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(8, bias_initializer="ones"),
        ]
    )


def _noise(samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.1, 0.1, samples).astype(np.float32)


@pytest.fixture(scope="module")
def embedder():
    return KerasEmbedder(_network(), CARD)


def test_front_end_network_and_norm_in_inference_mode(embedder):
    waveform = _noise(8_000)
    network = _network()
    features = LogMel(bins=24)(waveform[np.newaxis])
    expected = network.predict(features, verbose=0)[0]
    expected /= np.linalg.norm(expected)
    embedding = embedder.embed(waveform)
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, expected, atol=1e-6)
    np.testing.assert_array_equal(embedding, embedder.embed(waveform))
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-6)


def test_one_trace_serves_every_length(monkeypatch):
    network, traces = _network(), []
    call = network.call

    def counted(*arguments, **settings):
        traces.append(arguments)
        return call(*arguments, **settings)

    monkeypatch.setattr(network, "call", counted)
    embedder = KerasEmbedder(network, CARD)
    for samples in (400, 401, 5_000, 16_001):
        assert embedder.embed(_noise(samples)).shape == (8,)
    assert len(traces) == 1


def test_settings_of_the_front_end_come_from_the_card():
    changed = dataclasses.replace(CARD, ends={"front_end": {"bins": 24, "window": "povey"}})
    waveform = _noise(8_000)
    povey = KerasEmbedder(_network(), changed).embed(waveform)
    hamming = KerasEmbedder(_network(), CARD).embed(waveform)
    assert not np.allclose(povey, hamming, atol=1e-4)


@pytest.mark.parametrize("settings", [{"binz": 24}, {"window": "blackman"}])
def test_a_front_end_that_does_not_exist_is_one_line(settings):
    with pytest.raises(InputError, match="front_end does not fit LogMel") as caught:
        KerasEmbedder(_network(), dataclasses.replace(CARD, ends={"front_end": settings}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (_noise(399), "at least 400 samples.*received 399"),
        (_noise(0), "received 0"),
        (_noise(800).reshape(1, 800), r"one dimension.*\(1, 800\)"),
        (np.zeros(800, np.int16), "floating-point.*int16"),
        (np.full(800, np.nan, np.float32), "NaN or infinite"),
        (np.full(800, np.inf, np.float32), "NaN or infinite"),
    ],
)
def test_bad_waveforms(embedder, waveform, message):
    with pytest.raises(InputError, match=message):
        embedder.embed(waveform)


def test_check_waveform_makes_contiguous_float32():
    waveform = np.linspace(-1, 1, 1_600)[::2]
    checked = check_waveform(waveform)
    assert checked.dtype == np.float32
    assert checked.flags.c_contiguous
    np.testing.assert_allclose(checked, waveform, atol=1e-7)


@pytest.mark.parametrize("embedding", [np.zeros(4), np.array([1, np.nan, 0, 0])])
def test_an_embedding_that_cannot_be_compared_is_an_error(embedding):
    with pytest.raises(InputError, match="no usable embedding for 500 samples"):
        check_embedding(embedding, samples=500)
