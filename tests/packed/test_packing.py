import dataclasses

import numpy as np
import pytest
import speech_stub
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from exported_files import kernel_tensor, run, waveform

from tfsv.audio import soundfiles
from tfsv.conversion import packing
from tfsv.conversion.convert import Conversion, convert, export_tflite
from tfsv.conversion.ends import keras_runner
from tfsv.conversion.folding import channel_scaled, fold_batch_norm
from tfsv.conversion.kernels import tflite_layout
from tfsv.conversion.static_int8 import static_int8_kernel
from tfsv.errors import InputError
from tfsv.kernel_layers import kernel_layer
from tfsv.models import NetworkSettings, build_network
from tfsv.packed import expand, flatbuffer
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import quantizable_layers, quantize, refresh_codebooks, strip
from tfsv.quantization.schemes import SCHEMES
from tfsv.runtime.runner import Runner
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card
from tfsv.verification.recorded_inputs import calibration_inputs
from tfsv.verification.tflite_embedder import TFLiteEmbedder

layers = keras.layers
COMPUTES = ("float32", "int8_weights", "int8")


def repeated_network() -> keras.Model:
    """Blocks of equal shapes, as deep networks have them, with odd numbers of weights."""
    features = keras.Input((None, tiny_networks.BINS))
    x = layers.Conv1D(7, 1, name="stem")(features)
    for block in range(5):
        y = layers.Conv1D(7, 3, padding="same", name=f"wide{block}")(x)
        y = layers.ReLU()(layers.BatchNormalization(name=f"norm{block}")(y))
        x = layers.Add()([x, layers.Conv1D(7, 1, name=f"narrow{block}")(y)])
    x = layers.GlobalAveragePooling1D()(x)
    network = keras.Model(features, layers.Dense(tiny_networks.EMBEDDING, name="embedding")(x))
    return tiny_networks.randomised(network)


NETWORKS = {
    "image": tiny_networks.image_network,
    "time": tiny_networks.time_network,
    "sequence": tiny_networks.sequence_network,
    "repeated": repeated_network,
}


@dataclasses.dataclass(frozen=True)
class Made:
    """A network, its coded weights by layer, and its conversion to a packed file."""

    network: keras.Model
    coded: dict[str, CodedWeights]
    conversion: Conversion


def mixed(network):
    """Codes of 1 to 8 bits, layer by layer; some have a scale of their own for each channel."""
    random = np.random.default_rng(5)
    coded, bits = {}, 0
    for layer in quantizable_layers(network):
        kernel, *rest = layer.get_weights()
        bits = bits % 8 + 1
        codebook = np.sort(random.normal(0, 0.2, 2**bits)).astype(np.float32)
        codes = random.integers(0, 2**bits, kernel.shape, np.uint8)
        scale = None
        if layer.name in ("dilated", "narrow1", "depthwise1"):
            channels = kernel_layer(layer).output_channels(kernel.shape)
            scale = random.uniform(0.5, 2, channels).astype(np.float32)
        coded[layer.name] = CodedWeights(codes, codebook, bits, scale, error=0.5 / bits)
        layer.set_weights([coded[layer.name].decode(), *rest])
    return coded


def uniform(network, bits):
    return tiny_networks.coded(network, bits)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    return [folder / name for name in speech_stub.write_people(folder, people=3, utterances=2)]


@pytest.fixture(scope="module")
def conversions(recordings):
    """By network and arithmetic; widths are mixed."""
    made = {}
    for name, make in NETWORKS.items():
        network = make()
        coded = mixed(network)
        for compute in COMPUTES:
            inputs = calibration_inputs(recordings)
            card, ends = tiny_networks.card(), tiny_networks.ends()
            conversion = convert(network, coded, card, ends, "packed", compute, inputs)
            made[name, compute] = Made(network, coded, conversion)
    return made


FORMS = pytest.mark.parametrize("form", [(n, c) for n in NETWORKS for c in COMPUTES])


@FORMS
def test_expanded_kernels_are_centroids_times_scales_bit_for_bit(conversions, form):
    made = conversions[form]
    network, coded, conversion = made.network, made.coded, made.conversion
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(expand.expand(conversion.content()))
    for name, codes in coded.items():
        depthwise = name in folded.depthwise
        _, tensor = kernel_tensor(model, name)
        held = flatbuffer.constant(model, tensor)
        if form[1] == "float32" or (depthwise and form[1] == "int8_weights"):
            wanted = channel_scaled(codes.codebook[codes.codes], folded.scales[name])
        else:
            kernel = static_int8_kernel(folded, name)
            wanted = kernel.values
            np.testing.assert_array_max_ulp(
                np.broadcast_to(tensor.quantization.scale, kernel.scales.shape), kernel.scales, 1
            )
        wanted = tflite_layout(wanted, depthwise=depthwise)
        assert held.dtype == wanted.dtype and held.tobytes() == wanted.tobytes(), name


@FORMS
def test_codes_and_errors_come_back(conversions, form):
    made = conversions[form]
    network, coded, conversion = made.network, made.coded, made.conversion
    content = conversion.content()
    record = expand.packed_record(content)
    names = {}
    groups = expand.packed_groups(content)
    for group in groups:
        for layer, kernel in enumerate(group.group.kernels):
            tensor = conversion.model.subgraphs[0].tensors[kernel]
            names[tensor.name] = group.codes(layer), group.group
            assert group.group.errors[layer] == pytest.approx(coded[tensor.name].error)
    assert set(names) == set(coded) and len(groups) == len(record.groups)
    for name, (codes, group) in names.items():
        depthwise = kernel_layer(network.get_layer(name)).depthwise
        wanted = tflite_layout(coded[name].codes, depthwise=depthwise)
        assert group.bits == coded[name].bits
        np.testing.assert_array_equal(codes, wanted)


@FORMS
def test_any_interpreter_runs_the_packed_file(conversions, form):
    packed = conversions[form].conversion.content()
    expanded = expand.expand(packed)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    runtimes = [
        Interpreter(model_content=packed),
        Interpreter(model_content=packed, experimental_op_resolver_type=plain),
    ]
    if (
        form[0] != "time" or form[1] == "float32"
    ):  # a dense layer of many scales needs TensorFlow 2.17
        runtimes += [tf.lite.Interpreter(model_content=packed)]
    for sound in (waveform(9000), waveform(12345, 1), waveform(9000)):
        wanted = run(Interpreter(model_content=expanded), sound)
        for runtime in runtimes:
            assert run(runtime, sound) @ wanted > (0.9999 if form[1] == "float32" else 0.998)


@FORMS
def test_the_expanded_file_is_the_plain_one(conversions, recordings, form):
    """Same operators in the same order, same embeddings to the last bit."""
    made = conversions[form]
    network, coded, conversion = made.network, made.coded, made.conversion
    weights = "float32" if form[1] == "float32" else "int8"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    inputs = calibration_inputs(recordings)
    plain = convert(network, coded, card, ends, weights, form[1], inputs).content()
    expanded = expand.expand(conversion.content())
    codes = [
        [flatbuffer.builtin_code(model, x) for x in model.subgraphs[0].operators]
        for model in (flatbuffer.parse(plain), flatbuffer.parse(expanded))
    ]
    assert codes[0] == codes[1]
    for samples in (8000, 4321):
        outputs = [run(Interpreter(model_content=x), waveform(samples)) for x in (plain, expanded)]
        np.testing.assert_array_equal(*outputs)


@FORMS
def test_expanded_constants_are_aligned_and_of_the_declared_size(conversions, form):
    content = conversions[form].conversion.content()
    expanded = expand.expand(content)
    assert len(expanded) == expand.packed_record(content).expanded
    model = schema.Model.GetRootAsModel(expanded, 0)
    start = np.frombuffer(expanded, np.uint8).ctypes.data
    data = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength())]
    assert {(x.ctypes.data - start) % 16 for x in data if not isinstance(x, int)} == {0}


def test_layers_of_one_shape_are_decoded_together(monkeypatch):
    network = repeated_network()
    coded = uniform(network, 3)
    card, ends = tiny_networks.card(), tiny_networks.ends()
    conversion = convert(network, coded, card, ends, "packed", "int8_weights")
    sizes = [len(group.kernels) for group in conversion.packed.groups]
    assert sorted(sizes) == [1, 1, 5, 5]
    monkeypatch.setattr(packing, "LARGEST_GROUP", 2 * 7 * 7 * 3)
    split = convert(network, coded, card, ends, "packed", "int8_weights")
    sizes = [len(group.kernels) for group in split.packed.groups]
    assert sorted(sizes) == [1, 1, 1, 2, 2, 5]
    sound = waveform(8000)
    outputs = [
        run(Interpreter(model_content=expand.expand(x.content())), sound)
        for x in (conversion, split)
    ]
    np.testing.assert_array_equal(*outputs)


def test_a_changed_kernel_is_refused():
    network = repeated_network()
    coded = uniform(network, 2)
    folded = fold_batch_norm(network, coded)
    card, ends = tiny_networks.card(), tiny_networks.ends()
    conversion = convert(network, {}, card, ends, "float32", "float32")
    kernels = {
        tensor.name: index
        for index, tensor in enumerate(conversion.model.subgraphs[0].tensors)
        if tensor.name in folded.kernels
    }
    name = "wide2"
    codes = coded[name].codes.copy()
    codes[0, 0, 0] ^= 1
    changed = dataclasses.replace(
        folded, coded={name: dataclasses.replace(coded[name], codes=codes)}
    )
    with pytest.raises(ValueError, match="wide2: its codes do not decode to its kernel"):
        packing.write_packed(conversion.model, kernels, changed)


@pytest.mark.parametrize("compute", COMPUTES)
def test_stock_and_expanded_agree_on_real_speech(real_speech, tmp_path, compute):
    keras.utils.set_random_seed(0)
    network = build_network("resnet18", channels=8, embedding_size=64)
    names = [layer.name for layer in quantizable_layers(network)]
    network = quantize(network, {name: 1 + i % 8 for i, name in enumerate(names)})
    refresh_codebooks(network)
    network, coded = strip(network)
    paths = real_speech.some_files(6)
    path = tmp_path / "model.tflite"
    card = speaker_card(NetworkSettings("resnet18", 8, 80, 64), {"bins": 80})
    ends, inputs = speaker_ends({"bins": 80}, 64), calibration_inputs(paths)
    export_tflite(network, coded, card, path, ends, "packed", compute, calibration=inputs)
    expanded, stock = TFLiteEmbedder(path), TFLiteEmbedder(path, expanded=False)
    # XNNPACK and the built-in kernels round int8 activations differently, packed or not.
    lowest = 0.998 if compute == "int8" else 0.9999
    for recording in paths:
        sound = soundfiles.read(recording)[:48000]
        assert expanded.embed(sound) @ stock.embed(sound) > lowest


@FORMS
def test_decoding_in_the_graph_changes_no_bit(conversions, form):
    """Built-in kernels give the same for codes, decoded by operators, and for constants."""
    packed = conversions[form].conversion.content()
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    outputs = [
        run(Interpreter(model_content=x, experimental_op_resolver_type=plain), waveform(7000))
        for x in (packed, expand.expand(packed))
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("compute", ("float32", "int8_weights"))
def test_export_loads_expanded_or_as_it_is(tmp_path, compute):
    network = repeated_network()
    coded = mixed(network)
    path = tmp_path / "model.tflite"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    report = export_tflite(network, coded, card, path, ends, "packed", compute)
    assert path.stat().st_size == report.size and report.agreement > 0.99
    assert {row.name: row.bits for row in report.layers} == {n: c.bits for n, c in coded.items()}
    expanded, stock = TFLiteEmbedder(path), TFLiteEmbedder(path, expanded=False)
    sound = waveform(8000)
    assert expanded.embed(sound) @ stock.embed(sound) > 0.999
    assert expanded.card.bits == {name: codes.bits for name, codes in coded.items()}


def test_layers_that_are_not_coded_stay_as_they_are(tmp_path):
    network = tiny_networks.image_network()
    coded = tiny_networks.coded(network, leave=("stem", "embedding"))
    path = tmp_path / "model.tflite"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    report = export_tflite(network, coded, card, path, ends, "packed", "int8_weights")
    bits = {row.name: row.bits for row in report.layers}
    assert bits["stem"] == bits["embedding"] == 8 and bits["grouped"] == bits["depthwise"] == 3
    assert TFLiteEmbedder(path).embed(waveform(8000)).shape == (tiny_networks.EMBEDDING,)


def test_constant_and_one_centroid_layers_pack(tmp_path):
    network = repeated_network()
    coded = uniform(network, 4)
    one = CodedWeights(np.zeros_like(coded["wide1"].codes), np.full(1, 0.25, np.float32), 4)
    zero = CodedWeights(np.zeros_like(coded["wide2"].codes), np.zeros(1, np.float32), 4)
    coded |= {"wide1": one, "wide2": zero}
    for name in ("wide1", "wide2"):
        layer = network.get_layer(name)
        layer.set_weights([coded[name].decode(), *layer.get_weights()[1:]])
    path = tmp_path / "model.tflite"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    report = export_tflite(network, coded, card, path, ends, "packed", "int8_weights")
    assert report.agreement > 0.99


@pytest.mark.parametrize("compute", COMPUTES)
@pytest.mark.parametrize("scheme", ["kmeans", "binary_weight"])
def test_depthwise_layers_slopes_and_norms_from_quantizers_to_files(
    recordings, tmp_path, scheme, compute
):
    network = tiny_networks.sequence_network()
    quantized = quantize(network, SCHEMES[scheme].widths[0], scheme)
    refresh_codebooks(quantized)
    network, coded = strip(quantized)
    assert len(coded["depthwise1"].codebook) == 2 and len(coded) == 8
    path = tmp_path / "model.tflite"
    card, ends = tiny_networks.card(), tiny_networks.ends()
    inputs = list(calibration_inputs(recordings))
    report = export_tflite(network, coded, card, path, ends, "packed", compute, calibration=inputs)
    assert report.agreement > {"float32": 0.9999, "int8_weights": 0.98, "int8": 0.9}[compute]
    weights = "float32" if compute == "float32" else "int8"
    plain = convert(network, coded, card, ends, weights, compute, inputs).content()
    models = [flatbuffer.parse(x) for x in (plain, expand.expand(path.read_bytes()))]
    for name in coded:
        held = [flatbuffer.constant(x, kernel_tensor(x, name)[1]) for x in models]
        assert held[0].tobytes() == held[1].tobytes() and held[0].shape == held[1].shape
    runner, reference = Runner(path), keras_runner(network, ends)
    for given in ends.examples():
        assert ends.agreement(runner(given), reference(given)) >= report.agreement - 1e-6


def test_a_float_model_cannot_be_packed(tmp_path):
    network, card, ends = tiny_networks.time_network(), tiny_networks.card(), tiny_networks.ends()
    with pytest.raises(InputError, match="weights=packed: a float model has no codes"):
        export_tflite(network, {}, card, tmp_path / "m.tflite", ends, "packed")
