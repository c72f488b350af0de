"""Quantizers from outside the package, as a reader would add them."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from check_quantizer import check_quantizer
from quantized_layers import BATCH, KINDS, every_kind_of_layer

from tfsv.errors import InputError
from tfsv.quantization.coded import CodedWeights, relative_error
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.quantization.schemes import SCHEMES, Scheme
from tfsv.quantization.schemes.base import KernelQuantizer, nearest_centroid, straight_through


@keras.utils.register_keras_serializable("tests")
class TernaryQuantizer(KernelQuantizer):
    """No, minus or plus the largest weight."""

    widths = (2,)

    def variables(self, shape):
        return {}

    def codebook(self, latent, weights):
        return tf.reduce_max(tf.abs(latent)) * tf.constant([-1.0, 0.0, 1.0])

    def forward(self, latent, weights, training):
        return straight_through(latent, nearest_centroid(latent, self.codebook(latent, weights)))


@keras.utils.register_keras_serializable("tests")
class HalvedQuantizer(TernaryQuantizer):
    """Half of its channel's largest weight, with either sign."""

    widths = (1,)

    def __init__(self, bits, channel_axes=1):
        super().__init__(bits)
        self.channel_axes = channel_axes

    @classmethod
    def for_kernel(cls, bits, channel_axes, **settings):
        return cls(bits, channel_axes)

    def forward(self, latent, weights, training):
        scale = self._scale(latent)
        return straight_through(latent, tf.where(latent > 0, scale, -scale))

    def coded(self, latent, weights):
        signs = CodedWeights(
            (latent > 0).astype(np.uint8),
            np.array([-1, 1], np.float32),
            1,
            self._scale(latent).numpy().reshape(-1),
        )
        return CodedWeights(
            signs.codes, signs.codebook, 1, signs.scale, relative_error(latent, signs.decode())
        )

    def get_config(self):
        return {**super().get_config(), "channel_axes": self.channel_axes}

    def _scale(self, latent):
        axes = range(len(latent.shape) - self.channel_axes)
        return tf.reduce_max(tf.abs(latent), list(axes)) * 0.5


@pytest.fixture
def added():
    SCHEMES.add("ternary", TernaryQuantizer)
    SCHEMES.add("halved", HalvedQuantizer)
    yield
    SCHEMES.remove("ternary")
    SCHEMES.remove("halved")


def test_a_quantizer_from_outside_passes_the_check(added):
    check_quantizer("ternary")


def test_it_is_quantized_refreshed_and_stripped_by_its_name(added):
    network = every_kind_of_layer()
    quantized = quantize(network, 2, "ternary:first=8bit")
    refresh_codebooks(quantized)
    plain, coded = strip(quantized)
    assert {name: codes.bits for name, codes in coded.items()} == {
        name: 8 if name == "conv" else 2 for name in KINDS
    }
    largest = np.abs(network.get_layer("dense").kernel).max()
    np.testing.assert_array_equal(coded["dense"].codebook, np.float32([-largest, 0, largest]))
    np.testing.assert_allclose(quantized(BATCH), plain(BATCH), rtol=1e-5, atol=1e-5)


def test_it_is_told_which_axes_are_channels(added):
    network = every_kind_of_layer()
    quantized = quantize(network, 1, "halved")
    refresh_codebooks(quantized)
    _, coded = strip(quantized)
    channels = {name: len(codes.scale) for name, codes in coded.items()}
    assert channels == {"conv": 4, "depthwise": 8, "conv1d": 6, "depthwise1d": 12, "dense": 5}
    kernel = network.get_layer("depthwise1d").depthwise_kernel.numpy()
    np.testing.assert_array_equal(coded["depthwise1d"].scale, np.abs(kernel).max(0).ravel() / 2)


def test_messages_list_it_and_its_widths(added):
    with pytest.raises(InputError, match=r"^scheme=third: unknown; .*, static_binary, ternary, u"):
        Scheme("third")
    with pytest.raises(InputError, match=r"^bits=3: scheme ternary has only 2, and 16 for"):
        quantize(every_kind_of_layer(), 3, "ternary")


def test_a_name_is_given_once(added):
    with pytest.raises(ValueError, match="scheme 'ternary': there is one already"):
        SCHEMES.add("ternary", HalvedQuantizer)


def test_the_order_does_not_depend_on_what_was_imported_first(added):
    first, *others = SCHEMES
    assert first == "kmeans" and others == sorted(set(SCHEMES) - {"kmeans"})
