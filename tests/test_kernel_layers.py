"""The table of layers with kernels, against the layers themselves."""

import numpy as np
import pytest
import tf_keras as keras

from tfsv.kernel_layers import KERNEL_LAYERS, kernel_layer, kernel_variable

layers = keras.layers

MADE = {
    layers.Conv1D: (lambda: layers.Conv1D(6, 3), (9, 4)),
    layers.Conv2D: (lambda: layers.Conv2D(6, (3, 2)), (9, 8, 4)),
    layers.DepthwiseConv1D: (lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), (9, 4)),
    layers.DepthwiseConv2D: (lambda: layers.DepthwiseConv2D((3, 2), depth_multiplier=2), (9, 8, 4)),
    layers.Dense: (lambda: layers.Dense(6), (4,)),
}


@pytest.mark.parametrize("kind", KERNEL_LAYERS)
def test_channels_and_weights_of_a_channel(kind):
    make, shape = MADE[kind]
    layer = make()
    given = np.random.default_rng(0).normal(size=(1, *shape)).astype("f4")
    outputs = layer(given)
    entry, kernel = kernel_layer(layer), kernel_variable(layer)
    assert entry.output_channels(kernel.shape) == outputs.shape[-1]
    counted = entry.multiply_accumulates(kernel.shape)
    assert counted == np.prod(kernel.shape) // outputs.shape[-1]
    # Set one channel's weights, found by the axes of the table; no other output becomes other.
    axes = kernel.shape[-entry.channel_axes :]
    flat = kernel.numpy().reshape(-1, np.prod(axes))
    flat[:, 3] = 0
    kernel.assign(flat.reshape(kernel.shape))
    moved = np.any(np.asarray(layer(given)) != np.asarray(outputs), axis=tuple(range(len(shape))))
    assert np.flatnonzero(moved).tolist() == [3]


def test_other_layers_have_none():
    class Own(layers.Dense):
        """May compute something else."""

    others = layers.PReLU(), layers.LayerNormalization(), layers.Conv1DTranspose(2, 3), Own(2)
    assert [kernel_layer(layer) for layer in others] == [None] * 4
