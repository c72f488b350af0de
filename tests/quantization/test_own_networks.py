"""Networks that readers bring: several inputs and outputs, layers of their own, other forms."""

import re

import keras as keras3
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.quantization.network import (
    active_layers,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.quantization.size import model_bytes

layers = keras.layers


class Gain(layers.Layer):
    """Not registered, with weights of its own and a setting."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, shape):
        self.gain = self.add_weight("gain", [shape[-1]], initializer="ones")

    def call(self, x):
        return x * self.gain * self.start

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class TwoLayers(layers.Layer):
    """Layers inside a layer, whose weights have the same short names; no get_config."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(3), layers.Dense(4)

    def call(self, x):
        return self.second(tf.nn.relu(self.first(x)))


class Forgetful(layers.Layer):
    """Keras cannot make it again."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def get_config(self):
        return {}

    def call(self, x):
        return x


def two_inputs():
    left, right = keras.Input((None, 5), name="left"), keras.Input((3,), name="right")
    x = layers.Conv1D(4, 3, padding="same", name="conv")(left)
    shared = layers.Dense(6, name="shared")
    x = shared(layers.BatchNormalization()(x))
    gate = layers.Dense(6, activation="sigmoid", name="gate")(right)
    y = layers.Multiply()([x, layers.Reshape((1, 6))(gate)])
    outputs = {"frames": y, "gate": gate, "pooled": layers.GlobalAveragePooling1D()(y)}
    inputs = {"left": left, "right": right}
    return keras.Model(inputs, outputs, name="two_inputs")


def two_inputs_given():
    return {"left": tf.random.normal([2, 7, 5]), "right": tf.random.normal([2, 3])}


def own_layers():
    x = inputs = keras.Input((None, 5))
    x = Gain(start=0.5)(layers.Conv1D(4, 1, name="conv")(x))
    x = TwoLayers()(x) + 1.0
    return keras.Model(inputs, layers.Dense(2, name="dense")(x), name="own_layers")


def sequential():
    return keras.Sequential(
        [keras.Input((6, 5)), layers.DepthwiseConv1D(3, name="conv"), layers.Flatten(),
         layers.Dense(2, name="dense")],
        name="sequential",
    )  # fmt: skip


def used_twice():
    x = inputs = keras.Input((5,))
    dense = layers.Dense(5, name="dense")
    return keras.Model(inputs, dense(layers.ReLU()(dense(x))), name="used_twice")


def assert_equal(first, second, **tolerance):
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (two_inputs, two_inputs_given),
        (own_layers, lambda: tf.random.normal([2, 7, 5])),
        (sequential, lambda: tf.random.normal([2, 6, 5])),
        (used_twice, lambda: tf.random.normal([2, 5])),
    ],
)
def test_quantized_refreshed_trained_and_stripped(make, given):
    keras.utils.set_random_seed(2)
    network, inputs = make(), given()
    for variable in network.trainable_variables:
        variable.assign_add(tf.random.normal(variable.shape, stddev=0.3))
    wanted = network(inputs)
    quantized = quantize(network, 3)
    assert_equal(quantized(inputs), wanted)
    assert quantized.name == network.name
    refresh_codebooks(quantized)
    assert active_layers(quantized) == list(quantized_bits(quantized))
    plain, coded = strip(quantized)
    assert set(coded) == set(quantized_bits(quantized)) and "Gain" not in coded
    assert_equal(plain(inputs), quantized(inputs), rtol=1e-5, atol=1e-5)
    assert tf.nest.map_structure(lambda x: x.shape, plain(inputs)) == tf.nest.map_structure(
        lambda x: x.shape, wanted
    )
    for name, codes in coded.items():
        layer = plain.get_layer(name)
        np.testing.assert_array_equal(layer.get_weights()[0], codes.decode())
    assert_equal(strip(network)[0](inputs), wanted)
    assert model_bytes(quantized) < model_bytes(network)

    quantized.compile("sgd", loss=lambda y, z: tf.reduce_mean(tf.square(y - z)))
    before = [v.numpy() for v in quantized.trainable_variables]
    quantized.fit(inputs, tf.nest.map_structure(tf.ones_like, wanted), verbose=0)
    assert any(np.any(a != b) for a, b in zip(before, quantized.trainable_variables, strict=True))
    assert_equal(network(inputs), wanted)


def test_no_bits_no_quantizers():
    network = two_inputs()
    assert quantized_bits(quantize(network, {})) == {}
    assert quantized_bits(quantize(sequential(), 2, first="float", last="float")) == {}


def test_unknown_layers_are_named():
    with pytest.raises(InputError, match="bits: two_inputs has no kernels in multiply, nowhere$"):
        quantize(two_inputs(), {"nowhere": 2, "conv": 2, "multiply": 3})


class Subclassed(keras.Model):
    def call(self, x):
        return x


def with_a_model_inside():
    x = keras.Input((6, 5))
    return keras.Model(x, sequential()(x), name="outer")


def sequential_with_a_model_inside():
    return keras.Sequential([keras.Input((6, 5)), sequential()], name="outer")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Subclassed(name="mine"), "mine: a Subclassed with a call of its own; build the"),
        (lambda: keras.Sequential([layers.Dense(2)], name="mine"), "mine: its input shape is not"),
        (with_a_model_inside, "outer: its layer sequential is a model; call that model's layers"),
        (sequential_with_a_model_inside, "outer: its layer sequential is a model"),
        (
            lambda: keras3.Sequential([keras3.Input((3,)), keras3.layers.Dense(2)]),
            "network: a keras.src.models.sequential.Sequential; build it with tf_keras (import",
        ),
    ],
)
def test_what_cannot_be_quantized_says_what_to_do(make, message):
    network = make()
    for use in (lambda: quantize(network, 4), lambda: strip(network)):
        with pytest.raises(InputError, match="^" + re.escape(message)) as raised:
            use()
        assert "\n" not in str(raised.value)


def test_a_layer_that_keras_cannot_copy_is_named():
    x = keras.Input((5,))
    network = keras.Model(x, layers.Dense(2)(Forgetful(3)(x)))
    with pytest.raises(InputError, match="^forgetful: Keras cannot copy this Forgetful: .*name am"):
        quantize(network, 4)
