"""The GE2E encoder as a file: one graph of built-in operators, whatever was heard before."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfsv.conversion.convert import export_tflite
from tfsv.errors import InputError
from tfsv.models import NetworkSettings
from tfsv.packed import flatbuffer
from tfsv.power_mel import PowerMel
from tfsv.verification.ends import speaker_ends
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card
from tfsv.verification.tflite_embedder import TFLiteEmbedder

SETTINGS = NetworkSettings("ge2e", channels=24, bins=40, embedding_size=16, pooling="mean")
CARD = speaker_card(SETTINGS, {"kind": "power_mel", **PowerMel(bins=40).settings()})
ENDS = speaker_ends(CARD.ends["front_end"], 16)


def waveform(samples, seed=0):
    random = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * np.cumsum(random.uniform(100, 3000, samples)) / 16000)
    return (tone * random.uniform(0.01, 0.1)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    network = SETTINGS.build()
    random = np.random.default_rng(1)
    # Larger weights or louder waveforms make it chaotic: rounding grows from frame to frame.
    network.set_weights([random.normal(0, 0.15, w.shape) for w in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("ge2e") / "ge2e.tflite"
    report = export_tflite(network, {}, CARD, path, ENDS)
    assert report.agreement > 0.99999
    return path


def test_the_file_has_the_embeddings_of_keras_at_any_length(network, exported):
    keras_embedder, file = KerasEmbedder(network, CARD), TFLiteEmbedder(exported)
    for seed, samples in enumerate((400, 9_000, 25_600, 31_359, 31_520, 100_000, 400)):
        utterance = waveform(samples, seed)
        found, wanted = file.embed(utterance), keras_embedder.embed(utterance)
        np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_nothing_is_left_of_what_was_heard_before(exported):
    interpreter = Interpreter(model_path=str(exported))
    run = interpreter.get_signature_runner()
    first = run(waveform=waveform(32_000)[None])["embedding"]
    run(waveform=waveform(32_000, seed=1)[None])
    again = run(waveform=waveform(32_000)[None])["embedding"]
    np.testing.assert_allclose(first, again, atol=1e-6)


def test_one_graph_of_built_in_operators(exported):
    model = flatbuffer.parse(exported.read_bytes())
    (graph,) = model.subgraphs
    codes = [flatbuffer.builtin_code(model, operator) for operator in graph.operators]
    assert codes.count(schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM) == 3
    assert schema.BuiltinOperator.CUSTOM not in codes


@pytest.mark.parametrize(("weights", "compute"), [("int8", None), ("int8", "int8")])
def test_it_is_stored_in_float_only(network, tmp_path, weights, compute):
    with pytest.raises(InputError, match="^weights=int8: ge2e stays float") as refusal:
        export_tflite(
            network, {}, CARD, tmp_path / "x.tflite", ENDS, weights, compute, calibration=[{}]
        )
    assert "\n" not in str(refusal.value) and not list(tmp_path.iterdir())
