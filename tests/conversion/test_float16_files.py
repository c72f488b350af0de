"""Kernels of 16 bits in files: float16 constants that any interpreter and XNNPACK take."""

import numpy as np
import pytest
import tensorflow as tf
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from exported_files import kernel_tensor, run, waveform

from tfsv.conversion.convert import convert, export_tflite
from tfsv.conversion.ends import keras_runner
from tfsv.conversion.folding import channel_scaled, fold_batch_norm
from tfsv.conversion.kernels import tflite_layout
from tfsv.errors import InputError
from tfsv.packed import expand, flatbuffer
from tfsv.packed.graph_rules import check_graph
from tfsv.packed.operands import ForeignGraphError
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.runtime.delegation import operators_left
from tfsv.runtime.inspection import inspect
from tfsv.runtime.runner import Runner

BITS = {"stem": 16, "depthwise": 16, "shortcut": 4, "dilated": 16, "embedding": 2}
FLOAT = "grouped"  # the one layer that stays as it is
HALVES = [name for name, bits in BITS.items() if bits == 16]
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
INPUTS = [{"waveform": waveform(9000, seed)[np.newaxis]} for seed in range(3)]
FORMS = pytest.mark.parametrize("compute", ["float32", "int8_weights", "int8"])


@pytest.fixture(scope="module")
def made():
    """A network that computes with quantized weights, and what `strip` makes of it."""
    network = quantize(tiny_networks.image_network(), BITS)
    refresh_codebooks(network)
    return network, *strip(network)


@pytest.fixture(scope="module")
def conversions(made):
    """Conversions to packed files, by what they compute with."""
    _, plain, stored = made
    card, ends = tiny_networks.card(), tiny_networks.ends()
    return {
        compute: convert(plain, stored, card, ends, "packed", compute, INPUTS)
        for compute in ("float32", "int8_weights", "int8")
    }


def half_of(model, name):
    """The float16 constant of a layer, and the operator that reads what is made of it."""
    index, computed = kernel_tensor(model, name)
    assert computed.type == schema.TensorType.FLOAT32
    assert flatbuffer.constant(model, computed) is None
    graph = model.subgraphs[0]
    (maker,) = [operator for operator in graph.operators if index in operator.outputs]
    (reader,) = flatbuffer.consumers(model, index)
    assert flatbuffer.builtin_code(model, maker) == schema.BuiltinOperator.DEQUANTIZE
    assert model.operatorCodes[maker.opcodeIndex].version == 3
    place = [x is maker for x in graph.operators].index(True)
    assert graph.operators[place + 1] is reader
    return flatbuffer.constant(model, graph.tensors[maker.inputs[0]]), reader


@FORMS
def test_the_file_holds_two_bytes_a_weight(made, conversions, compute):
    _, plain, stored = made
    conversion = conversions[compute]
    content = conversion.content()
    folded = fold_batch_norm(plain, stored)
    sizes = {layer.name: layer for layer in conversion.layers}
    for file in (content, expand.expand(content)):
        model = flatbuffer.parse(file)
        for name in HALVES:
            held, reader = half_of(model, name)
            kernel = channel_scaled(stored[name].decode(), folded.scales[name])
            wanted = tflite_layout(kernel, depthwise=name in folded.depthwise).astype(np.float16)
            assert held.dtype == np.float16 and held.tobytes() == wanted.tobytes()
            graph = model.subgraphs[0]
            assert graph.tensors[reader.inputs[0]].type == schema.TensorType.FLOAT32
            layer = sizes[name]
            assert (layer.bits, layer.weights, layer.codebook, layer.scales) == (
                16, 2 * stored[name].count, 0, 0,
            )  # fmt: skip
            assert layer.size == held.nbytes + 4 * 8  # eight channels have a bias each
    packed = {kernel for group in expand.packed_record(content).groups for kernel in group.kernels}
    assert len(packed) == len(BITS) - len(HALVES)
    assert sizes[FLOAT].bits == (32 if compute == "float32" else 8)
    assert conversion.card.bits == BITS


@FORMS
def test_packed_expanded_and_keras_agree(made, conversions, compute):
    network, plain, _ = made
    content = conversions[compute].content()
    expanded = expand.expand(content)
    runtimes = [
        Interpreter(model_content=content, experimental_op_resolver_type=PLAIN),
        Interpreter(model_content=expanded),
        Interpreter(model_content=expanded, experimental_op_resolver_type=PLAIN),
        tf.lite.Interpreter(model_content=content),
    ]
    keras_models = [keras_runner(x, tiny_networks.ends()) for x in (network, plain)]
    for samples in (9000, 12345):
        sound = waveform(samples, samples)
        in_keras = [x({"waveform": sound[np.newaxis]})["embedding"][0] for x in keras_models]
        np.testing.assert_array_equal(*in_keras)
        for runtime in runtimes:
            cosine = run(runtime, sound) @ in_keras[0]
            assert cosine > {"float32": 1 - 1e-5, "int8_weights": 0.999, "int8": 0.98}[compute]
    if compute == "float32":
        alike = [run(x, waveform(9000)) for x in runtimes[::2]]  # decoded, and expanded
        np.testing.assert_array_equal(*alike)


def test_plain_files_hold_what_packed_ones_expand_to(made, conversions, tmp_path):
    _, plain, stored = made
    card, ends = tiny_networks.card(), tiny_networks.ends()
    for weights, compute in (("int8", "int8_weights"), ("float32", "float32")):
        content = convert(plain, stored, card, ends, weights, compute).content()
        expanded = expand.expand(conversions[compute].content())
        found = [run(Interpreter(model_content=x), waveform(8000)) for x in (content, expanded)]
        np.testing.assert_array_equal(*found)
        (tmp_path / "plain.tflite").write_bytes(content)
        bits = {layer.name: layer.bits for layer in inspect(tmp_path / "plain.tflite").layers}
        wanted = 16 if weights == "int8" else 32
        assert {bits[name] for name in HALVES} == {wanted}


def test_xnnpack_takes_the_constants_and_their_layers(conversions):
    interpreter = Interpreter(model_content=expand.expand(conversions["float32"].content()))
    run(interpreter, waveform(8000))
    kernels = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert not {"DEQUANTIZE", *kernels} & set(operators_left(interpreter))


def test_all_layers_of_16_bits_make_a_plain_file(tmp_path):
    network = quantize(tiny_networks.image_network(), 16)
    refresh_codebooks(network)
    plain, stored = strip(network)
    card, ends = tiny_networks.card(), tiny_networks.ends()
    path = tmp_path / "halves.tflite"
    report = export_tflite(plain, stored, card, path, ends, "packed")
    assert report.agreement > 0.99999 and set(report.card.bits.values()) == {16}
    assert not expand.is_packed(path.read_bytes())
    found = inspect(path)
    assert (found.stored, found.compute, found.entropy()) == ("float16", "float32", None)
    assert found.bytes_by_kind()["codes"] == 2 * sum(x.count for x in stored.values())
    assert {layer.bits for layer in found.layers} == {16} and len(found.layers) == len(stored)
    whole = convert(plain, stored, card, ends, "float32", "float32").content()
    weights = sum(x.count for x in stored.values())
    assert 0 < len(whole) - report.size < 2 * weights  # each DEQUANTIZE takes some bytes
    outputs = Runner(path)({"waveform": waveform(8000)[np.newaxis]})
    assert np.isfinite(outputs["embedding"]).all()


def test_folded_kernels_beyond_the_range_are_refused_in_one_line():
    network = tiny_networks.image_network()
    (norm,) = [node.outbound_layer for node in network.get_layer("stem").outbound_nodes]
    norm.set_weights([norm.gamma * 1e6, *norm.get_weights()[1:]])
    network = quantize(network, {"stem": 16, "embedding": 4})
    refresh_codebooks(network)
    with pytest.raises(InputError, match="stem, with batch normal.*beyond 65504") as caught:
        fold_batch_norm(*strip(network))
    assert "\n" not in str(caught.value)


def test_float16_may_only_be_a_constant(conversions):
    model = flatbuffer.parse(expand.expand(conversions["float32"].content()))
    index, _ = kernel_tensor(model, "stem")
    (maker,) = [x for x in model.subgraphs[0].operators if index in x.outputs]
    check_graph(flatbuffer.serialise(model))
    model.subgraphs[0].tensors[maker.inputs[0]].buffer = 0
    with pytest.raises(ForeignGraphError, match="float16 that is no constant"):
        check_graph(flatbuffer.serialise(model))
