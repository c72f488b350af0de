"""Every scheme in a network: all kinds of layers, training, export, disk; and which layers."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from quantized_layers import CASES, KINDS, every_kind_of_layer

from tfsv.errors import InputError
from tfsv.models import build_network
from tfsv.quantization.activations import BinaryActivation
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks, strip
from tfsv.quantization.schemes import SCHEMES, Scheme
from tfsv.quantization.size import model_bytes

BATCH = tf.random.stateless_normal([4, 12, 8, 2], [1, 2])


def layer_weights(shape, seed):
    return np.random.default_rng(seed).laplace(0.01, 0.05, shape).astype(np.float32)


@tf.function
def training_step(network):
    """A step of gradient descent large enough to change codes; returns the gradients."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(network(BATCH, training=True) - 1.0))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.05 * gradient)
    return gradients


def kernels_in_graph(network, training):
    """The kernels that quantized layers compute with, in a graph as `fit` has."""
    wrappers = [layer for layer in network.layers if hasattr(layer, "quantize_config")]

    @tf.function
    def kernels():
        return {
            wrapper.layer.name: quantizer(latent, training, variables)
            for wrapper in wrappers
            for latent, quantizer, variables in wrapper._weight_vars
        }

    return kernels()


@pytest.mark.parametrize(
    ("scheme", "bits"), {scheme: (scheme, bits) for scheme, bits in CASES if bits < 8}.values()
)
def test_training_exporting_and_saving_agree_bit_for_bit(scheme, bits, tmp_path):
    keras.utils.set_random_seed(5)
    network = every_kind_of_layer()
    quantized = quantize(network, bits, scheme)
    np.testing.assert_array_equal(quantized(BATCH), network(BATCH))  # nothing is on yet
    refresh_codebooks(quantized)
    for gradient in training_step(quantized):
        assert np.isfinite(gradient).all()

    plain, coded = strip(quantized)
    assert list(coded) == KINDS
    for training in (False,) if scheme.endswith("latent") or scheme == "admm" else (False, True):
        for name, kernel in kernels_in_graph(quantized, training).items():
            np.testing.assert_array_equal(kernel, coded[name].decode())
    np.testing.assert_allclose(quantized(BATCH), plain(BATCH), rtol=1e-5, atol=1e-5)

    quantized.save_weights(tmp_path / "w.weights.h5")
    again = quantize(every_kind_of_layer(), bits, str(Scheme.parse(scheme)))
    again.load_weights(tmp_path / "w.weights.h5")
    for name, codes in coded_weights(again).items():
        np.testing.assert_array_equal(codes.decode(), coded[name].decode())
        np.testing.assert_array_equal(codes.codes, coded[name].codes)


@pytest.mark.parametrize("scheme", ["kmeans", "uniform", "apot", "admm", "binary_weight"])
def test_the_order_of_layers_does_not_matter(scheme):
    bits = SCHEMES[scheme].widths[0]
    kernels = [layer_weights((5, 6), seed) for seed in range(3)]

    def codes(order):
        x = inputs = keras.Input((5,))
        branches = [keras.layers.Dense(6, name=f"dense{i}")(x) for i in order]
        network = keras.Model(inputs, keras.layers.Add()(branches))
        for i in order:
            network.get_layer(f"dense{i}").kernel.assign(kernels[i])
        quantized = quantize(network, bits, scheme)
        refresh_codebooks(quantized)
        return coded_weights(quantized)

    expected = codes((0, 1, 2))
    for order in itertools.permutations(range(3)):
        for name, coded in codes(order).items():
            np.testing.assert_array_equal(coded.decode(), expected[name].decode())


@pytest.mark.parametrize(
    ("settings", "bits"),
    [
        ({}, {"conv": 2, "depthwise": 2, "conv1d": 2, "dense": 2}),
        ({"first": "float"}, {"depthwise": 2, "conv1d": 2, "dense": 2}),
        ({"last": "float"}, {"conv": 2, "depthwise": 2, "conv1d": 2}),
        ({"first": "8bit", "last": "8bit"}, {"conv": 8, "depthwise": 2, "conv1d": 2, "dense": 8}),
    ],
)
def test_first_and_last_layer(settings, bits):
    quantized = quantize(every_kind_of_layer(), 2, "apot", **settings)
    refresh_codebooks(quantized)
    coded = coded_weights(quantized)
    assert {name: codes.bits for name, codes in coded.items()} == bits
    if bits.get("conv") == 8:
        ((kernel, *_),) = quantized.get_layer("quant_conv")._weight_vars
        top = np.abs(kernel.numpy()).max()
        np.testing.assert_allclose(coded["conv"].codebook, np.arange(-127, 128) * top / 127, 1e-6)
    # as a model folder does: the widths of the card and the scheme's text
    again = quantize(every_kind_of_layer(), bits, str(Scheme("apot", settings)))
    again.set_weights(quantized.get_weights())
    np.testing.assert_array_equal(again(BATCH), quantized(BATCH))


def test_shortcuts_left_float():
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    quantized = quantize(network, 4, shortcuts="float")
    refresh_codebooks(quantized)
    coded = coded_weights(quantized)
    assert len(coded) == 18 and not any("shortcut" in name for name in coded)


def test_binary_activations():
    keras.utils.set_random_seed(1)
    quantized = quantize(every_kind_of_layer(), 1, "binary_weight", activations="binary")
    refresh_codebooks(quantized)
    plain, _ = strip(quantized)
    assert type(plain.get_layer("relu")) is BinaryActivation
    inner = keras.Model(plain.input, plain.get_layer("relu").output)
    assert set(np.unique(inner(BATCH))) == {-1.0, 1.0}
    for gradient in training_step(quantized):
        assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(quantized(BATCH), strip(quantized)[0](BATCH), rtol=1e-5, atol=1e-5)


def test_bytes_of_filter_scales():
    """Batch normalisation takes the first layer's scales up; the other three keep theirs."""
    sizes = []
    for scheme in ("static_binary", "binary_weight"):
        quantized = quantize(every_kind_of_layer(), 1, scheme)
        refresh_codebooks(quantized)
        sizes.append(model_bytes(quantized))
    assert sizes[1] - sizes[0] == 4 * (8 + 6 + 5)


def test_text_of_schemes():
    for text in ("kmeans", "admm:penalty=0.01", "binary_weight:first=float,forward=latent"):
        assert str(Scheme.parse(text)) == text
        assert Scheme.parse(text) == Scheme.parse(str(Scheme.parse(text)))
    assert str(Scheme.parse("uniform:scale=learned,last=coded")) == "uniform"
    assert Scheme.parse("kmeans")["first"] == "coded"
    assert Scheme.parse("admm")["penalty"] == 1e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kmean", "unknown; choose one of kmeans, uniform"),
        ("pot:scale=max", "no setting 'scale'; it has first, last"),
        ("uniform:scale=mix", "scale=mix is unknown; choose one of learned, max"),
        ("admm:penalty=-1", "expected a number above 0"),
        ("admm:penalty", "expected a number above 0"),
        ("kmeans:first=9bit", "choose one of coded, 8bit, float"),
    ],
)
def test_unknown_schemes_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        quantize(every_kind_of_layer(), 2, text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_widths_that_a_scheme_does_not_have_are_refused(scheme):
    widths = SCHEMES[scheme].widths
    for bits in {0, 1, 2, 8, 9} - set(widths):
        with pytest.raises(InputError, match=f"--bits={bits}: scheme {scheme} has"):
            quantize(every_kind_of_layer(), bits, scheme)
        with pytest.raises(InputError, match="scheme"):
            quantize(every_kind_of_layer(), {"conv": bits}, scheme)
        with pytest.raises(ValueError, match="bits: expected"):
            SCHEMES[scheme](bits)
