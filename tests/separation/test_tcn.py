"""Sizes are the paper's, causal networks do not see the future, and layers are kept in files."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.kernel_layers import kernel_layer, kernel_variable
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.separation.frames import BINS
from tfsv.separation.norms import CumulativeLayerNorm, GlobalLayerNorm
from tfsv.separation.separator_settings import SIZES, SeparatorSettings
from tfsv.separation.tcn import block_layers, build_separator, hidden_network

TINY = SeparatorSettings(stacks=2, blocks=3, channels=6, hidden=10)
FORMS = [(False, "global"), (False, "batch"), (True, "cumulative"), (True, "batch")]


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def tiny(causal=False, norm=""):
    keras.utils.set_random_seed(3)
    network = build_separator(dataclasses.replace(TINY, causal=causal, norm=norm), 20)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(drawn(10) * 0.1)
    return network


def kernels(network):
    sizes = {x.name: math.prod(kernel_variable(x).shape) for x in network.layers if kernel_layer(x)}
    return sum(sizes[name] for name in block_layers(sizes)), sum(sizes.values())


@pytest.mark.parametrize(
    "size, in_blocks, elsewhere",
    [
        # 32 blocks of 2 · 256 · 512 + 3 · 512; 11 · 257 features in, 2 · 257 lines out
        ("paper", 8_437_760, 256 * 11 * 257 + 256 * 2 * 257),
        ("half", 2_121_728, 128 * 11 * 257 + 128 * 2 * 257),
        ("small", 12 * (2 * 96 * 192 + 3 * 192), 96 * 11 * 257 + 96 * 2 * 257),
    ],
)
def test_the_numbers_of_weights_are_the_papers(size, in_blocks, elsewhere):
    network = build_separator(SIZES[size], 11 * BINS)
    assert kernels(network) == (in_blocks, in_blocks + elsewhere)
    blocks = block_layers(layer.name for layer in network.layers)
    assert len(blocks) == 3 * SIZES[size].stacks * SIZES[size].blocks
    if size == "paper":  # 9.41 M in all
        assert network.count_params() == 8_437_760 + 32 * (6 * 512 + 256) + elsewhere + 256 + 514
        assert round(network.count_params() / 1e6, 1) == 9.4


@pytest.mark.parametrize("causal, norm", FORMS)
def test_a_causal_network_does_not_see_the_future(causal, norm):
    network = tiny(causal, norm)
    features, spectrum = drawn(1, 40, 1, 20), drawn(1, 40, 2, BINS, seed=1)
    before = network([features, spectrum]).numpy()
    for frame in (5, 25, 39):
        later, other = features.copy(), spectrum.copy()
        later[:, frame:] += drawn(1, 40 - frame, 1, 20, seed=2)
        other[:, frame:] = 0
        after = network([later, other]).numpy()
        change = np.abs(after - before)[:, :frame].max()
        assert (change <= 1e-6) == causal
        assert np.abs(after - before)[:, frame:].max() > 0.01


@pytest.mark.parametrize("dilation", [1, 4])
def test_a_causal_block_reaches_two_dilations_back(dilation):
    settings = SeparatorSettings(1, 1 + int(math.log2(dilation)), 4, 4, True, "batch")
    network = build_separator(settings, 5)
    for layer in network.layers[:]:
        if layer.name.endswith("_depthwise") and f"block{settings.blocks}" not in layer.name:
            kernel_variable(layer).assign(tf.zeros_like(kernel_variable(layer)))
    features = drawn(1, 30, 1, 5)
    moved = features.copy()
    moved[:, 10] += 1
    inner = hidden_network(network)
    spectrum = drawn(1, 30, 2, BINS)
    change = np.abs(inner([moved, spectrum]) - inner([features, spectrum])).max(axis=(0, 2, 3))
    assert list(np.flatnonzero(change > 1e-5)) == [10, 10 + dilation, 10 + 2 * dilation]


def test_norms_are_those_of_numpy():
    x = drawn(2, 7, 1, 5) * 3 + 2
    whole, so_far = GlobalLayerNorm(), CumulativeLayerNorm()
    for layer in (whole, so_far):
        layer.build(x.shape)
        layer.set_weights([drawn(5, seed=1), drawn(5, seed=2)])
    gain, offset = whole.get_weights()
    for example in range(2):
        part = x[example].astype(np.float64)
        wanted = (part - part.mean()) / np.sqrt(part.var() + 1e-5) * gain + offset
        np.testing.assert_allclose(whole(x)[example], wanted, atol=1e-5)
        for frame in range(7):
            part = x[example, : frame + 1].astype(np.float64)
            wanted = (part[-1] - part.mean()) / np.sqrt(part.var() + 1e-5) * gain + offset
            np.testing.assert_allclose(so_far(x)[example, frame], wanted, atol=2e-5)


@pytest.mark.parametrize("size", ["small", "half"])
def test_a_new_network_lets_half_of_the_mixture_through(size):
    keras.utils.set_random_seed(8)
    network = build_separator(SIZES[size], 30)
    spectrum = drawn(1, 50, 2, BINS, seed=1)
    given = network([drawn(1, 50, 1, 30), spectrum]).numpy()
    assert np.sum((given - 0.5 * spectrum) ** 2) < 0.1 * np.sum(given**2)


def test_the_mask_is_a_complex_product():
    network = tiny()
    features, spectrum = drawn(1, 9, 1, 20), drawn(1, 9, 2, BINS, seed=1)
    mask = keras.Model(network.inputs, network.get_layer("mask").output)
    mask = mask([features, spectrum]).numpy()[:, :, 0]
    product = (mask[..., :BINS] + 1j * mask[..., BINS:]) * (
        spectrum[:, :, 0] + 1j * spectrum[:, :, 1]
    )
    found = network([features, spectrum]).numpy()
    np.testing.assert_allclose(found[:, :, 0], product.real, atol=1e-5)
    np.testing.assert_allclose(found[:, :, 1], product.imag, atol=1e-5)


@pytest.mark.parametrize("causal, norm", FORMS)
def test_networks_are_saved_quantized_and_stripped(causal, norm, tmp_path):
    network = tiny(causal, norm)
    given = [drawn(1, 12, 1, 20), drawn(1, 12, 2, BINS, seed=1)]
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(given), network(given))
    names = block_layers(layer.name for layer in network.layers)
    quantized = quantize(network, dict.fromkeys(names, 3), "uniform")
    refresh_codebooks(quantized)
    plain, coded = strip(quantized)
    assert list(coded) == names
    np.testing.assert_allclose(plain(given), quantized(given), atol=1e-5)
    assert hidden_network(plain)(given).shape == (1, 12, 1, 6)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"stacks": 0}, "stacks=0: expected 1 to 16"),
        ({"norm": "layer"}, "norm=layer: expected global or cumulative or batch"),
        ({"norm": "global", "causal": True}, "norm=global: expected cumulative or batch .* causal"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        SeparatorSettings(**wrong)
