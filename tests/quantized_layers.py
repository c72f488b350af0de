"""One layer of each kind with a kernel, and quantizers on them, for the tests of schemes."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.wrapping import quantized_kernels

BATCH = tf.random.stateless_normal([4, 12, 8, 2], [1, 2])
"""Inputs of `every_kind_of_layer`."""


def every_kind_of_layer():
    x = inputs = keras.Input((12, 8, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = keras.layers.Reshape((10, -1))(x)
    x = keras.layers.Conv1D(6, 3, dilation_rate=2, name="conv1d")(x)
    x = keras.layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise1d")(x)
    x = keras.layers.PReLU(shared_axes=[1])(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="dense")(x), name="kinds")


KINDS = ["conv", "depthwise", "conv1d", "depthwise1d", "dense"]


def layer_weights(shape=(3, 3, 4, 6), seed=0, deviation=0.05, offset=0.01):
    """Float32 weights with long tails and a mean, as trained ones have them."""
    random = np.random.default_rng(seed)
    return (random.laplace(size=shape) * deviation + offset).astype(np.float32)


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


@tf.function
def training_step(network):
    """A step of gradient descent large enough to change codes; returns the gradients."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(network(BATCH, training=True) - 1.0))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.05 * gradient)
    return gradients


def kernels_in_graph(network, training):
    """The kernels that quantized layers compute with, in a graph as `fit` has."""

    @tf.function
    def kernels():
        return {
            x.layer.name: x.quantizer(x.latent, training, x.variables)
            for x in quantized_kernels(network)
        }

    return kernels()
