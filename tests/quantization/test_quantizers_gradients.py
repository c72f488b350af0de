"""Gradients of every scheme against their formulas, written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from quantized_layers import fitted, gradients

from tfsv.quantization.activations import BinaryActivation, binary_sign
from tfsv.quantization.schemes.admm import ADMMQuantizer
from tfsv.quantization.schemes.base import shared
from tfsv.quantization.schemes.binary import AdaptiveBinaryQuantizer, StaticBinaryQuantizer
from tfsv.quantization.schemes.binary_weight import BinaryWeightQuantizer
from tfsv.quantization.schemes.kmeans import KMeansQuantizer
from tfsv.quantization.schemes.levels import additive_power_levels, power_levels
from tfsv.quantization.schemes.powers import AdditivePowersOfTwoQuantizer, PowersOfTwoQuantizer
from tfsv.quantization.schemes.uniform import UniformQuantizer

SHAPE = (3, 3, 4, 6)
COUNT = 216
LATENT = np.random.default_rng(0).normal(0.01, 0.05, SHAPE).astype(np.float32)
UPSTREAM = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)


def close(received, expected):
    np.testing.assert_allclose(received, expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize(
    "quantizer", [KMeansQuantizer(3), UniformQuantizer(3, scale="max"), StaticBinaryQuantizer()]
)
def test_straight_through(quantizer):
    weights = fitted(quantizer, LATENT)
    value, to_latent, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    assert len(np.unique(value)) > 1
    np.testing.assert_array_equal(to_latent, UPSTREAM)
    assert to_trained == {}


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_kmeans_centroids_by_summed_gradients(bits):
    quantizer = KMeansQuantizer(bits, centroids="gradient")
    weights = fitted(quantizer, LATENT)
    value, to_latent, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    np.testing.assert_array_equal(to_latent, UPSTREAM)
    codebook = weights["codebook"].numpy()
    expected = np.zeros(2**bits)
    for k, centroid in enumerate(codebook):
        if centroid not in codebook[:k]:  # padding has no members
            expected[k] = UPSTREAM[value == centroid].sum()
    close(to_trained["codebook"], expected / np.sqrt(COUNT / 2**bits))


def test_centroids_that_the_optimizer_moved_past_each_other():
    quantizer = KMeansQuantizer(2, centroids="gradient")
    weights = fitted(quantizer, LATENT)
    weights["codebook"].assign(np.float32([0.1, -0.1, 0.02, -0.02]))
    value, _, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    nearest = np.abs(LATENT[..., None] - weights["codebook"].numpy()).argmin(-1)
    np.testing.assert_array_equal(value, weights["codebook"].numpy()[nearest])
    expected = [UPSTREAM[nearest == k].sum() for k in range(4)]
    close(to_trained["codebook"], np.array(expected) / np.sqrt(COUNT / 4))


def test_kmeans_by_gradient_is_fitted_once():
    quantizer = KMeansQuantizer(2, centroids="gradient")
    weights = fitted(quantizer, LATENT)
    before = weights["codebook"].numpy()
    quantizer.refresh(LATENT * 2, weights, "layer")
    np.testing.assert_array_equal(weights["codebook"], before)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("sign", [1, -1])
def test_learned_step_size(bits, sign):
    quantizer = UniformQuantizer(bits)
    weights = fitted(quantizer, LATENT)
    top = max(1, 2 ** (bits - 1) - 1)
    step = 0.06 / top
    weights["scale"].assign(sign * step)  # the optimizer may have taken it below 0
    _, to_latent, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    x = LATENT.astype(np.float64) / step
    within = np.abs(x) <= top
    rounded = np.where(x > 0, 1, -1) if bits == 1 else np.round(x)
    to_scale = np.where(within, rounded - x, np.sign(x) * top)
    assert 0 < within.mean() < 1
    np.testing.assert_array_equal(to_latent, np.where(within, UPSTREAM, 0))
    close(to_trained["scale"], sign * np.sum(UPSTREAM * to_scale) / np.sqrt(COUNT * top))


def test_scale_gradient_equals_finite_differences_where_codes_stay():
    """The part of the true derivative that the formula must have: d/da of a · level."""
    quantizer = UniformQuantizer(2)
    latent = np.float32([[-3.0, -2.5, 2.2, 3.1]])
    weights = fitted(quantizer, latent)
    weights["scale"].assign(1.0)  # every weight lies beyond the table
    upstream = np.float32([[0.3, -1.0, 0.5, 2.0]])
    _, _, to_trained = gradients(quantizer, latent, weights, upstream)
    losses = []
    for step in (0.99, 1.01):
        weights["scale"].assign(step)
        losses.append(np.sum(upstream * quantizer(tf.constant(latent), True, weights)))
    close(to_trained["scale"] * np.sqrt(4), (losses[1] - losses[0]) / 0.02)


@pytest.mark.parametrize(
    ("quantizer", "levels"),
    [
        (AdditivePowersOfTwoQuantizer(3), additive_power_levels(3)),
        (PowersOfTwoQuantizer(4), power_levels(4)),
    ],
    ids=["apot", "pot"],
)
def test_learned_clipping(quantizer, levels):
    weights = fitted(quantizer, LATENT)
    weights["clip"].assign(1.5)
    value, to_latent, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    latent = LATENT.astype(np.float64)
    x = (latent - latent.mean()) / latent.std() / 1.5
    levels = levels.astype(np.float64)
    q = levels[np.abs(np.clip(x, -1, 1)[..., None] - levels).argmin(-1)]
    np.testing.assert_allclose(value, latent.mean() + latent.std() * 1.5 * q, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(to_latent, UPSTREAM)  # of clipped weights too
    outside = np.abs(x) > 1
    assert 0 < outside.mean() < 1
    to_clip = np.sum(UPSTREAM * latent.std() * np.where(outside, np.sign(x), q - x))
    close(to_trained["clip"], to_clip / np.sqrt(COUNT))


def test_static_binary_is_the_closed_form():
    quantizer = StaticBinaryQuantizer()
    value, *_ = gradients(quantizer, LATENT, fitted(quantizer, LATENT), UPSTREAM)
    middle = LATENT.astype(np.float64).mean()
    distance = np.abs(LATENT - middle).mean()
    np.testing.assert_allclose(value, middle + distance * np.sign(LATENT - middle), rtol=1e-5)


def test_adaptive_binary():
    quantizer = AdaptiveBinaryQuantizer()
    weights = fitted(quantizer, LATENT)
    static = StaticBinaryQuantizer()
    np.testing.assert_array_equal(
        quantizer.coded(LATENT, weights).decode(),
        static.coded(LATENT, fitted(static, LATENT)).decode(),
    )
    weights["offset"].assign(-0.02)
    weights["scale"].assign(0.03)
    value, to_latent, to_trained = gradients(quantizer, LATENT, weights, UPSTREAM)
    sign = np.where(LATENT > -0.02, 1, -1)
    np.testing.assert_allclose(value, -0.02 + 0.03 * sign, rtol=1e-5)
    np.testing.assert_array_equal(to_latent, UPSTREAM)
    close(to_trained["scale"], np.sum(UPSTREAM * sign) / np.sqrt(COUNT))
    close(to_trained["offset"], np.sum(UPSTREAM) / np.sqrt(COUNT))
    quantizer.refresh(LATENT, weights, "layer")
    assert weights["scale"].numpy() == np.float32(0.03)  # trained, not fitted again


@pytest.mark.parametrize(("shape", "axes"), [(SHAPE, 1), ((3, 3, 5, 2), 2), ((7, 6), 1)])
def test_binary_weight(shape, axes):
    latent = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    upstream = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    quantizer = BinaryWeightQuantizer(channel_axes=axes)
    weights = fitted(quantizer, latent)
    value, to_latent, _ = gradients(quantizer, latent, weights, upstream)
    taps = tuple(range(latent.ndim - axes))
    scale = np.abs(latent.astype(np.float64)).mean(taps)
    np.testing.assert_allclose(value, scale * np.sign(latent), rtol=1e-6)
    size = np.prod([shape[axis] for axis in taps])
    close(to_latent, upstream * (1 / size + scale * (np.abs(latent) <= 1)))
    coded = quantizer.coded(latent, weights)
    np.testing.assert_array_equal(coded.codebook, [-1, 1])
    np.testing.assert_allclose(coded.scale, scale.reshape(-1), rtol=1e-6)
    np.testing.assert_array_equal(coded.decode(), value)


def test_binary_weight_scale_is_the_least_squares_one():
    quantizer = BinaryWeightQuantizer()
    coded = quantizer.coded(LATENT, fitted(quantizer, LATENT))
    signs = np.sign(LATENT).reshape(-1, 6)
    for channel in range(6):
        flat = LATENT.reshape(-1, 6)[:, channel]
        (best,), *_ = np.linalg.lstsq(signs[:, [channel]], flat, rcond=None)
        assert coded.scale[channel] == pytest.approx(best, rel=1e-5)


def test_binary_weight_with_latent_forward_pass():
    quantizer = BinaryWeightQuantizer(forward="latent")
    weights = fitted(quantizer, LATENT)
    value, to_latent, _ = gradients(quantizer, LATENT, weights, UPSTREAM)
    np.testing.assert_array_equal(value, LATENT)
    np.testing.assert_array_equal(to_latent, UPSTREAM)
    value, *_ = gradients(quantizer, LATENT, weights, UPSTREAM, training=False)
    np.testing.assert_array_equal(value, quantizer.coded(LATENT, weights).decode())


def test_admm_draws_weights_to_their_levels():
    quantizer = ADMMQuantizer(2, penalty=0.25)
    weights = fitted(quantizer, LATENT)
    dual = np.random.default_rng(4).normal(0, 0.01, SHAPE).astype(np.float32)
    weights["dual"].assign(dual)
    value, to_latent, _ = gradients(quantizer, LATENT, weights, UPSTREAM)
    np.testing.assert_array_equal(value, LATENT)
    off = LATENT - quantizer.coded(LATENT, weights).decode() + dual
    close(to_latent, UPSTREAM + 0.25 * off)


def test_admm_refresh_takes_the_steps_of_the_paper():
    quantizer = ADMMQuantizer(3)
    weights = fitted(quantizer, LATENT)
    assert not weights["dual"].numpy().any()
    moved = (LATENT * 1.3).astype(np.float32)
    dual = np.random.default_rng(5).normal(0, 0.005, SHAPE).astype(np.float32)
    weights["dual"].assign(dual)
    scale = float(weights["scale"].numpy())
    target = (moved + dual).astype(np.float64)
    for _ in range(20):
        levels = np.clip(np.round(moved / scale), -3, 3)
        scale = np.sum(target * levels) / np.sum(levels**2)
    quantizer.refresh(moved, weights, "layer")
    assert weights["scale"].numpy() == pytest.approx(scale, rel=1e-5)
    expected = dual + moved - scale * np.clip(np.round(moved / scale), -3, 3)
    np.testing.assert_allclose(weights["dual"], expected, atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_admm_keeps_the_scale_of_weights_that_do_not_move(bits):
    quantizer = ADMMQuantizer(bits)
    weights = fitted(quantizer, LATENT)
    scale = float(weights["scale"].numpy())
    off = LATENT - quantizer.coded(LATENT, weights).decode()
    for refreshes in range(1, 11):
        quantizer.refresh(LATENT, weights, "layer")
        assert weights["scale"].numpy() == pytest.approx(scale, rel=1e-5)
        np.testing.assert_allclose(weights["dual"], refreshes * off, atol=1e-5)


def test_admm_brings_weights_to_the_levels():
    """Least squares to given targets: the plain solution is off the levels, ADMM's is on them."""
    quantizer = ADMMQuantizer(2, penalty=1.0)
    latent = tf.Variable(LATENT)
    weights = fitted(quantizer, LATENT)
    before = quantizer.coded(latent.numpy(), weights).error
    for _ in range(20):
        for _ in range(30):
            with tf.GradientTape() as tape:
                loss = 0.5 * tf.reduce_sum(tf.square(quantizer(latent, True, weights) - LATENT))
            latent.assign_sub(0.2 * tape.gradient(loss, latent))
        quantizer.refresh(latent.numpy(), weights, "layer")
    assert quantizer.coded(latent.numpy(), weights).error < 0.2 * before


def test_binary_activation(tmp_path):
    x = tf.Variable([-2.0, -1.0, -0.3, 0.0, 0.5, 1.0, 1.5])
    with tf.GradientTape() as tape:
        y = binary_sign(x)
        loss = tf.reduce_sum(y * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    np.testing.assert_array_equal(y, [-1, -1, -1, 1, 1, 1, 1])
    np.testing.assert_array_equal(tape.gradient(loss, x), [0, 2, 3, 4, 5, 6, 0])
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, BinaryActivation(name="sign")(inputs))
    again = keras.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(tf.constant([[[-0.1, 0.0, 9.0]]])), [[[-1, 1, 1]]])


def test_shared_parameters_move_as_slowly_as_the_weights():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = 2.0 * shared(x, 100)
    assert y == 6.0
    assert tape.gradient(y, x).numpy() == pytest.approx(0.2)
