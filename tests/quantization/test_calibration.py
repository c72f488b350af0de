"""Networks quantized by looking at inputs: every kind of layer, the file, resumption."""

import numpy as np
import pytest
import tf_keras as keras
from quantized_layers import every_kind_of_layer
from tiny_networks import BINS, image_network, sequence_network, time_network

from tfsv.card import ModelCard
from tfsv.conversion.convert import export_tflite
from tfsv.conversion.ends import Ends
from tfsv.errors import InputError
from tfsv.quantization import calibration
from tfsv.quantization.calibration import quantize_on
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.compensation import output_error
from tfsv.quantization.input_moments import InputMoments
from tfsv.quantization.kernel_inputs import matrices
from tfsv.quantization.layer_walk import LayerWalk, calls
from tfsv.quantization.network import (
    coded_weights,
    quantizable_layers,
    quantize,
    refresh_codebooks,
    strip,
    switch_off,
)
from tfsv.runtime.runner import Runner

NETWORKS = {
    "kinds": (every_kind_of_layer, (12, 8, 2)),
    "image": (image_network, (20, BINS)),
    "time": (time_network, (20, BINS)),
    "sequence": (sequence_network, (20, BINS)),
}


def made(name, count=24):
    """A network with weights unlike the initial ones, and batches of its inputs."""
    make, shape = NETWORKS[name]
    keras.utils.set_random_seed(3)
    inputs = np.random.default_rng(1).normal(size=(count, *shape)).astype(np.float32)
    return make(), [inputs[:9], inputs[9:16], inputs[16:]]


def relative_change(network, quantized, batches):
    inputs = np.concatenate(batches)
    wanted = network(inputs).numpy()
    return np.mean((quantized(inputs).numpy() - wanted) ** 2) / wanted.var()


def nearest(network, bits):
    quantized = quantize(network, bits)
    refresh_codebooks(quantized)
    return quantized


@pytest.mark.parametrize("name", ["kinds", "image", "sequence"])
@pytest.mark.parametrize("bits", [2, 4])
def test_outputs_change_less_than_with_the_nearest_codes(name, bits):
    network, batches = made(name, 60)
    before = network.get_weights()
    found = quantize_on(network, bits, batches)
    assert relative_change(network, found.network, batches) < 0.5 * relative_change(
        network, nearest(network, bits), batches
    )
    assert {layer.name for layer in found.layers} == {x.name for x in quantizable_layers(network)}
    for one, other in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_replaced_statistics_are_those_of_the_truncated_network():
    """Each is what the network as quantized so far gives the layer, earlier norms included."""
    network, batches = made("image")
    settings = CodeCalibration(codes="nearest", batch_norm="replace", channel_scales=False)
    found = quantize_on(network, 2, batches, settings=settings)
    wanted, _ = strip(nearest(network, 2))
    inputs = np.concatenate(batches)
    norms = [
        call.layer
        for call in calls(wanted)
        if isinstance(call.layer, keras.layers.BatchNormalization)
    ]
    for norm in norms:
        given = keras.Model(wanted.inputs, norm.input)(inputs).numpy().reshape(-1, 8)
        norm.moving_mean.assign(given.mean(0))
        norm.moving_variance.assign(given.var(0))
        kept = found.network.get_layer(norm.name)
        np.testing.assert_allclose(kept.moving_mean, norm.moving_mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(kept.moving_variance, norm.moving_variance, rtol=1e-4)


def test_shifted_statistics_are_those_of_the_truncated_networks():
    """The mean moves as the inputs' mean does, the variance as theirs."""
    network, batches = made("image")
    found = quantize_on(network, 2, batches, settings=CodeCalibration(channel_scales=False))
    plain, _ = strip(found.network)
    inputs = np.concatenate(batches)
    for call in calls(plain):
        if not isinstance(call.layer, keras.layers.BatchNormalization):
            continue
        old, new = network.get_layer(call.layer.name), call.layer
        before, now = (
            keras.Model(x.inputs, x.get_layer(new.name).input)(inputs).numpy().reshape(-1, 8)
            for x in (network, plain)
        )
        mean = old.moving_mean + now.mean(0) - before.mean(0)
        np.testing.assert_allclose(new.moving_mean, mean, rtol=1e-4, atol=1e-5)
        ratio = (now.var(0) + new.epsilon) / (before.var(0) + new.epsilon)
        variance = ratio * (old.moving_variance + new.epsilon) - new.epsilon
        np.testing.assert_allclose(new.moving_variance, variance, rtol=1e-3)


def test_norms_before_the_first_code_stay():
    network, batches = made("time")
    settings = CodeCalibration(batch_norm="replace")
    found = quantize_on(network, {"pointwise": 3}, batches, settings=settings)
    for name in ("first_norm", "late_norm"):
        for one, other in zip(
            found.network.get_layer(name).get_weights(),
            network.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
    moved = found.network.get_layer("pooled_norm").moving_mean
    assert np.abs(moved - network.get_layer("pooled_norm").moving_mean).max() > 1e-3


def test_the_error_told_is_that_of_the_layer():
    network, batches = made("kinds")
    settings = CodeCalibration(targets="quantized", channel_scales=False)
    found = quantize_on(network, {"dense": 2}, batches, settings=settings)
    dense = network.get_layer("dense")
    moments = InputMoments(dense)
    for batch in batches:
        moments.add(keras.Model(network.inputs, dense.input)(batch).numpy())
    hessian = moments.hessian(centred=True)
    plain, _ = strip(found.network)
    kernels = [matrices(x, x.kernel.numpy()) for x in (dense, plain.get_layer("dense"))]
    wanted = output_error(kernels[0] - kernels[1], hessian) / 1.0
    whole = output_error(kernels[0], hessian)
    assert found.layers[0].error == pytest.approx(wanted.sum() / whole.sum(), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "scheme"),
    [*((name, "kmeans") for name in NETWORKS), ("kinds", "uniform"), ("time", "admm")],
)
def test_packed_expanded_and_keras_are_one(name, scheme, tmp_path):
    """The file holds the calibrated codes, and what Keras computes with them."""
    network, batches = made(name)
    found = quantize_on(network, 3, batches, scheme)
    plain, coded = strip(found.network)
    assert set(coded) == {layer.name for layer in found.layers}
    for layer, weights in coded.items():
        assert len(weights.codebook) <= 8 and weights.error == 0
        np.testing.assert_array_equal(plain.get_layer(layer).variables[0].numpy(), weights.decode())
    inputs = np.concatenate(batches)
    np.testing.assert_allclose(found.network(inputs), plain(inputs), rtol=1e-5, atol=1e-5)
    path, ends = tmp_path / "model.tflite", Ends.of(plain)
    report = export_tflite(plain, coded, ModelCard(), path, ends, "packed", "float32")
    assert report.agreement > ends.lowest["float32"]
    (port,) = Runner(path).inputs
    sample = {port.name: batches[0][:1]}
    expanded = Runner(path)(sample)
    as_it_is = Runner(path, expanded=False)(sample)
    for key, value in expanded.items():
        np.testing.assert_allclose(value, as_it_is[key], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(value[0], plain(batches[0][:1])[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("anew", [False, True])
def test_codebooks_stay_until_weights_are_trained(anew):
    """Fine-tuning begins where calibration ended, whether or not it switches quantizers on anew."""
    network, batches = made("image")
    quantized = quantize_on(network, 2, batches).network
    before, outputs = coded_weights(quantized), quantized(batches[0]).numpy()
    if anew:
        switch_off(quantized)
        np.testing.assert_array_equal(quantized(batches[0]), outputs)
    refresh_codebooks(quantized)
    for name, coded in coded_weights(quantized).items():
        np.testing.assert_array_equal(coded.codebook, before[name].codebook)
        np.testing.assert_array_equal(coded.codes, before[name].codes)


def test_a_killed_calibration_goes_on_with_the_same_outcome(tmp_path, monkeypatch):
    network, batches = made("image")
    whole = quantize_on(network, 2, batches)
    kept, done = calibration.calibrated_kernel, []

    def killed_at_the_fourth(layer, *arguments, **named):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(layer.name)
        return kept(layer, *arguments, **named)

    monkeypatch.setattr(calibration, "calibrated_kernel", killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        quantize_on(network, 2, batches, folder=tmp_path)
    assert not (tmp_path / "waiting").exists()
    monkeypatch.setattr(calibration, "calibrated_kernel", kept)
    resumed = quantize_on(network, 2, batches, folder=tmp_path)
    assert resumed.layers == whole.layers
    for one, other in zip(resumed.network.get_weights(), whole.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (tmp_path / "0002.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="0002.npz: not a calibrated layer"):
        quantize_on(network, 2, batches, folder=tmp_path)


@pytest.mark.parametrize("scheme", ["pot", "apot", "uniform:scale=max"])
def test_schemes_whose_levels_follow_from_the_weights_are_refused(scheme):
    network, batches = made("kinds")
    with pytest.raises(InputError, match="scheme=.*cannot be calibrated; take kmeans"):
        quantize_on(network, 3, batches, scheme)
    nearest_codes = CodeCalibration(codes="nearest")
    assert quantize_on(network, 3, batches, scheme, nearest_codes).layers


@pytest.mark.parametrize("scheme", ["kmeans", "adaptive_binary"])
def test_one_bit_is_a_pair_of_centroids(scheme):
    network, batches = made("sequence", 60)
    found = quantize_on(network, 1, batches, scheme)
    assert all(len(coded.codebook) == 2 for coded in coded_weights(found.network).values())
    assert relative_change(network, found.network, batches) < 0.5 * relative_change(
        network, nearest(network, 1), batches
    )


def test_inputs_that_do_not_fit_are_refused():
    network, batches = made("kinds")
    with pytest.raises(InputError, match="no batches"):
        quantize_on(network, 2, [])
    with pytest.raises(InputError, match="kinds: takes 1 inputs, a batch has 2"):
        quantize_on(network, 2, [[batches[0], batches[0]]])
    with pytest.raises(InputError, match="conv: gets inputs that are NaN"):
        quantize_on(network, 2, [batches[0] * np.nan])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_walk_makes_what_the_network_makes_and_leaves_nothing(name, tmp_path):
    network, batches = made(name)
    walk = LayerWalk(network, batches, tmp_path)
    seen = {}
    for call in calls(network):
        seen[call.layer.name] = np.concatenate([arrays[0] for arrays in walk.inputs(call)])
        walk.make([call])
    assert not list(tmp_path.iterdir())
    inputs = np.concatenate(batches)
    for layer in quantizable_layers(network):
        wanted = keras.Model(network.inputs, layer.input)(inputs).numpy()
        np.testing.assert_allclose(seen[layer.name], wanted, rtol=1e-4, atol=1e-5)


def test_several_inputs_and_a_shared_layer():
    one, two = keras.Input((6,), name="one"), keras.Input((6,), name="two")
    shared = keras.layers.Dense(5, activation="relu", name="shared")
    x = keras.layers.Concatenate()([shared(one), shared(two)])
    network = keras.Model([one, two], keras.layers.Dense(3, name="out")(x))
    random = np.random.default_rng(0)
    batches = [list(random.normal(size=(2, 40, 6)).astype("f4")) for _ in range(2)]
    found = quantize_on(network, 3, batches)
    assert [layer.name for layer in found.layers] == ["shared", "out"]
    change = found.network(batches[0]).numpy() - network(batches[0]).numpy()
    assert np.mean(change**2) < 0.02 * network(batches[0]).numpy().var()
