import dataclasses

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from exported_files import run
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.conversion.activation_ranges import activation_ranges
from tfsv.conversion.folding import FoldedNetwork, fold_batch_norm
from tfsv.conversion.graph import convert_graph, tidy
from tfsv.conversion.int8 import int8_kernel
from tfsv.conversion.kernels import find_kernels, tflite_layout
from tfsv.conversion.static_int8 import affine_parameters, static_int8_kernel, write_static_int8
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.models.networks.ecapa import ChannelGroups
from tfsv.models.pooling import AttentiveStatistics
from tfsv.packed import flatbuffer
from tfsv.verification.keras_embedder import KerasEmbedder
from tfsv.verification.recorded_inputs import calibration_inputs

layers = keras.layers
OP = schema.BuiltinOperator
FLOAT, INT8, INT32 = (getattr(schema.TensorType, t) for t in ("FLOAT32", "INT8", "INT32"))
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def gated_network():
    """What ECAPA-TDNN is made of: groups, squeeze and excitation, attention over the frames."""
    features = keras.Input((None, tiny_networks.BINS))
    x = layers.ReLU()(layers.Conv1D(8, 3, padding="same", name="first")(features))
    x = shortcut = layers.BatchNormalization(name="first_norm")(x)
    left, right = ChannelGroups(2)(x)
    left = layers.Conv1D(4, 3, padding="same", activation="relu", name="group")(left)
    x = layers.Concatenate()([left, right])
    gate = layers.GlobalAveragePooling1D()(x)
    gate = layers.Dense(4, activation="relu", name="squeeze")(gate)
    gate = layers.Dense(8, activation="sigmoid", name="excite")(gate)
    x = layers.Add()([layers.Multiply()([x, layers.Reshape((1, 8))(gate)]), shortcut])
    scores = layers.Conv1D(6, 1, activation="tanh", name="attention1")(x)
    scores = layers.Conv1D(8, 1, name="attention2")(scores)
    x = AttentiveStatistics()([x, scores])
    x = layers.Dense(tiny_networks.EMBEDDING, name="embedding")(x)
    return tiny_networks.randomised(keras.Model(features, x))


NETWORKS = {
    "image": tiny_networks.image_network,
    "time": tiny_networks.time_network,
    "sequence": tiny_networks.sequence_network,
    "gated": gated_network,
}
EACH = pytest.mark.parametrize("name", NETWORKS)


@dataclasses.dataclass(frozen=True)
class Written:
    """A network that was made int8.

    Attributes:
        network: The Keras network.
        model: What `write_static_int8` made.
        kernels: Tensor of each layer's kernel.
        folded: What was converted.
        content: The float file before.
        ranges: Ranges of its activations.
    """

    network: keras.Model
    model: schema.ModelT
    kernels: dict
    folded: FoldedNetwork
    content: bytes
    ranges: dict


def converted(network, coded):
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(convert_graph(tiny_networks.ends(), folded.network))
    tidy(model)
    return model, find_kernels(model, folded), folded


def ranges_over(content, recordings, **settings):
    return activation_ranges(content, calibration_inputs(recordings, **settings))


def sound(seed, samples=12000):
    random = np.random.default_rng(seed)
    return (random.normal(0, 0.1, samples) * random.uniform(0.2, 1, samples)).astype(np.float32)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for seed in range(8):
        soundfile.write(folder / f"{seed}.wav", sound(seed), 16000, subtype="FLOAT")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def written(recordings):
    """By name of the network; all layers but the first are coded."""
    made = {}
    for name, make in NETWORKS.items():
        network = make()
        coded = tiny_networks.coded(network, leave=("wide", "stem"))
        model, kernels, folded = converted(network, coded)
        content = flatbuffer.serialise(model)
        ranges = ranges_over(content, recordings)
        write_static_int8(model, kernels, folded, ranges)
        made[name] = Written(network, model, kernels, folded, content, ranges)
    return made


def codes(model):
    return [flatbuffer.builtin_code(model, operator) for operator in model.subgraphs[0].operators]


def operators(model, *builtins):
    graph = model.subgraphs[0]
    return [o for o in graph.operators if flatbuffer.builtin_code(model, o) in builtins]


def types(model, indices):
    return [model.subgraphs[0].tensors[index].type for index in indices]


def scale(model, index):
    record = model.subgraphs[0].tensors[index].quantization
    return float(record.scale[0]), int(record.zeroPoint[0])


@EACH
def test_embeddings_agree_with_keras_at_any_length(written, name):
    interpreter = Interpreter(model_content=flatbuffer.serialise(written[name].model))
    reference = KerasEmbedder(written[name].network, tiny_networks.card())
    for seed, samples in enumerate((12000, 5999, 30001, 12000)):
        waveform = sound(100 + seed, samples)
        assert run(interpreter, waveform) @ reference.embed(waveform) > 0.98


@EACH
def test_built_in_kernels_and_the_old_runtime_agree_with_xnnpack(written, name):
    content = flatbuffer.serialise(written[name].model)
    wanted = run(Interpreter(model_content=content), sound(50))
    plain = Interpreter(model_content=content, experimental_op_resolver_type=PLAIN)
    assert run(plain, sound(50)) @ wanted > 0.999
    if name == "time":  # its last layer has a scale for each channel, see test_export.py
        with pytest.raises(ValueError, match="FULLY_CONNECTED' version '12'"):
            tf.lite.Interpreter(model_content=content)
        return
    assert run(tf.lite.Interpreter(model_content=content), sound(50)) @ wanted > 0.999


@EACH
def test_kernels_are_those_of_the_int8_weights_form(written, name):
    model, kernels, folded = written[name].model, written[name].kernels, written[name].folded
    for layer, index in kernels.items():
        tensor = model.subgraphs[0].tensors[index]
        held, depthwise = flatbuffer.constant(model, tensor), layer in folded.depthwise
        kernel = static_int8_kernel(folded, layer)
        assert held.dtype == np.int8
        assert np.array_equal(held, tflite_layout(kernel.values, depthwise=depthwise))
        assert np.all(np.array(tensor.quantization.scale) == kernel.scales[: held.shape[0]]) or (
            depthwise and np.array_equal(tensor.quantization.scale, kernel.scales)
        )
        assert not np.any(tensor.quantization.zeroPoint)
        assert tensor.quantization.quantizedDimension == (3 if depthwise else 0)
        if not depthwise:
            assert np.array_equal(kernel.values, int8_kernel(folded, layer).values)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("image", "depthwise"), ("sequence", "depthwise1"), ("sequence", "depthwise2")],
)
def test_a_depthwise_kernel_keeps_one_set_of_centroids(written, name, layer):
    folded = written[name].folded
    kernel, coded = static_int8_kernel(folded, layer), folded.coded[layer]
    centroids = np.rint(coded.codebook * 127 / np.abs(coded.codebook).max())
    assert set(np.abs(kernel.values).ravel()) <= set(np.abs(centroids))
    step = np.abs(coded.codebook).max() / 127 * np.abs(folded.scales[layer])
    channels = len(kernel.scales)
    product = kernel.values.reshape(-1, channels) * kernel.scales
    wanted = folded.kernels[layer].reshape(-1, channels)
    assert np.all(np.abs(product - wanted) <= 0.501 * step)


def test_float_depthwise_kernels_have_a_scale_for_each_channel():
    network = tiny_networks.sequence_network()
    folded = fold_batch_norm(network, {})
    for layer in ("depthwise1", "depthwise2"):
        kernel = static_int8_kernel(folded, layer)
        wanted = folded.kernels[layer].reshape(-1, len(kernel.scales))
        np.testing.assert_allclose(kernel.scales, np.abs(wanted).max(0) / 127, rtol=1e-6)
        error = np.abs(kernel.values.reshape(wanted.shape) * kernel.scales - wanted)
        assert np.all(error <= 0.501 * kernel.scales)


@EACH
def test_biases_are_int32_in_steps_of_input_times_kernel(written, name):
    model, kernels, folded = written[name].model, written[name].kernels, written[name].folded
    checked = 0
    for layer, index in kernels.items():
        (operator,) = flatbuffer.consumers(model, index)
        if types(model, operator.inputs[:1]) == [FLOAT]:
            assert layer == "embedding"
            continue
        bias, kernel = (model.subgraphs[0].tensors[operator.inputs[i]] for i in (2, 1))
        steps = np.array(kernel.quantization.scale) * scale(model, operator.inputs[0])[0]
        held = flatbuffer.constant(model, bias)
        assert bias.type == INT32 and np.allclose(bias.quantization.scale, steps, rtol=1e-6)
        _, *rest = folded.network.get_layer(layer).get_weights()
        wanted = rest[0] if rest else np.zeros(len(held))
        assert np.all(np.abs(held * steps - wanted) <= 0.51 * steps)
        checked += 1
    assert checked == len(kernels) - 1


def test_a_bias_that_int32_cannot_hold_raises_the_channels_scale(recordings):
    network = tiny_networks.image_network()
    coded = tiny_networks.coded(network)
    norm = next(x for x in network.layers if isinstance(x, layers.BatchNormalization))
    gamma, *rest = norm.get_weights()
    norm.set_weights([np.where(np.arange(8) == 3, 1e-12, gamma), *rest])
    model, kernels, folded = converted(network, coded)
    write_static_int8(model, kernels, folded, ranges_over(flatbuffer.serialise(model), recordings))
    (operator,) = flatbuffer.consumers(model, kernels["stem"])
    bias = model.subgraphs[0].tensors[operator.inputs[2]]
    held = flatbuffer.constant(model, bias) * np.array(bias.quantization.scale, np.float64)
    wanted = folded.network.get_layer("stem").get_weights()[1]
    steps = np.array(bias.quantization.scale)
    assert np.all(np.abs(held - wanted) <= 0.51 * steps + 1e-7 * np.abs(wanted))
    assert np.abs(flatbuffer.constant(model, bias))[3] > 2**30
    embedding = run(Interpreter(model_content=flatbuffer.serialise(model)), sound(60))
    reference = KerasEmbedder(network, tiny_networks.card())
    assert embedding @ reference.embed(sound(60)) > 0.98


@EACH
def test_only_the_network_up_to_the_pooling_is_int8(written, name):
    model, kernels = written[name].model, written[name].kernels
    for layer, index in kernels.items():
        (operator,) = flatbuffer.consumers(model, index)
        expected = [FLOAT, INT8, FLOAT] if layer == "embedding" else [INT8, INT8, INT32]
        assert types(model, operator.inputs) == expected
    everything = codes(model)
    first = everything.index(OP.QUANTIZE)
    for operator in model.subgraphs[0].operators[:first]:
        assert INT8 not in types(model, [*operator.inputs, *operator.outputs])
    for operator in operators(model, OP.SOFTMAX, OP.L2_NORMALIZATION, OP.SUM):
        assert INT8 not in types(model, [*operator.inputs, *operator.outputs])
    # PRELU and the norms behind it are float: five pieces of the sequence network are int8.
    expected = {"image": (1, 1), "time": (1, 1), "sequence": (5, 5), "gated": (1, 2)}[name]
    assert (everything.count(OP.QUANTIZE), everything.count(OP.DEQUANTIZE)) == expected


def test_a_mean_is_int8_in_a_gate_and_float_in_a_pooling(written):
    gated = written["gated"].model
    assert types(gated, operators(gated, OP.MEAN)[-1].outputs) == [INT8]
    for name in ("image", "time"):
        model = written[name].model
        assert types(model, operators(model, OP.MEAN)[-1].outputs) == [FLOAT]


@EACH
def test_scales_obey_the_formats_specification(written, name):
    model = written[name].model
    same = (OP.RESHAPE, OP.EXPAND_DIMS, OP.PAD, OP.CONCATENATION, OP.STRIDED_SLICE, OP.SLICE)
    seen = 0
    for operator in operators(model, *same):
        tensors = [*operator.inputs, *operator.outputs]
        int8 = [index for index in tensors if types(model, [index]) == [INT8]]
        seen += len(int8)
        assert len({scale(model, index) for index in int8}) <= 1
    assert seen >= 2
    for operator in operators(model, OP.LOGISTIC):
        assert scale(model, operator.outputs[0]) == (1 / 256, -128)
    for operator in operators(model, OP.TANH):
        assert scale(model, operator.outputs[0]) == (1 / 128, 0)
    for operator in operators(model, OP.ADD, OP.MUL, OP.CONV_2D):
        kinds = set(types(model, [*operator.inputs[:2], *operator.outputs]))
        assert kinds in ({FLOAT}, {INT8}, {INT32})  # int32: places of frames


def test_a_normalisation_behind_a_relu_becomes_one_exact_depthwise_convolution(written):
    time = written["time"]
    model, kernels, folded = time.model, time.kernels, time.folded
    (wide,) = flatbuffer.consumers(model, kernels["wide"])
    (operator,) = flatbuffer.consumers(model, wide.outputs[0])
    assert flatbuffer.builtin_code(model, operator) == OP.DEPTHWISE_CONV_2D
    kernel, bias = (model.subgraphs[0].tensors[index] for index in operator.inputs[1:])
    gamma, beta, mean, variance = folded.network.get_layer("late_norm").get_weights()
    gain = gamma / np.sqrt(variance + folded.network.get_layer("late_norm").epsilon)
    held = flatbuffer.constant(model, kernel).ravel()
    assert set(np.abs(held)) == {127} and kernel.quantization.quantizedDimension == 3
    assert np.allclose(held * np.array(kernel.quantization.scale), gain, rtol=1e-5)
    steps = np.array(bias.quantization.scale)
    offset = flatbuffer.constant(model, bias) * steps
    assert np.all(np.abs(offset - (beta - mean * gain)) <= 0.51 * steps + 1e-6)
    after = flatbuffer.consumers(model, operator.outputs[0])
    assert OP.ADD not in [flatbuffer.builtin_code(model, reader) for reader in after]


def test_slopes_and_norms_that_do_not_fold_stay_float(written):
    model = written["sequence"].model
    norm = (OP.PRELU, OP.SQUARED_DIFFERENCE, OP.RSQRT, OP.SUB, OP.MEAN)
    left = operators(model, *norm)
    assert {flatbuffer.builtin_code(model, operator) for operator in left} == set(norm)
    for operator in left:
        assert INT8 not in types(model, [*operator.inputs, *operator.outputs])
    depthwise = [
        x for x in operators(model, OP.DEPTHWISE_CONV_2D) if INT8 in types(model, x.inputs)
    ]
    assert len(depthwise) == 2  # none was made of a norm


def test_gated_network_has_int8_gates(written):
    model = written["gated"].model
    for code in (OP.LOGISTIC, OP.TANH, OP.CONCATENATION):
        kinds = [types(model, operator.outputs) for operator in operators(model, code)]
        assert kinds.count([INT8]) == 1


def test_ranges_are_the_widened_extremes(written, recordings):
    image, content = written["image"], written["image"].content
    (operator,) = flatbuffer.consumers(image.model, image.kernels["stem"])
    lowest, highest = image.ranges[int(operator.outputs[0])]
    network = image.folded.network
    stem = next(x for x in network.layers if isinstance(x, layers.ReLU)).output
    inner, front_end = (
        keras.Model(network.input, stem),
        LogMel(**tiny_networks.card().ends["front_end"]),
    )
    maps = [inner(front_end(sound(seed)[np.newaxis])).numpy() for seed in range(8)]
    assert lowest == 0
    assert np.isclose(highest, 1.25 * max(x.max() for x in maps), rtol=1e-3)
    few = ranges_over(content, recordings, maximum=1)
    assert np.isclose(few[int(operator.outputs[0])][1], 1.25 * maps[0].max(), rtol=1e-3)


def test_unusable_recordings_are_passed_over_but_not_all(written, recordings, tmp_path):
    content = written["image"].content
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    assert ranges_over(content, [broken, recordings[0]]) == ranges_over(content, [recordings[0]])
    with pytest.raises(InputError, match=r"no recording to calibrate .*broken\.wav"):
        ranges_over(content, [broken])
    with pytest.raises(InputError, match="list is empty"):
        ranges_over(content, [])


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e4, 0, width=32), st.floats(0, 1e4, width=32))
def test_int8_spans_the_range_and_holds_zero(low, high):
    step, zero = affine_parameters(low, high)
    assert step > 0 and -128 <= zero <= 127
    if step > 1e-30:
        ends = (np.array([-128, 127]) - zero) * np.float64(step)
        assert ends[0] <= low + 0.51 * step and ends[1] >= high - 0.51 * step


def test_real_speech_through_a_wide_network(real_speech):
    network = tiny_networks.image_network()
    model, kernels, folded = converted(network, tiny_networks.coded(network))
    files = real_speech.some_files(24)
    write_static_int8(
        model, kernels, folded, ranges_over(flatbuffer.serialise(model), files, maximum=12)
    )
    interpreter = Interpreter(model_content=flatbuffer.serialise(model))
    reference = KerasEmbedder(network, tiny_networks.card())
    waveforms = [soundfile.read(path, dtype="float32")[0] for path in files[1::4]]
    assert min(run(interpreter, w) @ reference.embed(w) for w in waveforms) > 0.98
