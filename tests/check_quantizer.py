"""What holds for every quantizer that is registered; a new one gets it by its name alone."""

import contextlib
import itertools
import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings, strategies
from quantized_layers import (
    BATCH,
    KINDS,
    every_kind_of_layer,
    fitted,
    gradients,
    kernels_in_graph,
    layer_weights,
    training_step,
)

from tfsv.errors import InputError
from tfsv.quantization.codebook import assign
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks, strip
from tfsv.quantization.schemes import SCHEMES, Scheme

WIDTHS = (1, 2, 3, 4, 8)


def check_quantizer(name: str) -> None:
    """Puts a registered quantizer through all of this, with each of its settings.

    Among other things: coded weights are what the graph computes, bit for bit; widths that it does
    not have are refused; settings, saved weights and saved networks come back; gradients are
    finite; a layer with a NaN is refused by name.

    Example:
        >>> check_quantizer("kmeans")
    """
    _check_widths(name)
    for scheme in schemes_of(name):
        for bits in widths_of(name):
            with _told(f"{scheme} at {bits} bits"):
                _check_codes(scheme, bits)
                _check_degenerate_kernels(scheme, bits)
                _check_scale_and_mirror(scheme, bits)
                _check_broken_kernel(scheme, bits)
                _check_settings(scheme, bits)
        bits = max([bits for bits in widths_of(name) if bits < 8], default=SCHEMES[name].widths[0])
        with _told(f"{scheme} at {bits} bits in a network"):
            _check_network(scheme, bits)
    with _told(name):
        _check_order_of_layers(name, SCHEMES[name].widths[0])


def schemes_of(name: str) -> list[str]:
    """A scheme with every choice of its settings, as texts; the defaults come first."""
    choices = [
        [(key, value) for value in (allowed if isinstance(allowed, tuple) else (allowed,))]
        for key, allowed in SCHEMES[name].settings.items()
    ]
    return [str(Scheme(name, dict(chosen))) for chosen in itertools.product(*choices)]


def widths_of(name: str) -> list[int]:
    """Some of the scheme's widths."""
    widths = SCHEMES[name].widths
    return [bits for bits in WIDTHS if bits in widths] or list(widths[:1])


def every_case() -> list[tuple[str, int]]:
    """(scheme, bits) of all registered quantizers."""
    return [
        case for name in SCHEMES for case in itertools.product(schemes_of(name), widths_of(name))
    ]


def quantizer_of(scheme: str, bits: int):
    return Scheme.parse(scheme).quantizer(bits)


@contextlib.contextmanager
def _told(case: str):
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{case}: {error}") from error


def _check_widths(name):
    widths = SCHEMES[name].widths
    assert widths and widths == tuple(sorted(set(widths))) and set(widths) <= set(range(1, 9))
    for bits in {0, 1, 2, 8, 9} - set(widths):
        with pytest.raises(InputError, match=f"^bits={bits}: scheme {name} has"):
            quantize(every_kind_of_layer(), bits, name)
        with pytest.raises(InputError, match=f"^bits={bits}: scheme {name} has"):
            quantize(every_kind_of_layer(), {"conv": bits}, name)
        with pytest.raises(ValueError, match="bits: expected"):
            SCHEMES[name](bits)


def _check_codes(scheme, bits):
    """Eager mode, a graph and NumPy give the same; decoded weights have the same codes again."""
    quantizer = quantizer_of(scheme, bits)
    latent = layer_weights((3, 3, 32, 48))
    weights = fitted(quantizer, latent)
    coded = quantizer.coded(latent, weights)
    decoded = coded.decode()
    np.testing.assert_array_equal(quantizer(tf.constant(latent), False, weights), decoded)
    graph = tf.function(lambda x: quantizer(x, False, weights))
    np.testing.assert_array_equal(graph(latent), decoded)
    in_training = quantizer(tf.constant(latent), True, weights).numpy()
    assert in_training.tobytes() in (decoded.tobytes(), latent.tobytes())
    assert coded.bits == bits and len(coded.codebook) <= 2**bits
    assert (np.diff(coded.codebook) > 0).all()
    noise = np.sum((latent - decoded.astype(np.float64)) ** 2)
    assert coded.error == pytest.approx(noise / np.sum(latent.astype(np.float64) ** 2))
    again = assign(coded.codebook[coded.codes], coded.codebook)
    np.testing.assert_array_equal(again, coded.codes)


def _check_degenerate_kernels(scheme, bits):
    """Kernels of zeros, of one value and of one weight lose nothing; gradients are finite."""
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


def _check_scale_and_mirror(scheme, bits):
    """The relative error depends neither on the size of the weights nor on their sign."""
    quantizer = quantizer_of(scheme, bits)

    def error(latent):
        return quantizer.coded(latent, fitted(quantizer, latent)).error

    @settings(max_examples=3, deadline=None)
    @given(factor=strategies.floats(2e-3, 500.0), seed=strategies.integers(0, 1000))
    def of_any_size(factor, seed):
        latent = layer_weights(seed=seed)
        assert error(np.float32(latent * factor)) == pytest.approx(error(latent), rel=0.02)

    of_any_size()
    latent = layer_weights()
    assert error(-latent) == pytest.approx(error(latent), rel=0.01)


def _check_broken_kernel(scheme, bits):
    latent = layer_weights()
    latent[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="layer: 1 of 216 weights are NaN"):
        fitted(quantizer_of(scheme, bits), latent)


def _check_settings(scheme, bits):
    """Text, configuration and Keras' registry each give the same quantizer again."""
    assert Scheme.parse(str(Scheme.parse(scheme))) == Scheme.parse(scheme)
    for axes in (1, 2):
        quantizer = Scheme.parse(scheme).quantizer(bits, axes)
        latent = layer_weights((3, 4, 6))
        wanted = quantizer.coded(latent, fitted(quantizer, latent)).decode()
        serialized = keras.utils.serialize_keras_object(quantizer)
        for again in (
            type(quantizer).from_config(quantizer.get_config()),
            keras.utils.deserialize_keras_object(serialized),
        ):
            assert type(again) is type(quantizer) and again.get_config() == quantizer.get_config()
            decoded = again.coded(latent, fitted(again, latent)).decode()
            np.testing.assert_array_equal(decoded, wanted)


def _check_network(scheme, bits):
    """Training, exporting and saving agree bit for bit, in all kinds of layers."""
    keras.utils.set_random_seed(5)
    network = every_kind_of_layer()
    quantized = quantize(network, bits, scheme)
    np.testing.assert_array_equal(quantized(BATCH), network(BATCH))  # nothing is on yet
    refresh_codebooks(quantized)
    for gradient in training_step(quantized):
        assert np.isfinite(gradient).all()

    plain, coded = strip(quantized)
    assert list(coded) == KINDS
    for name, kernel in kernels_in_graph(quantized, training=False).items():
        np.testing.assert_array_equal(kernel, coded[name].decode())
    if not trains_latent(scheme, bits):
        for name, kernel in kernels_in_graph(quantized, training=True).items():
            np.testing.assert_array_equal(kernel, coded[name].decode())
    np.testing.assert_allclose(quantized(BATCH), plain(BATCH), rtol=1e-5, atol=1e-5)

    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder, "w.weights.h5")
        quantized.save_weights(weights)
        again = quantize(every_kind_of_layer(), bits, str(Scheme.parse(scheme)))
        again.load_weights(weights)
    np.testing.assert_array_equal(again(BATCH), quantized(BATCH))
    for name, codes in coded_weights(again).items():
        np.testing.assert_array_equal(codes.decode(), coded[name].decode())
        np.testing.assert_array_equal(codes.codes, coded[name].codes)


def _check_order_of_layers(scheme, bits):
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


def trains_latent(scheme: str, bits: int) -> bool:
    """Whether the forward pass of training takes the latent weights as they are."""
    quantizer, latent = quantizer_of(scheme, bits), layer_weights((3, 3, 32, 48))
    value = quantizer(tf.constant(latent), True, fitted(quantizer, latent))
    return np.array_equal(value, latent)
