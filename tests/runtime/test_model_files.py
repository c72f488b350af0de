import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras
import tiny_networks
from ai_edge_litert.interpreter import Interpreter

from tfsv.conversion.convert import export_tflite
from tfsv.conversion.ends import Ends
from tfsv.errors import InputError
from tfsv.models import NetworkSettings, build_network
from tfsv.packed import flatbuffer, seal
from tfsv.runtime import Runner
from tfsv.runtime.inspection import inspect
from tfsv.runtime.model_files import LARGEST_FILE
from tfsv.tasks.model_folder import save_model
from tfsv.tasks.opening import open_model
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.model_card import speaker_card
from tfsv.verification.tflite_embedder import TFLiteEmbedder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.tflite"
    network, card, ends = tiny_networks.time_network(), tiny_networks.card(), tiny_networks.ends()
    export_tflite(network, {}, card, path, ends)
    return path


def waveform(samples):
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


def resized_lengths(monkeypatch):
    """A list that grows by the length to which an interpreter's input is resized."""
    lengths, resize = [], Interpreter.resize_tensor_input

    def counting(interpreter, index, shape):
        lengths.append(shape[1])
        resize(interpreter, index, shape)

    monkeypatch.setattr(Interpreter, "resize_tensor_input", counting)
    return lengths


def test_embeds_what_it_is_given(model):
    embedder = TFLiteEmbedder(model, threads=2)
    assert (
        embedder.card.trained_on == "nothing"
        and embedder.card.network["bins"] == tiny_networks.BINS
    )
    embedding = embedder.embed(waveform(8000))
    assert embedding.dtype == np.float32 and embedding.shape == (tiny_networks.EMBEDDING,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    copy = embedding.copy()
    embedder.embed(waveform(9000))
    np.testing.assert_array_equal(embedding, copy)
    np.testing.assert_array_equal(embedder.embed(waveform(8000)), copy)


def test_resizes_only_when_the_length_changes(model, monkeypatch):
    embedder, lengths = TFLiteEmbedder(model), resized_lengths(monkeypatch)
    for samples in (8000, 8000, 6000, 6000, 8000):
        embedder.embed(waveform(samples))
    assert lengths == [8000, 6000, 8000]


def test_the_file_may_change_after_loading(model, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(model.read_bytes())
    embedder = TFLiteEmbedder(path)
    path.write_bytes(b"")
    np.testing.assert_array_equal(
        embedder.embed(waveform(8000)), TFLiteEmbedder(model).embed(waveform(8000))
    )


def test_tensorflow_is_not_imported(model):
    code = (
        "import sys, numpy\n"
        "from tfsv.tasks.opening import open_model\n"
        f"e = open_model({str(model)!r}).embed(numpy.sin(numpy.arange(800.0)))\n"
        "assert e.shape == (8,), e.shape\n"
        "assert not {'tensorflow', 'tf_keras', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.zeros(399, np.float32), "at least 400 samples"),
        (np.zeros((1, 800), np.float32), "one dimension"),
        (np.full(800, np.nan, np.float32), "NaN"),
        (np.zeros(800, np.int16), "floating-point"),
    ],
)
def test_bad_waveforms_are_named(model, wrong, message):
    embedder = TFLiteEmbedder(model)
    with pytest.raises(InputError, match=message):
        embedder.embed(wrong)
    assert embedder.embed(waveform(800)).any()


def test_absent_and_foreign_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.tflite: does not exist"):
        TFLiteEmbedder(tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="is not a file"):
        TFLiteEmbedder(tmp_path)
    path = tmp_path / "model.tflite"
    for content in (b"RIFF", b"RIFF0000WAVE" * 20):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"model\.tflite: not a TFLite file"):
            TFLiteEmbedder(path)
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(InputError, match="larger than any model"):
        TFLiteEmbedder(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page .* download it again"),
        (b"\x1f\x8b\x08" + bytes(80), "compressed by gzip; unpack it"),
        (b"", "empty; download or copy it again"),
    ],
)
def test_what_stands_in_place_of_a_model_is_told(tmp_path, content, message):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    for read in (open_model, inspect):
        with pytest.raises(InputError, match=rf"model\.tflite: .*{message}"):
            read(path)


def of_another_tool(content):
    """A sound file without what tfsv writes beside the graph."""
    model = flatbuffer.parse(content)
    model.metadata = [x for x in model.metadata if not x.name.startswith(b"tfsv.")]
    return flatbuffer.serialise(model)


def test_a_sound_file_of_another_tool_is_not_called_damaged(model, tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(of_another_tool(model.read_bytes()))
    Interpreter(model_path=str(path)).allocate_tensors()
    for read in (open_model, inspect):
        with pytest.raises(InputError, match="a TFLite file, but not made by tfsv") as refusal:
            read(path)
        assert "again" not in str(refusal.value)


def test_the_case_of_an_ending_does_not_matter(model, tmp_path):
    for name in ("MODEL.TFLITE", "Model.Tflite"):
        (tmp_path / name).write_bytes(model.read_bytes())
        assert open_model(tmp_path / name).embed(waveform(8000)).any()


def test_truncated_files_are_named(model, tmp_path):
    content = model.read_bytes()
    path = tmp_path / "cut.tflite"
    ends = [*range(8, 64), *np.linspace(64, len(content) - 1, 60, dtype=int)]
    for end in ends:
        path.write_bytes(content[:end])
        with pytest.raises(InputError) as caught:
            TFLiteEmbedder(path)
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def edited(content, edit):
    model = flatbuffer.parse(content)
    edit(model)
    return seal.seal(flatbuffer.serialise(model))


def without_card(model):
    model.metadata = [x for x in model.metadata if x.name != b"tfsv.card"]


def with_broken_card(model):
    flatbuffer.set_metadata(model, "tfsv.card", b"{\xff")


def with_unreadable_card(model):
    flatbuffer.set_metadata(model, "tfsv.card", b"{}")


def with_fixed_length(model):
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = None


@pytest.mark.parametrize(
    "edit, message",
    [
        (without_card, "has no model card"),
        (with_broken_card, "not a sound TFLite file"),
        (with_unreadable_card, "not a model card"),
        (with_fixed_length, "not a waveform-to-embedding model"),
    ],
)
def test_files_that_tfsv_did_not_export_are_named(model, tmp_path, edit, message):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(edited(model.read_bytes(), edit))
    with pytest.raises(InputError, match=f"foreign.tflite.*{message}"):
        TFLiteEmbedder(path)


def test_files_without_a_checksum_or_with_a_wrong_one_are_named(model, tmp_path):
    path = tmp_path / "changed.tflite"
    content = model.read_bytes()
    place = flatbuffer.find_metadata(content, seal.SEAL_ENTRY)
    for position in (place.start, place.stop - 1, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(InputError, match="changed.tflite: not a sound TFLite file"):
            TFLiteEmbedder(path)
    parsed = flatbuffer.parse(content)
    parsed.metadata = [x for x in parsed.metadata if x.name != seal.SEAL_ENTRY.encode()]
    path.write_bytes(flatbuffer.serialise(parsed))
    with pytest.raises(InputError, match="has no checksum"):
        TFLiteEmbedder(path)


def test_a_batch_is_its_utterances_in_order(model, monkeypatch):
    embedder = TFLiteEmbedder(model)
    waveforms = [waveform(samples) for samples in (9000, 8000, 9000, 400)]
    wanted = np.stack([embedder.embed(x) for x in waveforms])
    lengths = resized_lengths(monkeypatch)
    np.testing.assert_array_equal(embedder.embed_batch(waveforms), wanted)
    assert lengths == [8000, 9000] and embedder.threads == 1
    with pytest.raises(InputError, match="the batch is empty"):
        embedder.embed_batch([])


def test_a_long_recording_is_the_average_of_its_windows(model):
    embedder = TFLiteEmbedder(model)
    sound = waveform(32000)
    halves = 100 * embedder.embed(sound[:16000]) + 98 * embedder.embed(sound[16000:])  # frames
    wanted = halves / np.linalg.norm(halves)
    np.testing.assert_allclose(embedder.embed_long(sound, window_seconds=1.0), wanted, atol=1e-6)


def test_a_file_of_another_task_is_no_embedder(tmp_path):
    features = keras.Input((None, 4), name="features")
    network = keras.Model(features, keras.layers.Dense(3, name="mask")(features))
    path = tmp_path / "mask.tflite"
    export_tflite(network, {}, tiny_networks.card(), path, Ends.of(network))
    for make in (TFLiteEmbedder, lambda path: TFLiteEmbedder.of(Runner(path))):
        with pytest.raises(InputError, match=r"mask\.tflite: not a waveform-to-embedding model"):
            make(path)


def test_open_model_takes_a_file_or_a_folder(model, tmp_path):
    assert isinstance(open_model(str(model), threads=2), TFLiteEmbedder)
    network = build_network("resnet18", channels=2, bins=8, embedding_size=4)
    card = speaker_card(NetworkSettings("resnet18", 2, 8, 4), {"bins": 8})
    save_model(tmp_path / "folder", network, card)
    opened = open_model(tmp_path / "folder")
    assert isinstance(opened, KerasEmbedder) and opened.card == card
    assert opened.embed(waveform(8000)).shape == (4,)


def test_open_model_names_what_it_cannot_open(tmp_path):
    other = tmp_path / "model.onnx"
    other.write_bytes(b"")
    with pytest.raises(InputError, match=r"model\.onnx: neither a model folder nor"):
        open_model(other)
    with pytest.raises(InputError, match="nowhere: does not exist"):
        open_model(tmp_path / "nowhere")
    with pytest.raises(InputError, match="does not exist"):
        open_model(tmp_path / "nowhere.tflite")
    with pytest.raises(InputError, match="not a model folder"):
        open_model(tmp_path)
    with pytest.raises(InputError, match="threads=0"):
        open_model(tmp_path / "nowhere.tflite", threads=0)
