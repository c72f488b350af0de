"""Multiply-accumulates; those of the published networks are in `check_network`."""

import tf_keras as keras

from tfsv.models import multiply_accumulates
from tfsv.quantization.network import quantize


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


def test_depthwise_layers_over_time_and_layers_used_twice():
    x = keras.Input((None, 6))
    y = keras.layers.DepthwiseConv1D(3, dilation_rate=2, depth_multiplier=2)(x)  # [9, 12] of 13
    y = keras.layers.LayerNormalization()(keras.layers.PReLU(shared_axes=[1])(y))
    dense = keras.layers.Dense(12)
    network = keras.Model(x, dense(dense(y)))
    assert multiply_accumulates(network, 13) == 9 * 12 * 3 + 2 * 9 * 12 * 12


def test_several_inputs_and_a_single_layer():
    left, right = keras.Input((None, 4)), keras.Input((7,))
    network = keras.Model([left, right], [keras.layers.Dense(5)(left), keras.layers.ReLU()(right)])
    assert multiply_accumulates(network, 10) == 10 * 5 * 4


def test_quantizers_change_nothing():
    x = keras.Input((None, 4))
    y = keras.layers.BatchNormalization()(keras.layers.Conv1D(6, 3, strides=2, name="conv")(x))
    network = keras.Model(x, keras.layers.Dense(3, name="dense")(y))
    for per_normalised in (0, 2):
        wanted = multiply_accumulates(network, 21, per_normalised=per_normalised)
        found = multiply_accumulates(quantize(network, 2), 21, per_normalised=per_normalised)
        assert found == wanted == 10 * (6 * 12 + 3 * 6 + 6 * per_normalised)
