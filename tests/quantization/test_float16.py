"""Weights of 16 bits in Keras: rounding, gradients, range, sizes."""

import math
import struct

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_networks

from tfsv.errors import InputError
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization import CodedWeights, Float16Weights, Scheme
from tfsv.quantization.network import (
    active_layers,
    coded_weights,
    quantizable_layers,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.quantization.size import model_bytes
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.verification.model_card import speaker_card

layers = keras.layers


def dense(kernel):
    """A network of one dense layer with this kernel, `[in, out]`."""
    inputs = keras.Input(kernel.shape[:1])
    network = keras.Model(
        inputs, layers.Dense(kernel.shape[1], use_bias=False, name="only")(inputs)
    )
    network.get_layer("only").set_weights([kernel])
    return network


def python_half(value):
    """The nearest float16 by Python's own conversion, which is neither numpy's nor TensorFlow's."""
    return struct.unpack("<e", struct.pack("<e", value))[0]


def awkward_weights():
    """Ties, subnormal numbers, signed zeros, both ends of the range, and ordinary ones."""
    random = np.random.default_rng(0)
    ordinary = random.normal(0, 0.3, 400)
    tiny = random.choice([-1, 1], 100) * 2.0 ** random.uniform(-27, -13, 100)
    ties = np.array([2049, 2051, 1 + 2**-11, 1 + 3 * 2**-11, 2**-25, 3 * 2**-25, 2**-24])
    ends = np.array([0.0, -0.0, 65504, -65504, 65503, 65472, 6.1e-5, 2.0**-14])
    return np.concatenate([ordinary, tiny, ties, ends]).astype(np.float32)


def test_rounding_is_that_of_ieee_in_inference_in_training_and_when_stripped():
    weights = awkward_weights().reshape(5, -1)
    wanted = np.vectorize(python_half)(weights).astype(np.float32)
    network = quantize(dense(weights), 16)
    inputs = np.eye(5, dtype=np.float32)
    np.testing.assert_array_equal(network(inputs), weights)  # off, as yet
    refresh_codebooks(network)
    compiled = tf.function(network)
    for training in (False, True):
        for found in (network(inputs, training=training), compiled(inputs, training=training)):
            assert found.numpy().tobytes() == (inputs @ wanted).tobytes()
    plain, stored = strip(network)
    assert stored["only"].values.dtype == np.float16 and stored["only"].bits == 16
    assert plain.get_layer("only").kernel.numpy().tobytes() == wanted.tobytes()
    noise, power = (np.sum(np.square(x, dtype="f8")) for x in (weights - wanted, weights))
    error = noise / power
    assert stored["only"].error == pytest.approx(error) and 0 < error < 1e-7


def test_the_gradient_goes_straight_through():
    weights = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    network = quantize(dense(weights), 16)
    refresh_codebooks(network)
    inputs = tf.constant(np.random.default_rng(2).normal(size=(4, 3)), tf.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(network(inputs, training=True))
    (gradient,) = tape.gradient(total, network.trainable_variables)
    wanted = np.tile(inputs.numpy().sum(0)[:, np.newaxis], 2)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)


def test_latent_weights_are_trained_by_steps_that_float16_cannot_hold():
    network = quantize(dense(np.ones((1, 1), np.float32)), 16)
    refresh_codebooks(network)
    optimizer, (latent,) = keras.optimizers.SGD(2.0**-12), network.trainable_variables
    for step, wanted in ((1, 1.0), (2, 1.0), (3, 1 + 2.0**-10)):  # 1 + 3 · 2^-12 rounds up
        with tf.GradientTape() as tape:
            loss = 9.0 - network(tf.ones((1, 1)), training=True)[0, 0]
        optimizer.apply_gradients([(tape.gradient(loss, latent), latent)])
        assert network(tf.ones((1, 1)))[0, 0] == wanted, step


@pytest.mark.parametrize("value", [65505, 70000, -1e30])
def test_weights_beyond_the_range_are_refused_and_saturate_in_between(value):
    network = quantize(dense(np.array([[1.0, value]], np.float32)), 16)
    with pytest.raises(InputError, match="only: 1 of 2 weights are beyond 65504.*float") as caught:
        refresh_codebooks(network)
    assert "\n" not in str(caught.value) and active_layers(network) == []
    network = quantize(dense(np.ones((1, 2), np.float32)), 16)
    refresh_codebooks(network)
    network.trainable_variables[0].assign([[1.0, value]])  # as training may between refreshes
    found = network(np.ones((1, 1)))[0, 1]
    assert found == math.copysign(65504, value)
    assert coded_weights(network)["only"].decode()[0, 1] == found


def test_what_is_not_finite_is_refused_as_with_codes():
    network = quantize(dense(np.array([[1.0, np.nan]], np.float32)), 16)
    with pytest.raises(InputError, match="only: 1 of 2 weights are NaN or infinite"):
        refresh_codebooks(network)


@pytest.mark.parametrize("scheme", ["kmeans", "static_binary", "uniform:first=8bit,last=float"])
def test_every_scheme_has_16_bits_beside_its_own(scheme):
    network = tiny_networks.image_network()
    names = [layer.name for layer in quantizable_layers(network)]
    found = quantized_bits(quantize(network, 16, scheme))
    wanted = dict.fromkeys(names, 16)
    if scheme.startswith("uniform"):
        wanted[names[0]] = 8
        del wanted[names[-1]]
    assert found == wanted
    assert 16 not in Scheme.parse(scheme).widths  # those that a search tries by itself


@pytest.mark.parametrize("bits", [0, *range(9, 16), 17, 32])
def test_other_widths_are_refused_in_one_line(bits):
    for given in (bits, {"embedding": bits}):
        with pytest.raises(InputError, match=f"bits={bits}: scheme kmeans has 1 to 8, and 16") as e:
            quantize(tiny_networks.image_network(), given)
        assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match="values: expected finite float16"):
        Float16Weights(np.array([np.inf], np.float16))
    with pytest.raises(ValueError, match="values: expected finite float16"):
        Float16Weights(np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="error: expected at least 0"):
        Float16Weights(np.zeros(2, np.float16), -1.0)


def test_sizes_count_two_bytes_a_weight():
    network = tiny_networks.image_network()
    before = model_bytes(network)
    names = [layer.name for layer in quantizable_layers(network)]
    mixed = quantize(network, {names[0]: 16, names[1]: 4, names[2]: 16})
    refresh_codebooks(mixed)
    _, stored = strip(mixed)
    kinds = [type(stored[name]) for name in names[:3]]
    assert kinds == [Float16Weights, CodedWeights, Float16Weights]
    counts = [stored[name].count for name in names[:3]]
    assert counts == [3 * 3 * 1 * 8, 3 * 3 * 8, 3 * 3 * 2 * 8]
    codes = math.ceil(counts[1] / 2) + 4 * len(stored[names[1]].codebook)
    saved = 2 * counts[0] + (4 * counts[1] - codes) + 2 * counts[2]
    assert model_bytes(mixed) == before - saved


def test_a_model_folder_comes_back_the_same(tmp_path):
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    network = quantize(network, {"stem": 16, "embedding": 3, "stage1_block1_conv1": 16})
    refresh_codebooks(network)
    card = speaker_card(
        NetworkSettings("resnet18", 2, 16, 8), bits=quantized_bits(network), scheme="kmeans"
    )
    save_model(tmp_path, network, card)
    loaded, found = load_model(tmp_path)
    assert found.bits == {"stem": 16, "stage1_block1_conv1": 16, "embedding": 3}
    x = tf.random.stateless_normal([2, 20, 16], [0, 1])
    np.testing.assert_array_equal(loaded(x), network(x))
    for name, held in coded_weights(loaded).items():
        assert held.content() == coded_weights(network)[name].content()
