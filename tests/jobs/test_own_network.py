"""A reader's own Keras network: searched, fine-tuned, exported and run by what `tfsv` offers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import tfsv
from tfsv.bitwidth.plan import BitPlan
from tfsv.errors import InputError
from tfsv.jobs.settings import BitSearchSettings

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Toy:
    """A network that learned something, and the data it learned from."""

    network: keras.Model
    batches: list
    loss: object


@pytest.fixture(scope="module")
def toy():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 1), name="image")
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="conv1")(image)
    x = layers.Conv2D(16, 3, activation="relu", name="conv2")(x)
    x = layers.Dense(3, name="classes")(layers.GlobalAveragePooling2D(name="pool")(x))
    network = keras.Model(image, x, name="toy")
    random = np.random.default_rng(0)
    images = random.normal(size=(120, 12, 12, 1)).astype("f4")
    labels = random.integers(0, 3, 120).astype("i4")
    images += np.array([-0.7, 0.0, 0.7], "f4")[labels].reshape(-1, 1, 1, 1)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(images, labels, batch_size=24, epochs=15, verbose=0)
    batches = [(images[i : i + 24], labels[i : i + 24]) for i in range(0, 120, 24)]

    def loss(outputs, targets):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, outputs)

    return Toy(network, batches, loss)


def mean_loss(toy, network):
    return np.mean([toy.loss(network(x, training=False), y).numpy().mean() for x, y in toy.batches])


@pytest.fixture(scope="module")
def plan(toy):
    return tfsv.search_bits(toy.network, "6kB", toy.batches, toy.loss, method="kl")


def test_bits_are_searched_for_a_budget(toy, plan, tmp_path):
    assert set(plan.bits) == {"conv1", "conv2", "classes"} and plan.network == "toy"
    quantized = tfsv.quantize(toy.network, plan.bits)
    tfsv.refresh_codebooks(quantized)
    report = tfsv.export(quantized, tmp_path / "toy.tflite")
    assert report.size <= 6000 and report.card.bits == plan.bits and report.card.task is None
    with pytest.raises(InputError, match="budget=100: too small"):
        tfsv.search_bits(toy.network, 100, toy.batches, toy.loss)
    with pytest.raises(ValueError, match="loss: expected one"):
        tfsv.search_bits(toy.network, 6000, toy.batches)


def test_fine_tuning_helps_and_resumes(toy, tmp_path):
    quantized = tfsv.quantize(toy.network, bits=1)
    tfsv.refresh_codebooks(quantized)
    before = mean_loss(toy, quantized)

    def tuned(folder, steps=40):
        network = tfsv.quantize(toy.network, bits=1)
        tfsv.fine_tune(
            network, toy.batches, toy.loss, folder, steps=steps, learning_rate=0.01, stages=3,
            stage_order="front", refresh_steps=5, checkpoint_steps=10,
        )  # fmt: skip
        return network

    whole = tuned(tmp_path / "whole")
    assert mean_loss(toy, whole) < before
    assert tfsv.quantized_bits(whole) == dict.fromkeys(("conv1", "conv2", "classes"), 1)
    again = tuned(tmp_path / "whole")  # its checkpoint is read, nothing more is done
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    plain, coded = tfsv.strip(whole)
    assert {weights.bits for weights in coded.values()} == {1}
    assert mean_loss(toy, plain) == pytest.approx(mean_loss(toy, whole), rel=1e-4)


@pytest.mark.parametrize("compute", ["int8_weights", "float32", "int8"])
def test_the_file_computes_what_keras_does(toy, tmp_path, compute):
    quantized = tfsv.quantize(toy.network, bits=4)
    tfsv.refresh_codebooks(quantized)
    calibration = [{"image": x[:1]} for x, _ in toy.batches] if compute == "int8" else ()
    path = tmp_path / "toy.tflite"
    tfsv.export(quantized, path, compute=compute, calibration=calibration)
    runner = tfsv.Runner(path)
    image = toy.batches[0][0][:1]
    (output,) = runner({"image": image}).values()
    wanted = quantized(image, training=False).numpy()
    assert np.abs(output - wanted).max() < 0.15 * np.abs(wanted).max()
    with pytest.raises(InputError, match="not of speaker verification; open it with tfsv.Runner"):
        tfsv.load(path)


def test_float_networks_are_exported_too(toy, tmp_path):
    report = tfsv.export(toy.network, tmp_path / "toy.tflite")
    assert report.card.scheme is None and report.agreement > 0.999
    with pytest.raises(InputError, match="weights=packed: a float model has no codes"):
        tfsv.export(toy.network, tmp_path / "toy.tflite", weights="packed")


def test_a_budget_between_codes_and_float_is_spent_on_16_bits(tmp_path):
    """The widths are paper 4's candidates."""
    values = keras.Input((40,), name="values")
    x = layers.Dense(96, activation="relu", name="first")(values)
    x = layers.Dense(90, activation="relu", name="second")(x)
    network = keras.Model(values, layers.Dense(50, name="third")(x), name="dense")
    settings = BitSearchSettings(candidates=(2, 4, 8, 16), compute="float32")
    batches, loss = [(np.zeros((1, 40), "f4"), np.zeros(1, "f4"))], lambda outputs, targets: targets

    def made(bits):
        quantized = tfsv.quantize(network, bits)
        tfsv.refresh_codebooks(quantized)
        return tfsv.export(quantized, tmp_path / "dense.tflite", compute="float32")

    def searched(budget, settings=settings):
        return tfsv.search_bits(network, budget, batches, loss, method="norm", settings=settings)

    eight, sixteen = made(8).size, made(16).size
    assert eight + 10_000 < sixteen < eight + 40 * 96 + 96 * 90 + 90 * 50
    between = (eight + sixteen) // 2
    plan = searched(between)
    assert 16 in plan.bits.values() and min(plan.bits.values()) < 16
    report = made(plan.bits)
    assert report.size <= between and report.card.bits == plan.bits
    for layer in report.layers:  # what a search expects is what the file has
        assert plan.layers[layer.name].size == layer.size
    plan.write(tmp_path / "plan.json")
    assert BitPlan.read(tmp_path / "plan.json") == plan
    assert set(searched(sixteen + 2000).bits.values()) == {16}
    codes_only = searched(between, dataclasses.replace(settings, candidates=()))
    assert max(codes_only.bits.values()) <= 8


def test_16_bits_are_fine_tuned_and_hardly_lose(toy, tmp_path):
    network = tfsv.quantize(toy.network, {"conv1": 16, "conv2": 2, "classes": 16})
    tfsv.fine_tune(
        network, toy.batches, toy.loss, tmp_path / "tuned", steps=6, learning_rate=0.01, stages=2,
        stage_order="bits", refresh_steps=2, checkpoint_steps=3,
    )  # fmt: skip
    plain, stored = tfsv.strip(network)
    kernel = plain.get_layer("conv1").kernel.numpy()
    assert np.any(kernel != toy.network.get_layer("conv1").kernel.numpy())
    np.testing.assert_array_equal(kernel, kernel.astype(np.float16))
    assert {name: held.bits for name, held in stored.items()} == {
        "conv1": 16, "conv2": 2, "classes": 16,
    }  # fmt: skip
    whole = tfsv.quantize(toy.network, 16)
    tfsv.refresh_codebooks(whole)
    assert mean_loss(toy, whole) == pytest.approx(mean_loss(toy, toy.network), rel=1e-3)
