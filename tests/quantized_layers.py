"""Every scheme at some of its widths, and one layer of each kind, for the tests of schemes."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.schemes import SCHEMES

SETTINGS = (
    "kmeans", "kmeans:centroids=gradient", "uniform", "uniform:scale=max", "pot", "apot", "admm",
    "static_binary", "adaptive_binary", "binary_weight", "binary_weight:forward=latent",
)  # fmt: skip

CASES = [
    (scheme, bits)
    for scheme in SETTINGS
    for bits in (1, 2, 3, 4, 8)
    if bits in SCHEMES[scheme.partition(":")[0]].widths
]


def every_kind_of_layer():
    x = inputs = keras.Input((12, 8, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = keras.layers.Reshape((10, -1))(x)
    x = keras.layers.Conv1D(6, 3, dilation_rate=2, name="conv1d")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="dense")(x), name="kinds")


KINDS = ["conv", "depthwise", "conv1d", "dense"]


def built(quantizer, shape):
    """The variables that the quantizer adds to a layer with a kernel of this shape."""
    return quantizer.build(tf.TensorShape(shape), "kernel", keras.layers.Layer())


def fitted(quantizer, latent):
    weights = built(quantizer, latent.shape)
    quantizer.refresh(np.asarray(latent, np.float32), weights, "layer")
    return weights


def gradients(quantizer, latent, weights, upstream, training=True):
    """(forward value, gradient to the latent weights, gradients to trained variables by name)."""
    latent = tf.Variable(latent)
    trained = {key: variable for key, variable in weights.items() if variable.trainable}

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            value = quantizer(latent, training, weights)
            loss = tf.reduce_sum(value * upstream)
        return value, *tape.gradient(loss, [latent, *trained.values()])

    value, to_latent, *to_trained = run()
    return value.numpy(), to_latent.numpy(), dict(zip(trained, to_trained, strict=True))
