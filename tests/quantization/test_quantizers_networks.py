"""Which layers of a network are quantized, and what schemes are called."""

import numpy as np
import pytest
import tf_keras as keras
from quantized_layers import BATCH, every_kind_of_layer, training_step

from tfsv.errors import InputError
from tfsv.models import build_network
from tfsv.quantization.activations import BinaryActivation
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks, strip
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.size import model_bytes
from tfsv.quantization.wrapping import quantized_kernels


@pytest.mark.parametrize(
    ("settings", "bits"),
    [
        ({}, {"conv": 2, "dense": 2}),
        ({"first": "float"}, {"dense": 2}),
        ({"last": "float"}, {"conv": 2}),
        ({"first": "8bit", "last": "8bit"}, {"conv": 8, "dense": 8}),
    ],
)
def test_first_and_last_layer(settings, bits):
    bits = {"depthwise": 2, "conv1d": 2, "depthwise1d": 2, **bits}
    quantized = quantize(every_kind_of_layer(), 2, "apot", **settings)
    refresh_codebooks(quantized)
    coded = coded_weights(quantized)
    assert {name: codes.bits for name, codes in coded.items()} == bits
    if bits.get("conv") == 8:
        (latent,) = (x.latent for x in quantized_kernels(quantized) if x.layer.name == "conv")
        top = np.abs(latent.numpy()).max()
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
    """Batch normalisation takes the first layer's scales up; the other four keep theirs."""
    sizes = []
    for scheme in ("static_binary", "binary_weight"):
        quantized = quantize(every_kind_of_layer(), 1, scheme)
        refresh_codebooks(quantized)
        sizes.append(model_bytes(quantized))
    assert sizes[1] - sizes[0] == 4 * (8 + 6 + 12 + 5)


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
        ("kmean", "^scheme=kmean: unknown; choose one of kmeans, adaptive_binary, admm"),
        ("pot:scale=max", "^scheme=pot: has no setting 'scale'; it has first, last"),
        ("uniform:scale=mix", "^scheme=uniform: scale=mix is unknown; choose one of learned, max"),
        ("admm:penalty=-1", "expected a number above 0"),
        ("admm:penalty", "expected a number above 0"),
        ("kmeans:first=9bit", "choose one of coded, 8bit, float"),
    ],
)
def test_unknown_schemes_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        quantize(every_kind_of_layer(), 2, text)
