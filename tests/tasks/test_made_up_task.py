"""A task that tfsv does not have goes all the way: trained, searched, staged, packed, run."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import tfsv
from tfsv.card import ModelCard
from tfsv.conversion.ends import Ends, keras_runner
from tfsv.jobs.bit_search import BitSearch
from tfsv.jobs.recipe import run
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import BitSearchSettings, FineTuning, FloatTraining, Quantization
from tfsv.quantization.network import strip
from tfsv.report import Measurement, Report
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.task import TASKS, Measured, Task, TaskData
from tfsv.training.objective import Objective

layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Sizes:
    channels: int = 12


@dataclasses.dataclass(frozen=True)
class Nothing:
    pass


class SquaredError(Objective):
    def call(self, outputs, targets, step):
        errors = tf.reduce_mean(tf.square(outputs - targets), axis=[1, 2])
        return errors, {"peak": tf.reduce_max(tf.abs(outputs - targets), axis=[1, 2])}


class Waves(TaskData):
    """A noisy sequence and a hint: what is hidden in them is to be found."""

    steps_per_epoch = 30

    def dataset(self, first_step):
        def batch(step):
            noisy = tf.random.stateless_normal([8, 20, 4], tf.stack([step, 0]))
            hint = tf.random.stateless_normal([8, 20, 2], tf.stack([step, 1]))
            return (noisy, hint), noisy[..., :1] * hint[..., 1:] + tf.roll(noisy[..., 1:2], 1, 1)

        return tf.data.Dataset.range(first_step, 2**40).map(batch)

    def objective(self, network, steps):
        return SquaredError()

    def measure(self, model):
        inputs, targets = next(iter(self.dataset(10_000)))
        error = tf.reduce_mean(tf.square(model.network(inputs) - targets))
        return Measured(Report("hidden", (Measurement("mse", float(error), title="MSE"),)))


class Hidden(Task):
    name = "hidden"
    network_record, data_record, objective_record = Sizes, Nothing, Nothing

    def new_card(self, network):
        return ModelCard(self.name, network=dataclasses.asdict(network))

    def build(self, card):
        noisy, hint = keras.Input((None, 4), name="noisy"), keras.Input((None, 2), name="hint")
        x = layers.Concatenate(name="both")([noisy, hint])
        x = layers.Conv1D(card.network["channels"], 1, use_bias=False, name="mix")(x)
        x = layers.PReLU(shared_axes=[1], name="bent")(layers.BatchNormalization(name="norm")(x))
        x = layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
        x = layers.LayerNormalization(name="level")(x)
        x = layers.ReLU(name="cut")(layers.Conv1D(16, 3, padding="same", name="wide")(x))
        return keras.Model([noisy, hint], layers.Conv1D(1, 1, name="found")(x), name="hidden")

    def ends(self, card):
        return Ends.of(self.build(card))

    def open_data(self, data, objective):
        return Waves()


@pytest.fixture(scope="module")
def task():
    yield TASKS.add("hidden", Hidden())
    TASKS.remove("hidden")


def test_a_made_up_task_is_trained_searched_fine_tuned_packed_and_run(task, tmp_path):
    recipe = Recipe(
        "hidden", Nothing(), Sizes(), Nothing(),
        FloatTraining(epochs=4, optimizer="adamw", learning_rate=0.01, last_learning_rate=0.001),
        Quantization(bits=0),
    )  # fmt: skip
    reports = run(recipe, tmp_path / "float")
    assert reports["float"]["mse"].value < 1.6  # the variance of what is to be found is 2
    parent = tmp_path / "float" / "float"
    search = BitSearch(parent, Waves(), tmp_path / "store", BitSearchSettings())
    equal = search.files.size(dict.fromkeys(search.candidates, 4))
    for method in ("kl", "curvature"):
        found = search.sensitivities(method, equal)
        choice = search.choose(found, equal)
        assert choice.size <= equal and set(choice.bits) == {"mix", "depthwise", "wide", "found"}
    search.plan(found, choice, equal).write(tmp_path / "plan.json")
    recipe = dataclasses.replace(
        recipe, start=str(parent), quantization=Quantization(0, str(tmp_path / "plan.json")),
        finetuning=FineTuning(epochs=3, stages=2, stage_order="front", refresh_steps=10),
    )  # fmt: skip
    reports = run(recipe, tmp_path / "run")
    assert reports["fine_tuned"]["mse"].value <= 1.05 * reports["post_training"]["mse"].value

    folder = tmp_path / "run" / "fine_tuned"
    tfsv.export(folder, tmp_path / "hidden.tflite")
    network, card = load_model(folder)
    plain, coded = strip(network)
    assert {name: weights.bits for name, weights in coded.items()} == dict(choice.bits)
    reference = keras_runner(plain, task.ends(card))
    packed = tfsv.Runner(tmp_path / "hidden.tflite", expanded=False)
    expanded = tfsv.Runner(tmp_path / "hidden.tflite")
    assert expanded.card.task == "hidden"
    assert {port.name for port in expanded.inputs} == {"noisy", "hint"}
    random = np.random.default_rng(0)
    for length in (20, 31, 20):
        inputs = {
            name: random.normal(size=(1, length, size)).astype("f4")
            for name, size in (("noisy", 4), ("hint", 2))
        }
        (wanted,) = reference(inputs).values()
        for runner in (packed, expanded):
            (output,) = runner(inputs).values()
            assert output.shape == (1, length, 1)
            assert np.abs(output - wanted).max() < 0.1 * np.abs(wanted).max()
