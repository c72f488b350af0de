"""Layers written anew for conversion: which operators they become, and what they compute."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_networks
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfsv.conversion.ends import Ends
from tfsv.conversion.folding import fold_batch_norm
from tfsv.conversion.graph import convert_graph, tidy
from tfsv.conversion.kernels import find_kernels
from tfsv.packed import flatbuffer
from tfsv.runtime.delegation import operators_left

layers = keras.layers
CHANNELS = 6
NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


class Scaled(layers.Layer):
    """Of the reader's own: multiplies and adds constants, as a normalisation does."""

    def build(self, shape):
        self.gain = self.add_weight("gain", [shape[-1]], initializer="ones")
        self.offset = self.add_weight("offset", [shape[-1]], initializer="zeros")

    def call(self, x):
        return x * self.gain + self.offset


def converted(build, channels=CHANNELS):
    """(network, TFLite model) of layers on a sequence; kernels were found, outputs compared."""
    x = keras.Input((None, channels))
    network = tiny_networks.randomised(keras.Model(x, build(x)))
    folded = fold_batch_norm(network, {})
    model = flatbuffer.parse(convert_graph(Ends.of(network), folded.network))
    tidy(model)
    find_kernels(model, folded)
    interpreter = Interpreter(model_content=flatbuffer.serialise(model))
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    for frames in (40, 23):
        inputs = np.random.default_rng(frames).normal(size=(1, frames, channels)).astype("f4")
        interpreter.resize_tensor_input(taken["index"], inputs.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], inputs)
        interpreter.invoke()
        found, wanted = interpreter.get_tensor(given["index"]), network(inputs).numpy()
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= 2e-6 * max(1, np.abs(wanted).max())
    return network, model


def names(model):
    return [NAMES[flatbuffer.builtin_code(model, x)] for x in model.subgraphs[0].operators]


def causal(x):
    x = layers.ZeroPadding1D((8, 0))(x)
    return layers.DepthwiseConv1D(3, dilation_rate=4)(x)


@pytest.mark.parametrize(
    "build",
    [
        layers.DepthwiseConv1D(3, padding="same"),
        layers.DepthwiseConv1D(3, dilation_rate=2, depth_multiplier=2),
        layers.DepthwiseConv1D(5, padding="same", dilation_rate=3, use_bias=False),
        layers.DepthwiseConv1D(4, strides=2, padding="same", activation="relu"),
        layers.DepthwiseConv1D(4, strides=3, depth_multiplier=3),
        causal,
    ],
)
def test_a_depthwise_convolution_over_time_is_one_operator(build):
    _, model = converted(build)
    found = [name for name in names(model) if name not in ("PAD", "EXPAND_DIMS", "RESHAPE")]
    assert found == ["DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize("channels", [1, 6])
def test_kernels_of_one_channel_and_more(channels):
    network, _ = converted(layers.DepthwiseConv1D(3, depth_multiplier=4), channels)
    assert network.output_shape == (None, None, 4 * channels)


def test_a_dilated_depthwise_convolution_of_images_is_one_operator():
    def build(x):
        x = layers.Reshape((-1, CHANNELS, 1))(x)
        return layers.DepthwiseConv2D(3, dilation_rate=2, padding="same", depth_multiplier=2)(x)

    assert names(converted(build)[1]) == ["RESHAPE", "DEPTHWISE_CONV_2D"]


def test_a_dense_layer_of_sequences_asks_for_no_shape():
    def build(x):
        x = layers.BatchNormalization()(layers.Dense(5, use_bias=False)(x))
        return layers.Dense(4, activation="sigmoid")(layers.ReLU()(x))

    found = names(converted(build)[1])
    assert set(found) == {"RESHAPE", "FULLY_CONNECTED", "LOGISTIC"}
    assert found.count("FULLY_CONNECTED") == 2


@pytest.mark.parametrize(
    ("norm", "count"),
    [
        (layers.LayerNormalization(), 10),
        (layers.LayerNormalization(epsilon=1e-6, scale=False), 9),
        (layers.LayerNormalization(center=False), 10),
        (layers.GroupNormalization(1), 10),
        (layers.GroupNormalization(1, center=False, scale=False), 10),
        (layers.GroupNormalization(3), 15),
        (layers.GroupNormalization(-1), 15),
    ],
)
def test_norms_are_means_and_products_that_xnnpack_takes(norm, count):
    def build(x):
        return layers.Conv1D(4, 1)(norm(layers.PReLU(shared_axes=[1])(layers.Conv1D(6, 1)(x))))

    _, model = converted(build)
    found = names(model)
    own = [x for x in found if x not in ("EXPAND_DIMS", "CONV_2D", "PRELU")]
    assert len(own) - 2 <= count and found.count("PRELU") == 1  # two RESHAPE of the convolutions
    assert not {"TRANSPOSE", "FILL", "SELECT_V2"} & set(found)
    interpreter = Interpreter(model_content=flatbuffer.serialise(model))
    interpreter.allocate_tensors()
    interpreter.invoke()
    shapes = {"EXPAND_DIMS", "SHAPE", "STRIDED_SLICE", "CONCATENATION", "RESHAPE"}
    assert set(operators_left(interpreter)) <= shapes


def test_norms_over_other_axes_are_as_keras_writes_them():
    def build(x):
        x = layers.Reshape((-1, CHANNELS, 1))(x)
        x = layers.LayerNormalization(axis=[2, 3])(layers.Conv2D(4, 3, padding="same")(x))
        return layers.LayerNormalization(axis=2)(x)

    converted(build)


def test_slopes_for_each_channel_and_for_all():
    def build(x):
        x = layers.PReLU(shared_axes=[1, 2])(layers.Conv1D(8, 1)(x))
        return layers.PReLU(shared_axes=[1])(layers.DepthwiseConv1D(3)(x))

    assert names(converted(build)[1]).count("PRELU") == 2


@pytest.mark.parametrize(
    "between",
    [
        layers.BatchNormalization(),
        layers.Rescaling(2.0, 1.0),
        layers.Normalization(mean=0.3, variance=2.0),
        layers.Lambda(lambda x: 0.5 * x - 1.0),
        Scaled(),
        lambda x: 2.0 * x + 1.0,
        lambda x: layers.Dropout(0.5)(Scaled()(x)),
        lambda x: Scaled()(layers.Dropout(0.5)(x)),
    ],
)
@pytest.mark.parametrize(
    "kernel",
    [
        lambda: layers.Conv1D(6, 1),
        lambda: layers.DepthwiseConv1D(1),
        lambda: layers.Dense(6),
    ],
)
def test_constants_next_to_kernels_stay_out_of_them(between, kernel):
    """`converted` finds the kernels as they are, and the fences are gone."""
    if isinstance(between, layers.Layer):
        between = type(between).from_config(between.get_config())
    for build in (
        lambda x: kernel()(between(x)),
        lambda x: layers.ReLU()(kernel()(between(layers.PReLU(shared_axes=[1])(kernel()(x))))),
    ):
        assert "MINIMUM" not in names(converted(build)[1])


def test_constants_behind_a_kernel_stay_out_of_it():
    for behind in (Scaled(), layers.Rescaling(2.0, 1.0), lambda x: 2.0 * x + 1.0):
        _, model = converted(lambda x, behind=behind: layers.ReLU()(behind(layers.Conv1D(5, 3)(x))))
        assert "MINIMUM" not in names(model) and "MUL" in names(model)


def test_a_relu_is_still_merged_where_nothing_is_between():
    def build(x):
        x = layers.ReLU()(layers.Conv1D(5, 3)(layers.Rescaling(2.0)(x)))
        return layers.Activation(tf.nn.relu)(layers.Dense(3)(x))

    assert not {"RELU", "MINIMUM"} & set(names(converted(build)[1]))
