"""Every network at its published width: parameters, layers, multiply-accumulates."""

import math

import numpy as np
import pytest
import tf_keras as keras

from tfsv.models import NETWORKS, build_network
from tfsv.models.complexity import multiply_accumulates

# Parameters, quantizable layers, channels with batch normalisation, as published or counted from
# the published layouts.
TABLE = {
    "resnet18": (4_105_440, 21, 2_400),
    "resnet34": (6_634_336, 37, 4_256),
    "resnet50": (11_131_360, 54, 13_280),
    "resnet101": (15_892_448, 105, 26_336),
    "resnet152": (19_814_880, 156, 37_856),
    "dfresnet56": (4_478_880, 59, 20_352),
    "dfresnet110": (6_962_592, 113, 41_088),
    "dfresnet179": (9_627_424, 182, 64_704),
    "dfresnet233": (12_111_136, 236, 85_440),
    "dfresnet56_3x3": (4_693_920, 59, 20_352),
    "dfresnet233_3x3": (12_326_176, 236, 85_440),
    "gemini60": (4_047_840, 60, 20_384),
    "gemini114": (6_531_552, 114, 41_120),
    "gemini183": (9_196_384, 183, 64_736),
    "gemini237": (11_680_096, 237, 85_472),
    "ecapa512": (6_190_720, 38, None),
    "ecapa1024": (14_657_088, 38, None),
    "speechbrain_ecapa1024": (20_767_552, 38, None),
    "xvector": (4_610_524, 7, None),
}
EMBEDDING_WEIGHTS = {
    "resnet18": 1_310_976,
    "resnet50": 5_243_136,
    "dfresnet56": 1_310_976,
    "ecapa512": 3072 * 192 + 192,
}

# Published multiply-accumulates in 10^7, what batch normalisation counted there, and how the
# number was cut to two digits.
COMPLEXITY = {
    "resnet34": (455, 4, math.floor),
    "dfresnet56": (266, 2, round),
    "dfresnet110": (515, 2, round),
    "dfresnet233_3x3": (1117, 4, math.floor),
    "ecapa512": (104, 4, math.floor),
    "ecapa1024": (265, 4, math.floor),
}


def test_the_table_has_all_networks():
    # Three networks are left out for the time that they take; they differ from the ones in the
    # table as others do.
    left_out = {"dfresnet110_3x3", "dfresnet179_3x3", "speechbrain_ecapa512"}
    assert set(NETWORKS) - set(TABLE) == left_out


@pytest.mark.parametrize("name", TABLE)
def test_sizes_equal_the_published_ones(name):
    network = build_network(name)
    parameters, quantizable, norm_channels = TABLE[name]
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    kernels = [x for x in network.layers if hasattr(x, "kernel") or hasattr(x, "depthwise_kernel")]
    assert sum(np.prod(v.shape) for v in network.trainable_variables) == parameters
    assert len(kernels) == quantizable
    if norm_channels:
        assert sum(layer.moving_mean.shape[0] for layer in norms) == norm_channels
    if name in EMBEDDING_WEIGHTS:
        assert network.get_layer("embedding").count_params() == EMBEDDING_WEIGHTS[name]
    if name in COMPLEXITY:
        published, per_normalised, cut = COMPLEXITY[name]
        count = multiply_accumulates(network, per_normalised=per_normalised)
        assert cut(count / 1e7) == published


def test_multiply_accumulates_by_hand():
    x = keras.Input((None, 6, 2))
    y = keras.layers.Conv2D(3, (3, 1), (2, 1), padding="same")(x)  # [7, 6, 3] of 13 frames
    y = keras.layers.BatchNormalization()(y)
    y = keras.layers.DepthwiseConv2D((1, 5), depth_multiplier=2)(y)  # [7, 2, 6]
    y = keras.layers.ReLU()(y)
    y = keras.layers.Conv2D(4, 1, groups=2)(y)  # [7, 2, 4]
    y = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(y))
    network = keras.Model(x, y)
    macs = 7 * 6 * 3 * (3 * 2) + 7 * 2 * 6 * 5 + 7 * 2 * 4 * (6 // 2) + 10 * 4
    assert multiply_accumulates(network, 13) == macs
    assert multiply_accumulates(network, 13, per_normalised=2) == macs + 2 * 7 * 6 * 3
