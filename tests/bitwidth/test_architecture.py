"""Architecture search over widths, against finite differences and counted bytes."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tiny_networks import image_network

from tfsv.bitwidth.candidates import candidate_quantizers, candidate_weights, kernel_variables
from tfsv.bitwidth.methods.architecture import Architecture
from tfsv.bitwidth.mixing import SuperNetwork, expected_bytes
from tfsv.bitwidth.search import predicted_size, search
from tfsv.bitwidth.sensitivity import measure
from tfsv.bitwidth.settings import MixingSettings
from tfsv.errors import InputError
from tfsv.jobs.plan_files import TABLES
from tfsv.packed.bits import packed_bytes

WIDTHS = (1, 2, 4)


def cross_entropy(outputs, labels):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def packed_sizes(network, widths=WIDTHS):
    return {
        name: {bits: packed_bytes(variable.shape.num_elements(), bits) for bits in widths}
        for name, variable in kernel_variables(network).items()
    }


def dense_network(units=(12, 4)):
    features = keras.Input((6,))
    x = features
    for number, count in enumerate(units):
        x = keras.layers.Dense(count, "tanh", name=f"dense{number}")(x)
    network = keras.Model(features, x)
    random = np.random.default_rng(3)
    network.set_weights([random.normal(0, 0.7, w.shape) for w in network.get_weights()])
    return network


def data(count=1, size=16):
    random = np.random.default_rng(0)
    return [
        (random.normal(size=(size, 6)).astype(np.float32), random.integers(0, 4, size, np.int32))
        for _ in range(count)
    ]


@pytest.fixture
def mixed():
    network = dense_network()
    quantizers = candidate_quantizers(network, "kmeans", WIDTHS)
    sizes = packed_sizes(network)
    tables = {1: {1: 30}, 2: {2: 20}, 4: {}}
    made = SuperNetwork(network, quantizers, cross_entropy, sizes, tables, penalty=2.0)
    for layer in made.layers.values():
        layer.refresh()
    random = np.random.default_rng(5)
    for logits in made.logits:
        logits.assign(random.normal(size=logits.shape))
    return made


def test_expected_bytes_of_a_choice_are_those_of_its_file():
    network = image_network()
    sizes = packed_sizes(network, range(1, 9))
    random = np.random.default_rng(0)
    for _ in range(5):
        bits = {name: int(random.integers(1, 9)) for name in sizes}
        shares = {n: tf.one_hot(b - 1, 8, dtype=tf.float32) for n, b in bits.items()}
        found = expected_bytes(shares, sizes, TABLES)
        assert float(found) == pytest.approx(predicted_size(sizes, bits, TABLES))


def test_expected_bytes_are_a_mean_over_draws():
    sizes = {"a": {1: 10, 4: 40}, "b": {1: 7, 4: 28}}
    tables = {1: {1: 100}, 4: {}}
    shares = {"a": tf.constant([0.25, 0.75]), "b": tf.constant([0.5, 0.5])}
    mean = sum(
        share * 0.5 * predicted_size(sizes, {"a": a, "b": b}, tables)
        for a, share in ((1, 0.25), (4, 0.75))
        for b in (1, 4)
    )
    assert float(expected_bytes(shares, sizes, tables)) == pytest.approx(mean)


def test_gradients_of_logits_are_finite_differences(mixed):
    inputs, labels = map(tf.constant, data()[0])
    temperature, limit = tf.constant(0.7), tf.constant(60.0)

    def objective():
        loss, size, _, _ = mixed.gradients(inputs, labels, temperature, limit)
        assert float(size) > 60.0
        return float(loss) + 2.0 * (float(size) / 60.0 - 1.0) ** 2

    _, _, _, found = mixed.gradients(inputs, labels, temperature, limit)
    for logits, gradient in zip(mixed.logits, found, strict=True):
        start = logits.numpy()
        for place in range(len(start)):
            step = 0.02 * np.eye(len(start), dtype=np.float32)[place]
            sides = []
            for side in (start + step, start - step):
                logits.assign(side)
                sides.append(objective())
            logits.assign(start)
            assert (sides[0] - sides[1]) / 0.04 == pytest.approx(gradient[place], abs=2e-3)


@pytest.mark.parametrize("scheme", ["admm", "binary_weight:forward=latent"])
def test_schemes_that_train_on_latent_weights_are_mixed_as_quantized(scheme):
    network = dense_network()
    quantizers = candidate_quantizers(network, scheme, WIDTHS if scheme == "admm" else (1,))
    widths = tuple(next(iter(quantizers.values())))
    made = SuperNetwork(network, quantizers, cross_entropy, packed_sizes(network, widths), {}, 2.0)
    for layer in made.layers.values():
        layer.refresh()
        mixture = layer.mixture(layer.probabilities(tf.constant(1.0))).numpy()
        assert np.abs(mixture - layer.latent.numpy()).max() > 0.01


def test_latent_weights_get_the_gradient_of_the_mixed_kernel(mixed):
    inputs, labels = map(tf.constant, data()[0])
    temperature = tf.constant(0.7)
    _, _, of_weights, _ = mixed.gradients(inputs, labels, temperature, tf.constant(60.0))
    found = {v.ref(): g for v, g in zip(mixed.weights, of_weights, strict=True)}
    layer = mixed.layers["dense0"]
    shares = tf.nn.softmax(layer.logits / temperature).numpy()
    network = mixed.network
    latent = layer.latent.numpy()
    codes = candidate_weights(rebuilt(mixed), "kmeans", WIDTHS)["dense0"]
    expected = sum(p * codes[b].decode() for p, b in zip(shares, WIDTHS, strict=True))
    kernel = network.get_layer("dense0").kernel
    np.testing.assert_allclose(kernel.numpy(), expected, atol=1e-6)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(cross_entropy(network(inputs), labels))
    np.testing.assert_allclose(found[layer.latent.ref()], tape.gradient(loss, kernel), atol=1e-6)
    assert not np.allclose(latent, expected)


def rebuilt(mixed):
    """The network with its latent kernels."""
    network = dense_network()
    for name, layer in mixed.layers.items():
        network.get_layer(name).kernel.assign(layer.latent)
    return network


def one_loud_branch():
    """Two layers of one shape, the second a thousandth of what counts."""
    features = keras.Input((6,))
    loud = keras.layers.Dense(16, name="loud")(features)
    quiet = keras.layers.Dense(16, name="quiet")(features)
    network = keras.Model(features, loud + 1e-3 * quiet)
    random = np.random.default_rng(3)
    network.set_weights([random.normal(0, 0.7, w.shape) for w in network.get_weights()])
    return network


def test_the_layer_whose_codes_hurt_gets_the_bits():
    network = one_loud_branch()
    before = network.get_weights()
    random = np.random.default_rng(1)
    inputs = [random.normal(size=(32, 6)).astype(np.float32) for _ in range(40)]
    batches = [(x, network(x).numpy()) for x in inputs]
    sizes = packed_sizes(network)
    candidates = candidate_weights(network, "kmeans", WIDTHS)

    def distance(outputs, targets):
        return tf.reduce_mean(tf.square(outputs - targets), axis=1)

    settings = MixingSettings(steps=40, weight_rate=1e-4)
    budget = sizes["loud"][4] + sizes["quiet"][1]
    quantizers = candidate_quantizers(network, "kmeans", WIDTHS)
    method = Architecture(network, quantizers, batches, distance, sizes, budget, settings=settings)
    found = measure(method, candidates)
    for name, row in found.table.items():
        shares = np.exp([method.log_probabilities[name][bits] for bits in WIDTHS])
        assert shares.sum() == pytest.approx(1)
        np.testing.assert_allclose(list(row.values()), -np.log(np.cumsum(shares)), atol=1e-9)
    choice = search(found.table, sizes, budget, lambda bits: int(predicted_size(sizes, bits)))
    assert choice.bits == {"loud": 4, "quiet": 1} and choice.size == budget
    assert "most probable 4 bits" in found.rows["loud"].because
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_every_kind_of_layer_can_be_mixed():
    network = image_network()
    random = np.random.default_rng(1)
    batches = [
        (random.normal(size=(4, 20, 16)).astype(np.float32), random.integers(0, 8, 4, np.int32))
    ] * 2
    before = network.get_weights()
    scheme, widths = "uniform:first=8bit,last=float", (2, 4)
    candidates = candidate_weights(network, scheme, widths)
    sizes = {
        name: {bits: packed_bytes(w.codes.size, bits) for bits, w in row.items()}
        for name, row in candidates.items()
    }
    method = Architecture(
        network, candidate_quantizers(network, scheme, widths), batches, cross_entropy, sizes, 500,
        settings=MixingSettings(steps=2),
    )  # fmt: skip
    table = measure(method, candidates).table
    assert {n: set(row) for n, row in table.items()} == {n: set(r) for n, r in sizes.items()}
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_loss_that_is_not_finite_is_one_line():
    network = dense_network()
    sizes = packed_sizes(network)
    batches = [(np.full((2, 6), np.nan, np.float32), np.zeros(2, np.int32))]
    method = Architecture(
        network, candidate_quantizers(network, "kmeans", WIDTHS), batches, cross_entropy, sizes, 99,
        settings=MixingSettings(steps=1),
    )  # fmt: skip
    with pytest.raises(InputError, match="the loss became nan at step 0"):
        _ = method.log_probabilities
