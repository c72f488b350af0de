"""Every family of networks, narrow and shallow: one training step, codes, a TFLite file."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter
from exported_files import run, waveform

from tfsv.conversion.convert import export_tflite
from tfsv.kernel_layers import kernel_layer
from tfsv.models import NetworkSettings, build_network
from tfsv.models.networks import campplus, dfresnet, eres2net, redimnet2, resnet, simam
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.runtime.delegation import operators_left
from tfsv.verification.ends import speaker_ends
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card
from tfsv.verification.tflite_embedder import TFLiteEmbedder

BINS = 16
FAMILIES = {
    "resnet50": (4, "astp"),
    "resnet50_two_layers": (4, "tstp"),
    "dfresnet56": (4, "tstp"),
    "ecapa512_norm": (16, "astp"),
    "gemini60": (4, "tsdp"),
    "xvector": (8, "mean"),
    "wespeaker_xvector": (8, "tstp"),
    "simam_resnet34": (4, "asp"),
    "campplus": (8, "tstp_3dspeaker"),
    "eres2net": (4, "tstp"),
    "redimnet2_b0": (4, "astp"),
}
PACKED = (
    "resnet50_two_layers", "ecapa512_norm", "wespeaker_xvector", "simam_resnet34", "eres2net",
    "redimnet2_b0",
)  # fmt: skip
"""Families of which a packed file is made too; the others' are in tests of the packed format."""

KERNELS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


@pytest.fixture(params=FAMILIES)
def network(request, monkeypatch):
    """Random weights and statistics, with one block in a stage."""
    monkeypatch.setitem(resnet.BLOCKS, 50, (1, 1))
    monkeypatch.setitem(dfresnet.BLOCKS, 56, (1, 1))
    monkeypatch.setitem(simam.BLOCKS, 34, (1, 1))
    monkeypatch.setitem(dfresnet.GEMINI_BLOCKS, 60, (1, 1, 1, 1))
    monkeypatch.setattr(campplus, "BLOCKS", ((2, 1), (1, 2)))
    monkeypatch.setattr(eres2net, "BLOCKS", (1, 1, 1, 1))
    monkeypatch.setattr(redimnet2, "BLOCKS", (1,) * 6)
    monkeypatch.setattr(redimnet2, "CONTEXTS", (7, 31))
    channels, pooling = FAMILIES[request.param]
    keras.utils.set_random_seed(0)
    network = build_network(
        request.param, channels=channels, bins=BINS, embedding_size=8, pooling=pooling
    )
    random = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(0, 0.2, layer.moving_mean.shape))
            layer.moving_variance.assign(random.uniform(0.5, 2, layer.moving_variance.shape))
    return network


def test_eres2netv2_has_no_layer_that_eres2net_has_not(monkeypatch):
    """So that the files of one tell of the other's."""
    monkeypatch.setattr(eres2net, "BLOCKS", (1, 1, 1, 1))
    networks = [
        build_network(name, channels=4, bins=BINS)
        for name in ("eres2net", "eres2net_huge", "eres2netv2", "eres2netv2_w24s4ep4")
    ]
    first, *others = ({type(layer) for layer in network.layers} for network in networks)
    assert all(kinds <= first for kinds in others)


def test_every_variable_has_a_gradient(network):
    features = tf.random.normal([4, 40, BINS], seed=3)
    with tf.GradientTape() as tape:
        embeddings = network(features, training=True)
        loss = tf.reduce_sum(tf.square(embeddings - 1.0))
    gradients = tape.gradient(loss, network.trainable_variables)
    assert np.isfinite(loss)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.isfinite(gradient).all(), variable.name
        assert np.any(gradient), variable.name


def exported(network, path, weights):
    """A file with codes of 4 bits, and the Keras network that it is of."""
    bins = {"bins": BINS}
    card = speaker_card(NetworkSettings(network.name, 4, BINS, 8), bins)
    quantized = quantize(network, 4)
    refresh_codebooks(quantized)
    plain, coded = strip(quantized)
    assert set(coded) == {layer.name for layer in network.layers if kernel_layer(layer)}
    report = export_tflite(plain, coded, card, path, speaker_ends(bins, 8), weights=weights)
    assert report.agreement > 0.99
    assert len(report.layers) == len(coded)
    return KerasEmbedder(plain, card)


def test_int8_file_agrees_with_keras_and_runs_in_xnnpack(network, tmp_path):
    path = tmp_path / "model.tflite"
    embedder = exported(network, path, "int8")
    sound = waveform(12345)
    assert TFLiteEmbedder(path).embed(sound) @ embedder.embed(sound) > 0.99
    interpreter = Interpreter(model_content=path.read_bytes())
    for samples in (8000, 12000):
        run(interpreter, waveform(samples))
        assert not KERNELS & set(operators_left(interpreter))


@pytest.mark.parametrize("weights", ["float32", "packed"])
def test_segments_survive_export(weights, monkeypatch, tmp_path):
    monkeypatch.setattr(campplus, "BLOCKS", ((2, 1), (1, 2)))
    network = build_network("campplus", channels=8, bins=BINS, embedding_size=8)
    coded = {}
    if weights == "packed":
        quantized = quantize(network, 4)
        refresh_codebooks(quantized)
        network, coded = strip(quantized)
        kernels = {layer.name for layer in network.layers if kernel_layer(layer)}
        assert set(coded) == kernels and len(kernels) == 28
    bins = {"bins": BINS}
    card = speaker_card(NetworkSettings("campplus", 8, BINS, 8), bins)
    path = tmp_path / "model.tflite"
    export_tflite(
        network, coded, card, path, speaker_ends(bins, 8), weights=weights, compute="float32"
    )
    for samples in (400, 31000, 50000, 90000):  # 1, 97, 156 and 281 frames that are cut
        sound = waveform(samples)
        wanted = KerasEmbedder(network, card).embed(sound)
        np.testing.assert_allclose(TFLiteEmbedder(path).embed(sound), wanted, atol=1e-4)


@pytest.mark.parametrize("network", PACKED, indirect=True)
def test_packed_file_agrees_with_keras(network, tmp_path):
    path = tmp_path / "model.tflite"
    embedder = exported(network, path, "packed")
    sound = waveform(12345)
    assert TFLiteEmbedder(path).embed(sound) @ embedder.embed(sound) > 0.99


@pytest.mark.parametrize("name", ["speechbrain_ecapa512", "wespeaker_xvector"])
def test_utterances_of_any_length_survive_export(tmp_path, name):
    """They are mirrored in one network, repeated in the other."""
    network = build_network(name, channels=8, bins=BINS, embedding_size=8)
    bins = {"bins": BINS}
    card = speaker_card(NetworkSettings(name, 8, BINS, 8), bins)
    path = tmp_path / "model.tflite"
    export_tflite(network, {}, card, path, speaker_ends(bins, 8), weights="float32")
    for samples in (400, 2640, 8000):  # one frame, 15 frames, many
        sound = waveform(samples)
        wanted = KerasEmbedder(network, card).embed(sound)
        np.testing.assert_allclose(TFLiteEmbedder(path).embed(sound), wanted, atol=1e-4)
    interpreter = Interpreter(model_content=path.read_bytes())
    run(interpreter, waveform(8000))
    assert not KERNELS & set(operators_left(interpreter))
