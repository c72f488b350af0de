import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from exported_files import kernel_tensor, run, waveform
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.conversion.convert import ExportReport, FileFacts, export_tflite
from tfsv.conversion.folding import FoldedNetwork, channel_scaled, fold_batch_norm
from tfsv.conversion.int8 import coded_kernel, float_kernel
from tfsv.conversion.kernels import find_kernels, tflite_layout
from tfsv.errors import InputError
from tfsv.packed import flatbuffer
from tfsv.packed.assemble import CARD_ENTRY
from tfsv.quantization.coded import CodedWeights
from tfsv.runtime.delegation import operators_left
from tfsv.runtime.runner import Runner
from tfsv.verification.ends import speaker_ends
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.tflite_embedder import TFLiteEmbedder

NETWORKS = {
    "image": tiny_networks.image_network,
    "time": tiny_networks.time_network,
    "sequence": tiny_networks.sequence_network,
}
UNCODED = ("wide", "stem")
WEIGHTS = ("float32", "int8")


@dataclasses.dataclass(frozen=True)
class Exported:
    """A network, its coded weights, the file made of them, and what the export reported."""

    network: keras.Model
    coded: dict[str, CodedWeights]
    path: pathlib.Path
    report: ExportReport


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """`Exported` by network and form; every layer but one is coded."""
    folder = tmp_path_factory.mktemp("exported")
    made = {}
    for name, make in NETWORKS.items():
        network = make()
        coded = tiny_networks.coded(network, leave=UNCODED)
        for weights in WEIGHTS:
            path = folder / f"{name}.{weights}.tflite"
            report = export_tflite(
                network, coded, tiny_networks.card(), path, tiny_networks.ends(), weights
            )
            made[name, weights] = Exported(network, coded, path, report)
    return made


FORMS = pytest.mark.parametrize("form", [(n, w) for n in NETWORKS for w in WEIGHTS])


def dequantized(model, name):
    """The kernel in the file as float32, `[output channels, ...]`."""
    _, tensor = kernel_tensor(model, name)
    values = flatbuffer.constant(model, tensor)
    if values.dtype == np.float32:
        return values
    scale = np.broadcast_to(tensor.quantization.scale, len(values))
    return values * scale.reshape(-1, *[1] * (values.ndim - 1)).astype(np.float32)


@FORMS
def test_embeddings_agree_with_keras_at_any_length(exported, form):
    made = exported[form]
    network, path, report = made.network, made.path, made.report
    reference = KerasEmbedder(network, tiny_networks.card())
    embedder = TFLiteEmbedder(path)
    cosines = [
        embedder.embed(waveform(n, n)) @ reference.embed(waveform(n, n))
        for n in (16000, 3999, 50001, 16000, 1200)
    ]
    assert min(cosines) > (0.9999 if form[1] == "float32" else 0.99)
    assert report.agreement > (0.9999 if form[1] == "float32" else 0.99)


@FORMS
def test_old_and_plain_runtimes_run_the_file(exported, form):
    content = exported[form].path.read_bytes()
    if form == ("time", "int8"):  # its last layer has a scale for each channel
        with pytest.raises(ValueError, match="FULLY_CONNECTED' version '12'"):
            tf.lite.Interpreter(model_content=content)
        return
    sound = waveform(9000)
    wanted = run(Interpreter(model_content=content), sound)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    for interpreter in (
        Interpreter(model_content=content, experimental_op_resolver_type=plain),
        tf.lite.Interpreter(model_content=content),
    ):
        assert run(interpreter, sound) @ wanted > (0.9999 if form[1] == "float32" else 0.99)


@FORMS
def test_the_network_runs_in_xnnpack(exported, form):
    interpreter = Interpreter(model_content=exported[form].path.read_bytes())
    for samples in (8000, 12000):
        run(interpreter, waveform(samples))
        names = operators_left(interpreter)
        gathers = [i for i, name in enumerate(names) if name == "GATHER"]
        network = names[gathers[-1] + 1 :]  # the last gather repeats the frames with sound
        assert set(network) <= {"EXPAND_DIMS", "L2_NORMALIZATION"}
        assert not {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} & set(names)


@FORMS
def test_the_file_is_well_formed(exported, form):
    made = exported[form]
    coded, path, report = made.coded, made.path, made.report
    content = path.read_bytes()
    assert content[4:8] == b"TFL3" and len(content) == report.size
    model = schema.Model.GetRootAsModel(content, 0)
    start = np.frombuffer(content, np.uint8).ctypes.data
    data = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength())]
    offsets = [x.ctypes.data - start for x in data if not isinstance(x, int)]
    assert len(offsets) > 10 and {offset % 16 for offset in offsets} == {0}
    card = json.loads(content[flatbuffer.find_metadata(content, CARD_ENTRY)])
    assert card["bits"] == {name: 3 for name in coded} and card["trained_on"] == "nothing"
    assert card["versions"]["tfsv"] and report.card.bits == card["bits"]
    signature = Interpreter(model_content=content).get_signature_list()
    assert signature == {"serving_default": {"inputs": ["waveform"], "outputs": ["embedding"]}}


def test_an_interpreter_that_resizes_nothing_has_two_seconds(exported):
    interpreter = Interpreter(model_content=exported["image", "float32"].path.read_bytes())
    interpreter.allocate_tensors()
    assert list(interpreter.get_input_details()[0]["shape"]) == [1, 32000]
    interpreter.invoke()


@pytest.mark.parametrize("name", NETWORKS)
def test_float_file_holds_folded_kernels_bit_for_bit(exported, name):
    made = exported[name, "float32"]
    network, coded, path, report = made.network, made.coded, made.path, made.report
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(path.read_bytes())
    assert {row.name for row in report.layers} == set(folded.kernels)
    for row in report.layers:
        wanted = tflite_layout(folded.kernels[row.name], depthwise=row.name in folded.depthwise)
        assert dequantized(model, row.name).tobytes() == wanted.tobytes()
        assert (row.bits, row.weights, row.codebook) == (32, wanted.nbytes, 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_file_holds_one_set_of_centroids_a_layer(exported, name):
    made = exported[name, "int8"]
    network, coded, path, report = made.network, made.coded, made.path, made.report
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(path.read_bytes())
    assert len(report.layers) >= 4
    for row in report.layers:
        index, tensor = kernel_tensor(model, row.name)
        held = flatbuffer.constant(model, tensor)
        wanted = tflite_layout(folded.kernels[row.name], depthwise=row.name in folded.depthwise)
        if row.name in folded.depthwise:
            assert held.tobytes() == wanted.tobytes() and row.bits == 32
            continue
        assert held.dtype == np.int8 and row.bits == 8
        assert np.all(np.array(tensor.quantization.scale) > 0)
        assert not np.any(tensor.quantization.zeroPoint)
        step = np.abs(wanted).reshape(len(wanted), -1).max(axis=1)
        step = np.maximum(step, np.abs(folded.scales[row.name]) * np.abs(wanted).max()) / 127
        error = np.abs(dequantized(model, row.name) - wanted).reshape(len(wanted), -1)
        assert np.all(error <= 0.51 * step[:, np.newaxis])
        for operator in flatbuffer.consumers(model, index):
            bias = model.subgraphs[0].tensors[operator.inputs[2]]
            assert bias.type == schema.TensorType.FLOAT32
        if row.name in coded:
            centroids = np.rint(
                coded[row.name].codebook * 127 / abs(coded[row.name].codebook).max()
            )
            assert set(np.abs(held).ravel()) <= set(np.abs(centroids))


def test_int8_embeddings_are_those_of_dequantized_kernels(exported):
    made = exported["image", "int8"]
    network, coded, path = made.network, made.coded, made.path
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(path.read_bytes())
    for name in folded.kernels:
        layer = folded.network.get_layer(name)
        if name not in folded.depthwise:
            kernel = np.moveaxis(dequantized(model, name), 0, -1)
            layer.set_weights([kernel, *layer.get_weights()[1:]])
    reference = KerasEmbedder(folded.network, tiny_networks.card())
    sound = waveform(20000)
    assert TFLiteEmbedder(path).embed(sound) @ reference.embed(sound) > 0.999


floats = st.floats(-4, 4, width=32)


@settings(max_examples=50, deadline=None)
@given(
    codebook=st.lists(floats, min_size=1, max_size=16),
    scale=st.lists(st.one_of(floats, st.just(0.0)), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_coded_kernel_is_the_rounded_codebook_times_the_scale(codebook, scale, seed):
    codebook = np.sort(np.array(codebook, np.float32))
    scale = np.array(scale, np.float32)
    codes = np.random.default_rng(seed).integers(0, len(codebook), (3, 2, len(scale)), np.uint8)
    coded = CodedWeights(codes, codebook, 4)
    kernel = coded_kernel(coded, scale)
    assert kernel.values.dtype == np.int8 and kernel.values.min(initial=0) >= -127
    assert kernel.scales.dtype == np.float32 and np.all(kernel.scales >= np.finfo("f4").tiny)
    wanted = channel_scaled(coded.decode(), scale)
    step = np.abs(codebook).max() * np.abs(scale) / 127
    error = np.abs(kernel.values * kernel.scales.astype(np.float64) - wanted)
    assert np.all(error <= 0.5001 * step + 2e-36)
    for channel, gain in enumerate(scale):
        if abs(gain) * np.abs(codebook).max() > 1e-30:
            used = {(code, value) for code, value in zip(
                codes[..., channel].ravel(), kernel.values[..., channel].ravel() * np.sign(gain),
                strict=True,
            )}  # fmt: skip
            assert used <= set(enumerate(np.rint(codebook / (np.abs(codebook).max() / 127))))


def test_float_kernel_of_zeros_and_of_one_scale():
    kernel = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    kernel[:, 2] = 0
    each = float_kernel(kernel, per_channel=True)
    assert not each.values[:, 2].any() and each.scales[2] == 1
    assert np.abs(each.values * each.scales - kernel).max() <= np.abs(kernel).max() / 254 * 1.001
    one = float_kernel(kernel, per_channel=False)
    assert len(set(one.scales)) == 1 and len(one.scales) == 4 and np.abs(one.values).max() == 127


def test_a_failed_self_check_leaves_nothing_behind(tmp_path):
    ends = dataclasses.replace(tiny_networks.ends(), lowest={"float32": 1.5})
    network = tiny_networks.time_network()
    with pytest.raises(RuntimeError, match="not written; its outputs agree"):
        export_tflite(network, {}, tiny_networks.card(), tmp_path / "model.tflite", ends)
    assert list(tmp_path.iterdir()) == []


def test_what_is_measured_with_the_file_goes_into_its_card(tmp_path):
    heard = []

    def measure(runner):
        heard.append(TFLiteEmbedder.of(runner).embed(waveform(8000)))
        fields = {"measured": {"eer": 0.125}, "decision": {"thresholds": {"eer": 0.5}}}
        return FileFacts(fields, np.eye(3, 8, dtype=np.int8))

    path = tmp_path / "model.tflite"
    network, ends = tiny_networks.time_network(), tiny_networks.ends()
    report = export_tflite(network, {}, tiny_networks.card(), path, ends, measure=measure)
    embedder = TFLiteEmbedder(path)
    assert embedder.card == report.card and embedder.card.measured == {"eer": 0.125}
    assert path.stat().st_size == report.size
    assert report.cohort == 10 + 24
    np.testing.assert_array_equal(Runner(path).cohort, np.eye(3, 8))
    np.testing.assert_array_equal(embedder.embed(waveform(8000)), heard[0])

    def fail(runner):
        raise InputError("no recordings")

    before = path.read_bytes()
    with pytest.raises(InputError, match="no recordings"):
        export_tflite(network, {}, report.card, path, ends, measure=fail)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_arguments_that_do_not_fit_are_named(tmp_path):
    network, path = tiny_networks.time_network(), tmp_path / "model.tflite"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    with pytest.raises(InputError, match="weights=int3: unknown"):
        export_tflite(network, {}, card, path, ends, "int3")
    for weights, compute, message in (
        ("float32", "int8", "compute=int8: not possible with weights=float32, which takes"),
        ("packed", "float16", "compute=float16: not possible with weights=packed"),
        ("packed", "float32", "weights=packed: a float model has no codes; quantize it first"),
        ("int8", "int8", "compute=int8: needs recordings for calibration"),
    ):
        with pytest.raises(InputError, match=message):
            export_tflite(network, {}, card, path, ends, weights, compute)
    with pytest.raises(InputError, match=r"does not take what its ends give .*80"):
        export_tflite(network, {}, card, path, speaker_ends({"bins": 80}, 8))
    assert list(tmp_path.iterdir()) == []


def test_equal_kernels_are_refused():
    kernel = np.ones((2, 2), np.float32)
    model = schema.ModelT()
    graph, tensor, buffer = schema.SubGraphT(), schema.TensorT(), schema.BufferT()
    buffer.data = np.frombuffer(kernel.tobytes(), np.uint8)
    tensor.shape, tensor.buffer, tensor.type = np.array([2, 2]), 0, schema.TensorType.FLOAT32
    graph.tensors, graph.operators = [tensor], []
    model.subgraphs, model.buffers = [graph], [buffer]
    ones = np.ones(2, np.float32)

    def folded(kernels):
        none = frozenset()
        return FoldedNetwork(None, kernels, dict.fromkeys(kernels, ones), {}, none, none)

    assert find_kernels(model, folded({"a": kernel})) == {"a": 0}
    with pytest.raises(LookupError, match="b: its kernel"):
        find_kernels(model, folded({"a": kernel, "b": kernel}))
    with pytest.raises(LookupError, match="0 times"):
        find_kernels(model, folded({"a": kernel + 1}))
