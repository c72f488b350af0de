"""What holds for every scheme."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies
from quantized_layers import CASES, fitted, gradients

from tfsv.errors import InputError
from tfsv.quantization.codebook import assign
from tfsv.quantization.schemes import SCHEMES, Scheme

every_case = pytest.mark.parametrize(("scheme", "bits"), CASES)
BATCH = tf.random.stateless_normal([4, 12, 8, 2], [1, 2])


def quantizer_of(scheme, bits):
    return Scheme.parse(scheme).quantizer(bits, None)


def layer_weights(shape=(3, 3, 4, 6), seed=0, deviation=0.05, offset=0.01):
    random = np.random.default_rng(seed)
    return (random.laplace(size=shape) * deviation + offset).astype(np.float32)


@every_case
def test_coded_weights_are_what_the_graph_computes(scheme, bits):
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights((3, 3, 32, 48))
    weights = fitted(quantizer, latent)
    coded = quantizer.coded(latent, weights)
    decoded = coded.decode()
    np.testing.assert_array_equal(quantizer(tf.constant(latent), False, weights), decoded)
    graph = tf.function(lambda x: quantizer(x, False, weights))
    np.testing.assert_array_equal(graph(latent), decoded)
    assert coded.bits == bits and len(coded.codebook) <= 2**bits
    assert (np.diff(coded.codebook) > 0).all()
    noise = np.sum((latent - decoded.astype(np.float64)) ** 2)
    assert coded.error == pytest.approx(noise / np.sum(latent.astype(np.float64) ** 2))
    if bits > 1 and not scheme.startswith("kmeans"):
        assert len(coded.codebook) == 2**bits - 1


@every_case
def test_quantizing_the_decoded_weights_changes_nothing(scheme, bits):
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights()
    coded = quantizer.coded(latent, fitted(quantizer, latent))
    decoded = coded.codebook[coded.codes]
    np.testing.assert_array_equal(assign(decoded, coded.codebook), coded.codes)


@every_case
def test_constant_zero_and_single_weights(scheme, bits):
    quantizer = quantizer_of(scheme, bits)
    for kernel in (
        np.zeros((3, 3, 2, 4), np.float32),
        np.full((3, 3, 2, 4), -0.25, np.float32),
        np.full((1, 1, 1, 1), 0.7, np.float32),
        np.full((1, 1, 1, 1), -3.0, np.float32),
    ):
        weights = fitted(quantizer, kernel)
        coded = quantizer.coded(kernel, weights)
        np.testing.assert_allclose(coded.decode(), kernel, rtol=1e-6)
        assert coded.error < 1e-12
        value, to_latent, to_trained = gradients(quantizer, kernel, weights, 1.0)
        for array in (value, to_latent, *to_trained.values()):
            assert np.isfinite(array).all()


@every_case
@settings(max_examples=3, deadline=None)
@given(factor=strategies.floats(2e-3, 500.0), seed=strategies.integers(0, 1000))
def test_scale_equivariance(scheme, bits, factor, seed):
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights(seed=seed)
    scaled = np.float32(latent * factor)
    error = quantizer.coded(latent, fitted(quantizer, latent)).error
    assert quantizer.coded(scaled, fitted(quantizer, scaled)).error == pytest.approx(
        error, rel=0.02
    )


@every_case
def test_mirrored_weights_give_mirrored_codes(scheme, bits):
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights()
    error = quantizer.coded(latent, fitted(quantizer, latent)).error
    mirrored = quantizer.coded(-latent, fitted(quantizer, -latent)).error
    assert mirrored == pytest.approx(error, rel=0.01)


@every_case
def test_refresh_says_which_layer_is_broken(scheme, bits):
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights()
    latent[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="layer: 1 of 216 weights are NaN"):
        fitted(quantizer, latent)


def test_more_bits_less_error():
    latent = layer_weights((3, 3, 32, 64))
    for scheme in ("kmeans", "uniform", "apot", "admm"):
        errors = []
        for bits in SCHEMES[scheme].widths:
            quantizer = quantizer_of(scheme, bits)
            errors.append(quantizer.coded(latent, fitted(quantizer, latent)).error)
        assert (np.diff(errors) < 0).all(), scheme


def test_kmeans_has_the_least_error_of_all_codebooks():
    latent = layer_weights((3, 3, 32, 64))
    for scheme, bits in CASES:
        quantizer = quantizer_of(scheme, bits)
        coded = quantizer.coded(latent, fitted(quantizer, latent))
        best = quantizer_of("kmeans", bits)
        if coded.scale is None:
            assert best.coded(latent, fitted(best, latent)).error <= coded.error * (1 + 1e-6)
