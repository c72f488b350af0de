"""Inputs and kernels as matrices, whose products must be what Keras computes."""

import numpy as np
import pytest
import tf_keras as keras

from tfsv.quantization.input_moments import InputMoments
from tfsv.quantization.kernel_inputs import (
    by_channel,
    input_vectors,
    kernel_of,
    matrices,
    positions,
)

layers = keras.layers
KINDS = {
    "same": (layers.Conv2D(6, 3, padding="same"), (2, 7, 5, 4)),
    "valid, strides": (layers.Conv2D(6, (3, 2), strides=2), (2, 8, 7, 4)),
    "same, strides": (layers.Conv2D(6, 3, strides=(2, 3), padding="same"), (2, 8, 7, 4)),
    "dilated": (layers.Conv2D(6, 3, dilation_rate=2, padding="same"), (2, 9, 7, 4)),
    "grouped": (layers.Conv2D(6, 3, groups=2, padding="same"), (2, 7, 5, 4)),
    "pointwise": (layers.Conv2D(6, 1), (2, 7, 5, 4)),
    "depthwise": (layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2), (2, 7, 9, 4)),
    "time": (layers.Conv1D(6, 5, padding="same"), (2, 9, 4)),
    "causal": (layers.Conv1D(6, 3, dilation_rate=2, padding="causal"), (2, 9, 4)),
    "time, grouped": (layers.Conv1D(6, 3, groups=2), (2, 9, 4)),
    "time, depthwise": (layers.DepthwiseConv1D(3, depth_multiplier=3), (2, 9, 4)),
    "dense": (layers.Dense(6), (5, 4)),
    "dense over time": (layers.Dense(6), (2, 9, 4)),
}


@pytest.fixture(params=KINDS)
def case(request):
    """A layer of each kind, its inputs and its outputs without bias."""
    layer, shape = KINDS[request.param]
    keras.utils.set_random_seed(1)
    inputs = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    outputs = layer(inputs).numpy()
    return layer, inputs, outputs, layer.weights[0].numpy()


def test_products_are_the_outputs(case):
    layer, inputs, outputs, kernel = case
    products = input_vectors(layer, inputs) @ matrices(layer, kernel)
    assert positions(layer, inputs) == products.shape[1]
    np.testing.assert_allclose(
        products.transpose(1, 0, 2).reshape(outputs.shape), outputs, rtol=1e-4, atol=1e-5
    )


def test_matrices_go_back_into_the_kernel(case):
    layer, _, outputs, kernel = case
    weights = matrices(layer, kernel)
    np.testing.assert_array_equal(kernel_of(layer, weights, kernel.shape), kernel)
    channels = np.arange(outputs.shape[-1])
    assert by_channel(layer, channels).shape == weights.shape[::2]
    np.testing.assert_array_equal(by_channel(layer, channels).reshape(-1), channels)


def test_some_positions_are_those_of_all(case):
    layer, inputs, _, _ = case
    chosen = np.array([0, 3, 4])
    np.testing.assert_array_equal(
        input_vectors(layer, inputs, chosen), input_vectors(layer, inputs)[:, chosen]
    )


def test_moments_are_those_of_all_vectors(case):
    layer, inputs, _, _ = case
    inputs = inputs + np.float32(1000)  # a large mean costs no digits
    intended = inputs + inputs**2 / 1000
    moments = InputMoments(layer)
    moments.add(inputs[:1], intended[:1])
    moments.add(inputs[1:], intended[1:])
    x, t = input_vectors(layer, inputs), input_vectors(layer, intended)
    for group in range(len(x)):
        both = np.cov(np.concatenate([x[group], t[group]], 1), rowvar=False, bias=True)
        size = x.shape[2]
        wanted = both[:size, :size], both[size:, :size], (x[group].T @ x[group]) / x.shape[1]
        found = (
            moments.hessian(centred=True), moments.cross(centred=True),
            moments.hessian(centred=False),
        )  # fmt: skip
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one[group], other, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(moments.intended_mean, t.mean(1), rtol=1e-6)


def test_a_limit_draws_positions():
    layer, shape = KINDS["time"]
    moments = InputMoments(layer, limit=5)
    inputs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    moments.add(inputs)
    assert np.linalg.matrix_rank(moments.hessian(centred=False)[0], tol=1e-4) == 5
