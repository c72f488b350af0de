"""Exported files of any task, run by name; and what a runner refuses."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tf_keras as keras
import tiny_networks
from ai_edge_litert.interpreter import Interpreter

from tfsv.conversion import Ends, export_tflite, keras_runner
from tfsv.errors import InputError
from tfsv.packed import flatbuffer, seal
from tfsv.runtime import Port, Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFUSED = r"edited\.tflite: (not a sound TFLite file|a TFLite file, but not made by tfsv)"
layers = keras.layers


def sum_network():
    """Two sequences of equal length, added frame by frame."""
    left, right = keras.Input((None, 3), name="left"), keras.Input((None, 2), name="right")
    x = layers.Add()([layers.Dense(4, name="a")(left), layers.Dense(4, name="b")(right)])
    return tiny_networks.randomised(keras.Model([left, right], layers.ReLU(name="total")(x)))


def inputs(frames=10, seed=0):
    random = np.random.default_rng(seed)
    sizes = {"left": 3, "right": 2}
    return {n: random.standard_normal((1, frames, size), np.float32) for n, size in sizes.items()}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.tflite"
    network = sum_network()
    export_tflite(network, {}, tiny_networks.card(), path, Ends.of(network))
    return path


def test_ports_and_results_go_by_name(model):
    runner = Runner(model, threads=2)
    assert {str(port) for port in runner.inputs} == {
        "left float32 [1, any, 3]",
        "right float32 [1, any, 2]",
    }
    assert runner.outputs == (Port("total", (1, None, 4)),)
    assert (runner.threads, runner.path) == (2, model)
    assert runner.card.trained_on == "nothing"
    network = sum_network()
    reference = keras_runner(network, Ends.of(network))
    results = runner(dict(reversed(inputs().items())))
    assert list(results) == ["total"]
    np.testing.assert_allclose(results["total"], reference(inputs())["total"], atol=1e-5)
    copy = results["total"].copy()
    runner(inputs(12))
    np.testing.assert_array_equal(results["total"], copy)


def test_only_what_changes_its_shape_is_resized(tmp_path, monkeypatch):
    left, right = keras.Input((None, 3), name="left"), keras.Input((None, 2), name="right")
    ends = [layers.Dense(2, name="a")(left), layers.Dense(2, name="b")(right)]
    network, path = keras.Model([left, right], ends), tmp_path / "model.tflite"
    export_tflite(network, {}, tiny_networks.card(), path, Ends.of(network))
    runner, shapes, resize = Runner(path), [], Interpreter.resize_tensor_input

    def counting(interpreter, index, shape):
        shapes.append(shape)
        resize(interpreter, index, shape)

    monkeypatch.setattr(Interpreter, "resize_tensor_input", counting)
    for lengths in ((5, 5), (5, 5), (5, 7), (6, 7), (6, 7)):
        given = {name: inputs(n)[name] for name, n in zip(("left", "right"), lengths, strict=True)}
        results = runner(given)
        assert [results[x].shape[1] for x in ("a", "b")] == list(lengths)
    assert shapes == [(1, 5, 3), (1, 5, 2), (1, 7, 2), (1, 6, 3)]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"left": None}, "takes left, right; received right"),
        ({"more": np.zeros(1, np.float32)}, "takes left, right; received left, right, more"),
        ({"left": [[[1.0, 2.0, 3.0]]]}, r"takes left float32 \[1, any, 3\]; received list"),
        ({"left": np.zeros((1, 10, 3))}, r"received float64 \[1, 10, 3\]"),
        ({"left": np.zeros((1, 10, 4), np.float32)}, r"received float32 \[1, 10, 4\]"),
        ({"left": np.zeros((2, 10, 3), np.float32)}, r"received float32 \[2, 10, 3\]"),
        ({"left": np.zeros((10, 3), np.float32)}, r"received float32 \[10, 3\]"),
        ({"left": np.zeros((1, 0, 3), np.float32)}, r"received float32 \[1, 0, 3\]"),
        (
            {"left": np.zeros((1, 9, 3), np.float32)},
            r"cannot compute left \[1, 9, 3\], right \[1, 10",
        ),
    ],
)
def test_wrong_inputs_are_one_line_about_the_file(model, change, message):
    runner = Runner(model)
    before = runner(inputs())["total"]
    given = {name: x for name, x in (inputs() | change).items() if x is not None}
    with pytest.raises(InputError, match=f"model.tflite: .*{message}") as caught:
        runner(given)
    assert len(str(caught.value).splitlines()) == 1
    np.testing.assert_array_equal(runner(inputs())["total"], before)


def test_a_number_of_threads_below_one_is_refused(model):
    with pytest.raises(InputError, match="threads=0: must be at least 1"):
        Runner(model, threads=0)


def edited(model, tmp_path, edit):
    parsed = flatbuffer.parse(model.read_bytes())
    edit(parsed)
    path = tmp_path / "edited.tflite"
    path.write_bytes(seal.seal(flatbuffer.serialise(parsed)))
    return path


def test_a_file_without_a_signature_has_the_names_of_its_tensors(model, tmp_path):
    def edit(parsed):
        graph = parsed.subgraphs[0]
        parsed.signatureDefs = None
        for number, index in enumerate([*graph.inputs, *graph.outputs]):
            graph.tensors[index].name = f"tensor{number}"

    runner = Runner(edited(model, tmp_path, edit))
    named = {port.shape[2]: port.name for port in runner.inputs}
    assert set(named.values()) == {"tensor0", "tensor1"}
    given = {named[x.shape[2]]: x for x in inputs().values()}
    np.testing.assert_array_equal(runner(given)["tensor2"], Runner(model)(inputs())["total"])


def without_one_input(parsed):
    parsed.signatureDefs[0].inputs.pop()


def with_one_name_twice(parsed):
    for entry in parsed.signatureDefs[0].inputs:
        entry.name = "left"


def with_another_tensor(parsed):
    parsed.signatureDefs[0].outputs[0].tensorIndex = 60_000


def with_a_name_that_is_no_text(parsed):
    parsed.signatureDefs[0].outputs[0].name = b"\xff"


def without_any_name(parsed):
    parsed.signatureDefs = None
    for tensor in parsed.subgraphs[0].tensors:
        tensor.name = None


@pytest.mark.parametrize(
    "edit",
    [
        without_one_input,
        with_one_name_twice,
        with_another_tensor,
        with_a_name_that_is_no_text,
        without_any_name,
    ],
)
def test_inputs_and_outputs_without_names_of_their_own_are_refused(model, tmp_path, edit):
    with pytest.raises(InputError, match=REFUSED) as caught:
        Runner(edited(model, tmp_path, edit))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("folder", ["tfsv/demo", "mobile_demo/golden"])
def test_files_of_earlier_versions_open(folder):
    paths = sorted((ROOT / folder).glob("*.tflite"))
    assert len(paths) >= 3
    for path in paths:
        runner = Runner(path)
        if runner.card.task != "verification":
            continue
        assert runner.inputs == (Port("waveform", (1, None)),)
        (port,) = runner.outputs
        assert (port.name, port.shape[0], port.dtype) == ("embedding", 1, "float32")
        sound = np.random.default_rng(0).normal(0, 0.1, (1, 8000)).astype(np.float32)
        assert port.fits(runner({"waveform": sound})["embedding"])


def test_packed_and_runtime_need_no_tensorflow(model):
    code = (
        "import importlib, pkgutil, sys\n"
        "import tfsv.packed, tfsv.runtime\n"
        "for package in (tfsv.packed, tfsv.runtime):\n"
        "    for module in pkgutil.iter_modules(package.__path__):\n"
        "        importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "    assert all(hasattr(package, name) for name in package.__all__)\n"
        f"tfsv.runtime.Runner({str(model)!r})\n"
        f"tfsv.runtime.inspect({str(model)!r})\n"
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_forms_of_export_need_no_tensorflow():
    code = (
        "import sys\n"
        "from tfsv.conversion import COMPUTE_FORMS\n"
        "assert 'tensorflow' not in sys.modules and COMPUTE_FORMS['float32'] == ('float32',)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
