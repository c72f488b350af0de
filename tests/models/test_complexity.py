"""Multiply-accumulates; those of the published networks are in `check_network`."""

import tf_keras as keras

from tfsv.models import multiply_accumulates


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
