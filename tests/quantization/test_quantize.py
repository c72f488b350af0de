import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from quantized_layers import KINDS, every_kind_of_layer

from tfsv.errors import InputError
from tfsv.models import build_network
from tfsv.quantization import codebook
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import (
    active_layers,
    coded_weights,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.quantization.schemes.base import nearest_centroid, straight_through
from tfsv.quantization.schemes.kmeans import KMeansQuantizer
from tfsv.quantization.size import model_bytes, quantizable_weights
from tfsv.quantization.wrapping import KernelQuantizeConfig


@pytest.fixture
def network():
    keras.utils.set_random_seed(3)
    return every_kind_of_layer()


@pytest.fixture
def batch():
    return tf.random.stateless_normal([4, 12, 8, 2], [1, 2])


def test_inactive_quantizers_change_nothing(network, batch):
    np.testing.assert_array_equal(quantize(network, 4)(batch), network(batch))


@pytest.mark.parametrize("bits", range(1, 9))
def test_forward_uses_the_codes_bit_for_bit(network, batch, bits):
    quantized = quantize(network, bits)
    refresh_codebooks(quantized)
    plain, coded = strip(quantized)
    assert list(coded) == KINDS
    for name, weights in coded.items():
        kernel = plain.get_layer(name).variables[0].numpy()
        np.testing.assert_array_equal(kernel, weights.decode())
        assert len(np.unique(kernel)) <= 2**bits
        latent = network.get_layer(name).variables[0].numpy()
        np.testing.assert_array_equal(weights.codebook, codebook.kmeans(latent, 2**bits))
    np.testing.assert_allclose(quantized(batch), plain(batch), rtol=1e-5, atol=1e-5)


def test_graph_and_numpy_choose_the_same_centroids():
    random = np.random.default_rng(0)
    weights = random.normal(size=(50, 40)).astype(np.float32)
    centroids = codebook.kmeans(weights, 16)
    weights.flat[:15] = codebook.midpoints(centroids)
    expected = centroids[codebook.assign(weights, centroids)]
    np.testing.assert_array_equal(nearest_centroid(weights, centroids), expected)
    padded = np.pad(centroids[:5], (0, 11), mode="edge")
    expected = centroids[:5][codebook.assign(weights, centroids[:5])]
    np.testing.assert_array_equal(nearest_centroid(weights, padded), expected)


def test_gradient_is_straight_through():
    weights = tf.Variable([0.1, 0.4, 0.9])
    with tf.GradientTape() as tape:
        quantized = straight_through(weights, nearest_centroid(weights, tf.constant([0.0, 1.0])))
        loss = tf.reduce_sum(tf.square(quantized - [3.0, 4.0, 5.0]))
    np.testing.assert_array_equal(quantized, [0.0, 0.0, 1.0])
    np.testing.assert_allclose(tape.gradient(loss, weights), 2 * (quantized - [3.0, 4.0, 5.0]))


def test_every_latent_kernel_gets_a_gradient(network, batch):
    quantized = quantize(network, 2)
    refresh_codebooks(quantized)
    assert len(quantized.trainable_variables) == len(network.trainable_variables)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(quantized(batch, training=True)))
    for gradient in tape.gradient(loss, quantized.trainable_variables):
        assert np.abs(gradient).max() > 0


def test_quantizing_leaves_the_float_network_alone(network, batch):
    before = network(batch).numpy()
    quantized = quantize(network, 1)
    refresh_codebooks(quantized)
    for variable in quantized.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    quantized(batch, training=True)
    np.testing.assert_array_equal(network(batch), before)


def test_codebooks_follow_the_latent_weights(network):
    quantized = quantize(network, {"dense": 2})
    refresh_codebooks(quantized)
    before = coded_weights(quantized)["dense"]
    dense = quantized.get_layer("quant_dense")
    dense.trainable_variables[0].assign(dense.trainable_variables[0] * 2)
    refresh_codebooks(quantized)
    after = coded_weights(quantized)["dense"]
    np.testing.assert_allclose(after.codebook, 2 * before.codebook, rtol=1e-6)
    np.testing.assert_array_equal(after.codes, before.codes)


def test_widths_layer_by_layer(network):
    quantized = quantize(network, {"conv": 3, "dense": 1})
    refresh_codebooks(quantized)
    assert {name: c.bits for name, c in coded_weights(quantized).items()} == {"conv": 3, "dense": 1}


def test_named_layers_are_switched_on_alone(network, batch):
    quantized = quantize(network, {"conv": 3, "depthwise": 2, "dense": 1})
    assert quantized_bits(quantized) == {"conv": 3, "depthwise": 2, "dense": 1}
    refresh_codebooks(quantized, [])
    np.testing.assert_array_equal(quantized(batch), network(batch))
    refresh_codebooks(quantized, ["dense", "conv"])
    assert active_layers(quantized) == list(coded_weights(quantized)) == ["conv", "dense"]
    plain, _ = strip(quantized)
    kernels = [x.get_layer("depthwise").variables[0].numpy() for x in (plain, network)]
    np.testing.assert_array_equal(*kernels)


def test_naming_a_layer_without_a_quantizer_is_refused(network):
    quantized = quantize(network, {"conv": 3})
    with pytest.raises(InputError, match="kinds: no quantizers on conv1d, dense$"):
        refresh_codebooks(quantized, ["conv", "dense", "conv1d"])
    assert active_layers(quantized) == []


def test_saved_with_keras_and_loaded_again(network, batch, tmp_path):
    quantized = quantize(network, 4)
    refresh_codebooks(quantized)
    quantized.save(tmp_path / "network.h5")
    with tfmot.quantization.keras.quantize_scope(
        {"KernelQuantizeConfig": KernelQuantizeConfig, "KMeansQuantizer": KMeansQuantizer}
    ):
        loaded = keras.models.load_model(tmp_path / "network.h5")
    np.testing.assert_array_equal(loaded(batch), quantized(batch))


def test_stripping_a_float_network_copies_it(network, batch):
    plain, coded = strip(network)
    assert coded == {} and plain is not network
    np.testing.assert_array_equal(plain(batch), network(batch))


def test_nan_in_a_layer_names_it(network):
    quantized = quantize(network, 4)
    kernel = quantized.get_layer("quant_depthwise").trainable_variables[0]
    kernel.assign(kernel * np.nan)
    with pytest.raises(InputError, match="depthwise: 72 of 72 weights"):
        refresh_codebooks(quantized)


@pytest.mark.parametrize("bits", [0, 9, {"conv": 12}, {"nowhere": 4}])
def test_bad_widths_are_refused(network, bits):
    with pytest.raises(InputError, match="bits"):
        quantize(network, bits)


def test_coded_weights_check_themselves():
    book = np.array([0.0, 1.0], np.float32)
    codes = np.array([[0, 1], [1, 1]], np.uint8)
    coded = CodedWeights(codes, book, 1)
    np.testing.assert_array_equal(coded.decode(), [[0, 1], [1, 1]])
    assert coded.entropy() == pytest.approx(-(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75)))
    for arguments in [(codes, book, 0), (codes + 1, book, 1), (codes.astype(int), book, 1)]:
        with pytest.raises(ValueError, match="expected"):
            CodedWeights(*arguments)
    with pytest.raises(ValueError, match="1 to 8"):
        KMeansQuantizer(9)


@pytest.mark.parametrize(
    ("name", "bits", "megabytes"),
    [
        ("resnet18", 0, 16.42),
        ("resnet18", 4, 2.07),
        ("resnet18", 1, 0.53),
        ("resnet34", 0, 26.54),
        ("resnet34", 2, 1.69),
    ],
)
def test_sizes_equal_the_published_arithmetic(name, bits, megabytes):
    network = build_network(name)
    if bits:
        network = quantize(network, bits)
        refresh_codebooks(network)
    assert model_bytes(network) / 1e6 == pytest.approx(megabytes, abs=0.006)


def test_quantizable_weights():
    assert quantizable_weights(build_network("resnet18")) == 4_105_440 - 256 - 2 * 2_400


def test_scales_of_channels():
    codes = np.array([[[0, 1], [1, 0], [1, 1]]], np.uint8)  # [1, 3, 2]
    book = np.array([-1.0, 1.0], np.float32)
    last = CodedWeights(codes, book, 1, np.array([0.5, 3.0], np.float32))
    np.testing.assert_array_equal(last.decode(), [[[-0.5, 3], [0.5, -3], [0.5, 3]]])
    both = CodedWeights(codes, book, 1, np.arange(1, 7, dtype=np.float32))  # depthwise
    np.testing.assert_array_equal(both.decode(), [[[-1, 2], [3, -4], [5, 6]]])
    for scale in (np.ones(2), np.ones(3, np.float32), np.float32([1, np.nan])):
        with pytest.raises(ValueError, match="scale"):
            CodedWeights(codes, book, 1, scale)
    with pytest.raises(ValueError, match="error"):
        CodedWeights(codes, book, 1, error=-0.1)
