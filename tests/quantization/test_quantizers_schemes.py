"""What holds for every scheme, and for some of them."""

import numpy as np
import pytest
from check_quantizer import check_quantizer, every_case, quantizer_of, schemes_of, trains_latent
from quantized_layers import fitted, layer_weights

from tfsv.quantization.schemes import SCHEMES


@pytest.mark.parametrize("name", SCHEMES)
def test_every_registered_quantizer(name):
    check_quantizer(name)


def test_settings_are_taken_from_the_quantizers():
    assert [scheme for name in SCHEMES for scheme in schemes_of(name)] == [
        "kmeans", "kmeans:centroids=gradient", "adaptive_binary", "admm", "apot", "binary_weight",
        "binary_weight:forward=latent", "pot", "static_binary", "uniform", "uniform:scale=max",
    ]  # fmt: skip


def test_all_but_two_train_with_the_weights_that_inference_uses():
    latent = {scheme for scheme, bits in every_case() if trains_latent(scheme, bits)}
    assert latent == {"admm", "binary_weight:forward=latent"}


def test_all_but_kmeans_have_symmetric_levels_around_zero_or_the_mean():
    latent = layer_weights((3, 3, 32, 48))
    for scheme, bits in every_case():
        if bits > 1 and not scheme.startswith("kmeans"):
            quantizer = quantizer_of(scheme, bits)
            coded = quantizer.coded(latent, fitted(quantizer, latent))
            assert len(coded.codebook) == 2**bits - 1, (scheme, bits)


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
    for scheme, bits in every_case():
        quantizer = quantizer_of(scheme, bits)
        coded = quantizer.coded(latent, fitted(quantizer, latent))
        best = quantizer_of("kmeans", bits)
        if coded.scale is None:
            assert best.coded(latent, fitted(best, latent)).error <= coded.error * (1 + 1e-6)
