"""Networks of any task: several inputs and outputs, sequences, from Keras to a file and back."""

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfsv.conversion import COMPUTE_FORMS, Ends, export_tflite, keras_runner
from tfsv.conversion.convert import ExportReport, convert, self_check
from tfsv.errors import InputError
from tfsv.packed import flatbuffer
from tfsv.runtime import Port, Runner

layers = keras.layers
FORMS = [(weights, compute) for weights, all_of in COMPUTE_FORMS.items() for compute in all_of]
LOWEST = {"float32": 0.9999, "int8_weights": 0.97, "int8": 0.95}
INPUTS = (Port("mixture", (1, None, 6)), Port("cue", (1, None, 4)))
OUTPUTS = (Port("mask", (1, None, 5)), Port("level", (1, 3)))


def two_input_network():
    """A sequence that a second one steers; a sequence comes out of a convolution, and a vector."""
    mixture, cue = keras.Input((None, 6), name="mixture"), keras.Input((None, 4), name="cue")
    x = layers.ReLU()(layers.Conv1D(8, 3, padding="same", name="inner")(mixture))
    gate = layers.ReLU()(layers.Conv1D(8, 3, padding="same", name="steer")(cue))
    gate = layers.GlobalAveragePooling1D()(gate)
    x = layers.BatchNormalization()(layers.Conv1D(8, 3, dilation_rate=2, padding="same")(x))
    x = layers.ReLU()(layers.Multiply()([x, layers.Reshape((1, 8))(gate)]))
    mask = layers.Conv1D(5, 1, name="mask")(x)
    level = layers.Dense(3, name="level")(gate)
    return tiny_networks.randomised(keras.Model([mixture, cue], [mask, level]))


def inputs(mixture, cue, seed=0):
    random = np.random.default_rng(seed)
    shapes = {"mixture": (1, mixture, 6), "cue": (1, cue, 4)}
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def relative_difference(results, wanted):
    differences = [
        np.linalg.norm(results[name] - wanted[name]) / np.linalg.norm(wanted[name])
        for name in wanted
    ]
    return max(differences)


@dataclasses.dataclass(frozen=True)
class Exported:
    """A network, the file made of it, and what the export reported."""

    network: keras.Model
    path: pathlib.Path
    report: ExportReport


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """`Exported` by form; the first convolution is not coded."""
    folder, made = tmp_path_factory.mktemp("exported"), {}
    for weights, compute in FORMS:
        network = two_input_network()
        coded = tiny_networks.coded(network, leave=("inner",))
        path = folder / f"{weights}.{compute}.tflite"
        report = export_tflite(
            network,
            coded,
            tiny_networks.card(),
            path,
            Ends.of(network),
            weights,
            compute,
            calibration=(inputs(50 + 10 * i, 80 - 10 * i, i) for i in range(6)),
            examples=[inputs(70, 30)],
        )
        made[weights, compute] = Exported(network, path, report)
    return made


@pytest.mark.parametrize("form", FORMS, ids="-".join)
@pytest.mark.parametrize("expanded", [True, False], ids=["expanded", "as_it_is"])
def test_a_file_agrees_with_keras_at_any_lengths(exported, form, expanded):
    made = exported[form]
    network, path, report = made.network, made.path, made.report
    runner, reference = Runner(path, expanded=expanded), keras_runner(network, Ends.of(network))
    assert (set(runner.inputs), set(runner.outputs)) == (set(INPUTS), set(OUTPUTS))
    assert report.agreement > LOWEST[form[1]]
    for number, lengths in enumerate([(40, 60), (41, 60), (41, 9), (40, 60), (3, 100)]):
        given = inputs(*lengths, seed=number)
        results = runner(given)
        assert {name: x.dtype for name, x in results.items()} == dict.fromkeys(results, np.float32)
        assert results["mask"].shape == (1, lengths[0], 5) and results["level"].shape == (1, 3)
        difference = relative_difference(results, reference(given))
        assert difference < (1e-5 if form[1] == "float32" else 0.15)


@pytest.mark.parametrize("form", FORMS, ids="-".join)
def test_files_have_named_ends_and_built_in_operators_only(exported, form):
    content = exported[form].path.read_bytes()
    interpreter = Interpreter(model_content=content)
    (signature,) = interpreter.get_signature_list().values()
    assert {name: sorted(names) for name, names in signature.items()} == {
        "inputs": ["cue", "mixture"],
        "outputs": ["level", "mask"],
    }
    model = flatbuffer.parse(content)
    codes = {code.builtinCode for code in model.operatorCodes}
    assert schema.BuiltinOperator.CUSTOM not in codes
    interpreter.allocate_tensors()
    shapes = {tuple(details["shape"].tolist()) for details in interpreter.get_input_details()}
    assert shapes == {(1, 96, 6), (1, 96, 4)}
    interpreter.invoke()


def test_a_fully_int8_convolution_leaves_the_file_as_floats(exported):
    model = flatbuffer.parse(exported["int8", "int8"].path.read_bytes())
    graph = model.subgraphs[0]
    types = {graph.tensors[index].type for index in graph.outputs}
    assert types == {schema.TensorType.FLOAT32}
    tensors = {entry.name: entry.tensorIndex for entry in model.signatureDefs[0].outputs}
    (maker,) = (o for o in graph.operators if tensors[b"mask"] in o.outputs)
    assert flatbuffer.builtin_code(model, maker) == schema.BuiltinOperator.DEQUANTIZE
    assert graph.tensors[maker.inputs[0]].type == schema.TensorType.INT8


def test_an_output_that_int8_layers_read_too_stays_float(tmp_path):
    given = keras.Input((None, 6), name="given")
    inner = layers.Conv1D(8, 3, padding="same", activation="relu", name="inner")(given)
    network = keras.Model(given, [inner, layers.Conv1D(4, 3, padding="same", name="last")(inner)])
    tiny_networks.randomised(network)
    ends, path = Ends.of(network), tmp_path / "model.tflite"
    card = tiny_networks.card()
    export_tflite(network, {}, card, path, ends, "int8", "int8", calibration=list(ends.examples()))
    results = Runner(path)({"given": np.ones((1, 20, 6), np.float32)})
    assert {name: x.dtype.name for name, x in results.items()} == {
        "inner": "float32",
        "last": "float32",
    }


def test_an_unfoldable_normalisation_may_end_a_network(tmp_path):
    given = keras.Input((None, 6), name="given")
    x = layers.ReLU()(layers.Conv1D(8, 3, padding="same", name="inner")(given))
    network = tiny_networks.randomised(keras.Model(given, layers.BatchNormalization(name="out")(x)))
    ends, path = Ends.of(network), tmp_path / "model.tflite"
    for weights, compute in (("float32", "float32"), ("int8", "int8")):
        report = export_tflite(
            network,
            {},
            tiny_networks.card(),
            path,
            ends,
            weights,
            compute,
            calibration=list(ends.examples()),
        )
        assert report.agreement > LOWEST[compute]


@pytest.mark.parametrize("structure", ["dictionary", "sequential", "odd names", "whole numbers"])
def test_networks_of_every_make_have_ends(tmp_path, structure):
    if structure == "dictionary":
        given = {name: keras.Input((None, 4), name=name) for name in ("b", "a")}
        x = layers.Subtract()([layers.Dense(3, name="first")(given["a"]), given["b"][..., :3]])
        network = keras.Model(given, x)
    elif structure == "sequential":
        network = keras.Sequential([keras.Input((None, 4)), layers.Dense(3, name="last")])
    elif structure == "odd names":
        given = keras.Input((None, 4), name="in-put.1")
        network = keras.Model(given, layers.Dense(3, name="out-put.1")(given))
    else:
        given = keras.Input((None,), dtype="int32", name="tokens")
        network = keras.Model(given, layers.Dense(3, name="last")(layers.Embedding(9, 4)(given)))
    ends = Ends.of(network)
    names = [port.name for port in ends.inputs]
    assert names == list(network.input_names) and len(ends.outputs) == 1
    for example in ends.examples():
        assert all(port.fits(example[port.name]) for port in ends.inputs)
        wanted = keras_runner(network, ends)(example)
    if structure == "sequential":
        return  # folding takes functional networks only
    path = tmp_path / "model.tflite"
    assert export_tflite(network, {}, tiny_networks.card(), path, ends).agreement > 0.9999
    results = Runner(path)(example)
    assert relative_difference(results, wanted) < 1e-5


def test_lengths_of_examples_can_be_chosen():
    ends = Ends.of(two_input_network(), lengths=(500, 400))
    shapes = [example["mixture"].shape for example in ends.examples()]
    assert shapes == [(1, 500, 6), (1, 400, 6)] and ends.default_length == 500
    again = [example["cue"] for example in ends.examples()]
    np.testing.assert_array_equal(again[0], next(iter(ends.examples()))["cue"])


def test_a_network_that_does_not_know_its_inputs_is_refused():
    with pytest.raises(ValueError, match="knows its inputs"):
        Ends.of(keras.Sequential([layers.Dense(3)]))


@pytest.mark.parametrize(
    "change, agreement",
    [(0.0, 1.0), (0.1, 0.9), (1.0, 0.0), (-0.1, 0.9), (np.nan, np.nan)],
)
def test_agreement_notices_a_wrong_scale(change, agreement):
    ends = Ends.of(two_input_network())
    wanted = {"mask": np.ones((1, 4, 5)), "level": np.full((1, 3), 2.0)}
    results = {name: (1 + change) * x for name, x in wanted.items()}
    np.testing.assert_allclose(ends.agreement(results, wanted), agreement)


def test_agreement_of_zeros():
    ends = Ends.of(two_input_network())
    zeros, ones = ({"mask": np.full((1, 2, 5), x)} for x in (0.0, 1.0))
    assert ends.agreement(zeros, zeros) == 1 and ends.agreement(ones, zeros) == 0


def test_what_cannot_be_compared_does_not_pass_the_self_check():
    ends = Ends.of(two_input_network())
    reference = keras_runner(two_input_network(), ends)

    def broken(given):
        return {name: x * np.nan for name, x in reference(given).items()}

    def short(given):
        return {name: x[..., :-1] for name, x in reference(given).items()}

    assert self_check(reference, reference, ends) == 1
    for candidate in (broken, short):
        assert not self_check(candidate, reference, ends) > -1e9


def test_what_stands_around_the_network_is_in_the_file(tmp_path):
    network = two_input_network()
    plain = Ends.of(network)
    example = {"mixture": inputs(9, 5)["mixture"][..., 0], "cue": inputs(9, 5)["cue"]}
    ends = dataclasses.replace(
        plain,
        inputs=(Port("mixture", (1, None)), plain.inputs[1]),
        outputs=(Port("mask", (1, None, 5)), plain.outputs[1]),
        before=lambda given: [tf.stack([given["mixture"]] * 6, axis=2), given["cue"]],
        after=lambda results: {"mask": tf.sigmoid(results[0]), "level": results[1]},
        examples=lambda: [example],
    )
    path = tmp_path / "model.tflite"
    export_tflite(network, {}, tiny_networks.card(), path, ends)
    runner = Runner(path)
    assert {port.name: port.shape for port in runner.inputs} == {
        "mixture": (1, None),
        "cue": (1, None, 4),
    }
    given = inputs(30, 20)
    stacked = np.stack([given["mixture"][..., 0]] * 6, axis=2)
    mask = keras_runner(network, plain)({"mixture": stacked, "cue": given["cue"]})["mask"]
    found = runner({"mixture": given["mixture"][..., 0], "cue": given["cue"]})["mask"]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-mask)), atol=1e-5)


def test_ends_that_do_not_fit_are_named():
    network, card = two_input_network(), tiny_networks.card()
    ends = Ends.of(network)
    wrong = dataclasses.replace(ends, before=lambda given: [given["cue"], given["mixture"]])
    with pytest.raises(InputError, match="does not take what its ends give") as caught:
        convert(network, {}, card, wrong, "float32", "float32")
    assert len(str(caught.value).splitlines()) == 1
    wrong = dataclasses.replace(ends, after=lambda results: {"mask": results[0]})
    with pytest.raises(ValueError, match="expected outputs"):
        convert(network, {}, card, wrong, "float32", "float32")


def test_no_input_to_take_ranges_from_is_named():
    network, card = two_input_network(), tiny_networks.card()
    for nothing in ((), iter(())):
        with pytest.raises(InputError, match="compute=int8: needs|no input to take the ranges"):
            convert(network, {}, card, Ends.of(network), "int8", "int8", nothing)
