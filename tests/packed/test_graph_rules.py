"""Graphs that no exporter of tfsv writes are refused, in Python and in the app alike."""

import contextlib
import pathlib
import re

import hostile
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion import Ends, export_tflite
from tfsv.errors import InputError
from tfsv.packed import expand, flatbuffer, graph_rules, operator_table, seal
from tfsv.packed.operands import ForeignGraphError
from tfsv.packed.output_shapes import RULES
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.runtime import Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "mobile_demo" / "golden"
KOTLIN = ROOT / "mobile_demo" / "core" / "src"
MODELS = [*GOLDEN.glob("*.tflite"), *(ROOT / "tfsv" / "demo").glob("*.tflite")]
_Op = schema.BuiltinOperator


def verdict(content):
    """What is said of a file with a right checksum: a reason, "damaged" or "accepted"."""
    try:
        graph_rules.check_graph(expand.expand(content))
        graph_rules.check_graph(content)
    except ForeignGraphError as error:
        return str(error)
    except ValueError:
        return "damaged"
    return "accepted"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_models_that_come_with_tfsv_keep_the_rules(path):
    content = path.read_bytes()
    graph_rules.check_graph(content)
    if expand.is_packed(content):
        graph_rules.check_graph(expand.expand(content))


def test_every_line_of_the_table_has_a_rule_and_known_options():
    for operator in operator_table.BY_CODE.values():
        assert operator.rule in RULES, operator.name
        assert operator.options <= {0, *operator_table.FIELDS}, operator.name
        assert getattr(_Op, operator.name) in operator_table.BY_CODE
    assert {operator.rule for operator in operator_table.BY_CODE.values()} == set(RULES)


def test_the_app_has_the_same_table():
    text = (KOTLIN / "main/kotlin/org/tfsv/core/model/OperatorTable.kt").read_text()
    operators, options = re.findall(r'"""\n(.*?)"""', text, re.DOTALL)
    assert [x.strip() for x in operators.split("\n")] == [
        *operator_table.OPERATORS.strip().split("\n"), "",
    ]  # fmt: skip
    assert [x.strip() for x in options.split("\n")] == [
        *operator_table.OPTIONS.strip().split("\n"), "",
    ]  # fmt: skip


def test_the_app_is_told_of_forgeries_what_is_said_here():
    text = (KOTLIN / "test/kotlin/org/tfsv/core/model/Forgeries.kt").read_text()
    (table,) = re.findall(r'"""\n(.*?)\n *"""', text, re.DOTALL)
    content = (GOLDEN / "packed_mixed.tflite").read_bytes()
    reasons = []
    for line in table.split("\n"):
        place, digits, reason = line.strip().split(" ", 2)
        changed, piece = bytearray(content), bytes.fromhex(digits)
        changed[int(place) : int(place) + len(piece)] = piece
        assert verdict(hostile.sealed(bytes(changed), content)) == reason, line
        reasons.append(reason)
    assert len(set(reasons)) > 50 and {"accepted", "damaged"} < set(reasons)


@pytest.fixture(scope="module")
def plain():
    """A plain int8 model as objects."""
    return (GOLDEN / "int8.tflite").read_bytes()


def said(content, change):
    """What is said of a model with a change."""
    model = flatbuffer.parse(content)
    change(model, model.subgraphs[0])
    with pytest.raises(ForeignGraphError) as refusal:
        graph_rules.check_graph(seal.seal(flatbuffer.serialise(model)))
    return str(refusal.value)


def first(model, code, kind=None):
    """The first operator of a kind, or the first that gives tensors of a type."""
    graph = model.subgraphs[0]
    return next(
        x
        for x in graph.operators
        if flatbuffer.builtin_code(model, x) == code
        and kind in (None, graph.tensors[x.outputs[0]].type)
    )


def _convolution(model):
    return first(model, _Op.CONV_2D, schema.TensorType.INT8)


def _exchanged(model, graph, code):
    first(model, _Op.ADD).opcodeIndex = flatbuffer.operator_code(model, code, 1)


def _variable(model, graph):
    graph.tensors[first(model, _Op.CONV_2D).outputs[0]].isVariable = True


def _one_buffer(model, graph):
    operator = first(model, _Op.CONV_2D)
    graph.tensors[operator.outputs[0]].buffer = graph.tensors[operator.inputs[1]].buffer
    graph.tensors[operator.outputs[0]].shape = graph.tensors[operator.inputs[1]].shape


def _written_twice(model, graph):
    graph.operators[5].outputs = graph.operators[4].outputs


def _own_output(model, graph):
    operator = first(model, _Op.ADD)
    operator.inputs = np.array([operator.inputs[0], operator.outputs[0]], np.int32)


def _stride(model, graph):
    first(model, _Op.CONV_2D).builtinOptions.strideH = 0


def _scale(model, graph):
    operator = _convolution(model)
    graph.tensors[operator.outputs[0]].quantization.scale = np.array([1e-20], np.float32)


def _infinite(model, graph):
    tensor = graph.tensors[_convolution(model).outputs[0]]
    tensor.quantization.scale = np.array([np.inf], np.float32)


def _bias(model, graph):
    tensor = graph.tensors[_convolution(model).inputs[2]]
    flatbuffer.set_constant(model, tensor, np.zeros(3, np.int32))
    tensor.quantization = None


def _giant(model, graph):
    operator = first(model, _Op.PAD)
    tensor = graph.tensors[operator.inputs[1]]
    margins = np.full(tensor.shape, 2**20, np.int32)
    flatbuffer.set_constant(model, tensor, margins)
    graph.tensors[operator.outputs[0]].shape = np.ones(len(margins), np.int32)


def _axis(model, graph):
    tensor = graph.tensors[first(model, _Op.MEAN).inputs[1]]
    flatbuffer.set_constant(model, tensor, np.array(9, np.int32))


def _unused_code(model, graph):
    flatbuffer.operator_code(model, _Op.CUSTOM, 1)


def _metadata(model, graph):
    flatbuffer.set_metadata(model, "reduced_precision_support", b"fp16acc16")


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda m, g: _exchanged(m, g, _Op.WHILE), "WHILE, an operator that is not in its table"),
        (lambda m, g: _exchanged(m, g, _Op.SPLIT), "SPLIT with other options"),
        (lambda m, g: _exchanged(m, g, _Op.STRIDED_SLICE), "STRIDED_SLICE with other options"),
        (lambda m, g: _exchanged(m, g, _Op.DEQUANTIZE), "DEQUANTIZE with other options"),
        (_variable, "writes what is written already"),
        (_one_buffer, "writes what is written already"),
        (_written_twice, "writes what is written already"),
        (_own_output, "reads what no operator before it writes"),
        (_stride, "CONV_2D with an option out of range"),
        (_scale, "scales that do not fit each other"),
        (_infinite, "scales that are not positive and finite"),
        (_bias, "a kernel that does not fit"),
        (_giant, "more memory than any network of tfsv"),
        (_axis, "an axis beyond the rank"),
        (_unused_code, "CUSTOM, an operator that is not in its table"),
        (_metadata, "a metadata entry that no file of tfsv has"),
        (lambda m, g: m.subgraphs.append(g), "a model of 2 graphs"),
        (lambda m, g: setattr(m, "version", 4), "a schema of another version"),
    ],
)  # fmt: skip
def test_what_no_exporter_writes_is_refused_with_the_reason(plain, change, reason):
    assert reason in said(plain, change)


def test_the_message_tells_a_forged_file_from_a_damaged_one(plain, tmp_path):
    model = flatbuffer.parse(plain)
    _stride(model, None)
    path = tmp_path / "forged.tflite"
    path.write_bytes(seal.seal(flatbuffer.serialise(model)))
    with pytest.raises(InputError, match=r"not made by tfsv \(CONV_2D with an option out of"):
        Runner(path)
    path.write_bytes(plain[:-1] + bytes([plain[-1] ^ 1]))
    with pytest.raises(InputError, match="not a sound TFLite file of tfsv .its checksum is wrong"):
        Runner(path)


def _ceiling():
    return keras.layers.Lambda(lambda x: tf.math.ceil(x))


def test_an_operator_that_no_reader_takes_is_named_at_export(tmp_path):
    features = keras.Input((20, 4), name="features")
    hidden = keras.layers.Conv1D(4, 3)(features)
    network = keras.Model(features, _ceiling()(hidden))
    with pytest.raises(InputError, match="cannot be exported: its graph has CEIL, an operator"):
        export_tflite(network, {}, tiny_networks.card(), tmp_path / "x.tflite", Ends.of(network))
    assert not list(tmp_path.iterdir())


def test_a_packed_file_is_expanded_once_at_export(tmp_path, monkeypatch):
    features = keras.Input((20, 4), name="features")
    hidden = keras.layers.Conv1D(4, 3, name="conv")(features)
    expanded = []

    def counted(content):
        expanded.append(expand.expand(content))
        return expanded[-1]

    monkeypatch.setattr("tfsv.runtime.runner.expand", counted)
    for last, refused in ((keras.layers.ReLU(), False), (_ceiling(), True)):
        quantized = quantize(keras.Model(features, last(hidden)), 2)
        refresh_codebooks(quantized)
        plain, coded = strip(quantized)
        path, ends = tmp_path / f"{refused}.tflite", Ends.of(plain)
        with contextlib.ExitStack() as stack:
            if refused:
                stack.enter_context(pytest.raises(InputError, match="graph has CEIL, an operator"))
            export_tflite(plain, coded, tiny_networks.card(), path, ends, "packed")
        assert path.exists() != refused
    assert len(expanded) == 1


def test_inputs_that_are_too_short_are_refused_instead_of_ending_the_process(tmp_path):
    features = keras.Input((None, 4), name="features")
    network = keras.Model(features, keras.layers.Conv1D(4, 9, padding="valid")(features))
    path = tmp_path / "model.tflite"
    export_tflite(network, {}, tiny_networks.card(), path, Ends.of(network))
    runner = Runner(path)
    for frames in (9, 40):
        (output,) = runner({"features": np.zeros((1, frames, 4), np.float32)}).values()
        assert output.shape == (1, frames - 8, 4)
    with pytest.raises(InputError, match=r"cannot compute features \[1, 8, 4\]"):
        runner({"features": np.zeros((1, 8, 4), np.float32)})
    assert runner({"features": np.ones((1, 9, 4), np.float32)})
