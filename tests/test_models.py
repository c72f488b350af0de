import numpy as np
import pytest
import tensorflow as tf

from tfsv.errors import InputError
from tfsv.models import build_network
from tfsv.models.pooling import TemporalStatisticsPooling


@pytest.mark.parametrize(
    ("name", "parameters", "quantizable", "norm_channels"),
    [("resnet18", 4_105_440, 21, 2_400), ("resnet34", 6_634_336, 37, 4_256)],
)
def test_sizes_equal_the_published_ones(name, parameters, quantizable, norm_channels):
    network = build_network(name)
    norms = [layer for layer in network.layers if "BatchNorm" in type(layer).__name__]
    assert sum(layer.gamma.shape[0] for layer in norms) == norm_channels
    assert sum(np.prod(v.shape) for v in network.trainable_variables) == parameters
    assert sum(hasattr(layer, "kernel") for layer in network.layers) == quantizable
    assert np.prod(network.get_layer("embedding").kernel.shape) + 256 == 1_310_976


def test_embedding_shape_for_any_length():
    network = build_network("resnet18", channels=4, embedding_size=32)
    for frames in (1, 7, 50):
        assert network(tf.zeros([2, frames, 80])).shape == (2, 32)


def test_stride_two_convolutions_pad_both_sides():
    network = build_network("resnet18", channels=2)
    layer = network.get_layer("stage2_block1_conv1")
    assert layer.padding == "valid"
    assert network.get_layer("stage2_block1_conv1_pad").padding == ((1, 1), (1, 1))


def test_pooling_equals_numpy():
    x = np.random.default_rng(0).normal(size=(3, 11, 5, 4)).astype("f4")
    pooled = TemporalStatisticsPooling()(x)
    mean = x.mean(1).reshape(3, -1)
    deviation = np.sqrt(x.var(1, ddof=1) + 1e-7).reshape(3, -1)
    np.testing.assert_allclose(pooled, np.concatenate([mean, deviation], 1), rtol=1e-5, atol=1e-5)


def test_pooling_of_one_frame_is_finite():
    pooled = TemporalStatisticsPooling()(tf.ones([1, 1, 2, 3]))
    np.testing.assert_allclose(pooled[0, 6:], np.sqrt(1e-7), rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [{"name": "resnet19"}, {"name": "resnet18", "channels": 0}, {"name": "resnet18", "bins": 81}],
)
def test_bad_requests_are_refused(arguments):
    with pytest.raises(InputError, match="--"):
        build_network(**arguments)
