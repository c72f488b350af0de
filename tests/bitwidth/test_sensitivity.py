import dataclasses
import json

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tf_keras as keras
from tiny_networks import image_network

from tfsv.bitwidth.candidates import candidate_weights, kernel, quantization_error, replaced
from tfsv.bitwidth.hessian import Trace, hessian_traces
from tfsv.bitwidth.methods.curvature import Curvature
from tfsv.bitwidth.methods.kl import Divergence
from tfsv.bitwidth.methods.norm import WeightNorm
from tfsv.bitwidth.methods.random_order import Random
from tfsv.bitwidth.sensitivity import Row, measure, rank_correlation, store_file
from tfsv.errors import InputError
from tfsv.models import build_network
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks
from tfsv.run_lock import alone_in
from tfsv.verification.posteriors import speaker_posteriors

WIDTHS = (1, 2, 4, 8)


def cross_entropy(outputs, labels):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def batches(count=2, bins=16, classes=8):
    random = np.random.default_rng(0)
    return [
        (
            random.normal(size=(4, 24, bins)).astype(np.float32),
            random.integers(0, classes, 4).astype(np.int32),
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def network():
    return image_network()


@pytest.fixture(scope="module")
def candidates(network):
    return candidate_weights(network, "kmeans", WIDTHS)


def dense_network():
    """Two smooth layers, one of them behind a normalisation: Hessians of 12 and 8 entries."""
    features = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4, "tanh", name="first")(features))
    network = keras.Model(features, keras.layers.Dense(2, name="second")(x))
    random = np.random.default_rng(3)
    network.set_weights([random.uniform(0.2, 1, w.shape) for w in network.get_weights()])
    return network


def exact_trace(network, name, data):
    """The diagonal of the full Hessian, by differentiating every entry of the gradient."""
    variable = network.get_layer(name).kernel
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            losses = [tf.reduce_mean(cross_entropy(network(x), y)) for x, y in data]
            loss = tf.add_n(losses) / len(data)
        gradient = inner.gradient(loss, variable)
    hessian = outer.jacobian(gradient, variable).numpy()
    return np.trace(hessian.reshape(variable.numpy().size, -1))


def test_traces_are_those_of_the_exact_hessian():
    network = dense_network()
    random = np.random.default_rng(1)
    inputs = [random.normal(size=(5, 3)).astype(np.float32) for _ in range(2)]
    # Labels that the network agrees with keep the traces clear of zero.
    data = [(x, np.argmax(network(x).numpy(), axis=1).astype(np.int32)) for x in inputs]
    before = network.get_weights()
    traces = hessian_traces(network, data, cross_entropy, vectors=1000)
    for name, trace in traces.items():
        exact = exact_trace(network, name, data)
        assert trace.standard_error < 0.1 * abs(exact)
        assert abs(trace.value - exact) < 4 * trace.standard_error
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_more_vectors_narrow_the_standard_error():
    network = dense_network()
    data = [(np.array([[1, 1, 1], [-2, -2, -2]], np.float32), np.array([0, 1], np.int32))]
    few = hessian_traces(network, data, cross_entropy, vectors=20)
    many = hessian_traces(network, data, cross_entropy, vectors=320)
    for name in few:
        assert many[name].standard_error < 0.5 * few[name].standard_error


def test_curvature_is_mean_trace_times_error(network, candidates):
    method = Curvature(network, batches(1), cross_entropy, vectors=3)
    method.__dict__["traces"] = {"dilated": Trace(90.0, 1.0), "stem": Trace(-5.0, 2.0)}
    latent = kernel(network, "dilated")
    error = np.sum((latent - candidates["dilated"][2].decode()) ** 2)
    row = method.row("dilated", candidates["dilated"])
    assert row.losses[2] == pytest.approx(90 * error / latent.size, rel=1e-5)
    floor = method.row("stem", candidates["stem"]).losses[1]  # not told from 0: its error counts
    stem = quantization_error(kernel(network, "stem"), candidates["stem"][1])
    assert floor == pytest.approx(2.0 * stem / 72)


def test_traces_of_a_convolutional_network_are_finite(network):
    traces = hessian_traces(network, batches(1), cross_entropy, vectors=2)
    assert set(traces) == {"stem", "depthwise", "shortcut", "grouped", "dilated", "embedding"}
    assert all(np.isfinite(t.value) and t.standard_error >= 0 for t in traces.values())


def test_candidates_are_the_schemes_own():
    network = image_network()
    quantized = quantize(network, 3, "kmeans:first=8bit,last=float")
    refresh_codebooks(quantized)
    expected = coded_weights(quantized)
    found = candidate_weights(network, "kmeans:first=8bit,last=float", [2, 3])
    assert "embedding" not in found and set(found["stem"]) == {8}
    for name, weights in expected.items():
        np.testing.assert_array_equal(found[name][weights.bits].decode(), weights.decode())


def test_candidates_of_a_depthwise_layer_and_of_narrow_schemes(network):
    assert set(candidate_weights(network, "binary_weight")["depthwise"]) == {1}
    with pytest.raises(InputError, match="binary_weight has only 1"):
        candidate_weights(network, "binary_weight", [1, 2])
    with pytest.raises(InputError, match="float activations only"):
        candidate_weights(network, "static_binary:activations=binary")


def test_replaced_kernels_come_back(network, candidates):
    before = network.get_weights()
    with pytest.raises(RuntimeError), replaced(network, {"stem": candidates["stem"][1]}):
        assert len(np.unique(kernel(network, "stem"))) == 2
        raise RuntimeError
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_divergence_is_that_of_scipy_and_zero_without_codes(network, candidates):
    vectors = np.random.default_rng(5).normal(size=(6, 8)).astype(np.float32)
    features = batches(1)[0][0]
    method = Divergence(network, [features], speaker_posteriors(vectors, scale=8.0))
    assert method.loss({}) == 0

    def posteriors():
        embeddings = network(features, training=False).numpy()
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        cosines = unit @ (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
        return np.exp(8 * cosines) / np.exp(8 * cosines).sum(axis=1, keepdims=True)

    before = posteriors()
    with replaced(network, {"dilated": candidates["dilated"][1]}):
        after = posteriors()
    expected = scipy.stats.entropy(before, after, axis=1).mean()
    assert method.loss({"dilated": candidates["dilated"][1]}) == pytest.approx(expected, rel=1e-3)
    row = method.row("stem", candidates["stem"])
    assert min(row.losses.values()) >= 0 and row.losses[1] > row.losses[8]


@pytest.mark.parametrize("make", [WeightNorm, lambda _: Random(seed=4)])
def test_controls_fall_with_bits(network, candidates, make):
    found = measure(make(network), candidates)
    assert list(found.table) == list(candidates)
    for row in found.table.values():
        losses = [row[bits] for bits in sorted(row)]
        assert losses == sorted(losses, reverse=True) and losses[0] > losses[-1] >= 0


def test_norm_falls_with_every_bit_of_kmeans():
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    found = measure(WeightNorm(network), candidate_weights(network, "kmeans", range(1, 6)))
    for row in found.table.values():
        assert all(row[b] > row[b + 1] or row[b] == 0 for b in range(1, 5)) and row[1] > 0


def test_random_differs_by_seed_and_repeats(candidates):
    one, same, other = (measure(Random(seed=s), candidates).table for s in (1, 1, 2))
    assert one == same != other


class Counting:
    """A method that fails at a layer, once."""

    name = "counting"

    def __init__(self, fail=None):
        self.settings = {"step": 1}
        self.asked = []
        self.fail = fail

    def row(self, layer, candidates):
        if layer == self.fail:
            raise KeyboardInterrupt
        self.asked.append(layer)
        return Row({bits: 1.0 / bits for bits in candidates}, "asked")


def test_a_killed_measurement_goes_on_at_its_layer(tmp_path, network, candidates):
    store = tmp_path / "store" / "counting.json"
    with pytest.raises(KeyboardInterrupt):
        measure(Counting(fail="grouped"), candidates, store)
    second = Counting()
    found = measure(second, candidates, store)
    assert second.asked == list(candidates)[2:] and second.asked[0] == "grouped"
    third = Counting()
    assert measure(third, candidates, store).rows == found.rows
    assert not third.asked and list(found.rows) == list(candidates)
    content = json.loads(store.read_text())
    assert content["seconds"] >= 0 and content["settings"] == {"step": 1}


def test_two_that_measure_into_one_store(tmp_path, candidates):
    store = tmp_path / "counting.json"
    with alone_in(store, beside=True), pytest.raises(InputError, match="is at work there"):
        measure(Counting(), candidates, store)
    assert measure(Counting(), candidates, store).rows
    assert [path.name for path in tmp_path.iterdir()] == [store.name]


def test_stores_are_told_apart(tmp_path, network, candidates):
    def file(method=None, scheme="kmeans", data="a", of=network, fitted=candidates):
        return store_file(tmp_path, of, fitted, method or Counting(), scheme, {"crops": data})

    other = Counting()
    other.settings = {"step": 2}
    changed = image_network()
    changed.get_layer("stem").kernel.assign_add(tf.ones_like(changed.get_layer("stem").kernel))
    weights = candidates["stem"][2]
    moved = dataclasses.replace(weights, codebook=weights.codebook * np.float32(1.5))
    refitted = {**candidates, "stem": {**candidates["stem"], 2: moved}}
    files = [
        file(), file(other), file(scheme="uniform"), file(data="b"), file(of=changed),
        file(fitted=refitted),
    ]  # fmt: skip
    assert len(set(files)) == len(files) and file() == files[0] == file(of=image_network())


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": 9}', '{"schema": 1, "seconds": 1, "layers": {"stem": {}}}']
)
def test_a_broken_store_is_refused_in_one_line(tmp_path, candidates, text):
    store = tmp_path / "store.json"
    store.write_text(text)
    with pytest.raises(InputError, match="store.json: not kept sensitivities.*delete it") as caught:
        measure(Counting(), candidates, store)
    assert "\n" not in str(caught.value)


def test_sensitivities_that_are_not_finite_are_refused(candidates):
    method = Counting()
    method.row = lambda layer, candidates: Row(dict.fromkeys(candidates, np.nan), "")
    with pytest.raises(InputError, match="stem: its counting sensitivity is not finite"):
        measure(method, candidates)


def test_rank_correlation():
    table = {"a": {1: 5.0, 2: 2.0}, "b": {1: 9.0, 2: 3.0}, "c": {1: 7.0, 2: 1.0}}
    squared = {n: {b: v**2 for b, v in row.items()} for n, row in table.items()}
    assert rank_correlation(table, squared) == pytest.approx(1)
    turned = {n: {b: -v for b, v in row.items()} for n, row in table.items()}
    assert rank_correlation(table, turned, 2) == pytest.approx(-1)
    mixed = {"a": {1: 1.0}, "b": {1: 2.0}, "c": {1: 3.0}}
    assert rank_correlation(table, mixed, 1) == pytest.approx(0.5)  # ranks 1 3 2 against 1 2 3
    assert np.isnan(rank_correlation(table, {}, 1))
