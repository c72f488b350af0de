import collections
import itertools
import math
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.models import build_network
from tfsv.quantization import codebook
from tfsv.quantization.network import (
    active_layers,
    coded_weights,
    quantizable_layers,
    quantize,
    refresh_codebooks,
)
from tfsv.training.loop import FitSettings, fit
from tfsv.training.objectives.aam_softmax import AAMSoftmax
from tfsv.training.schedules import LearningRate
from tfsv.training.stages import (
    Stage,
    StagedFineTuning,
    StagePlan,
    by_bits,
    by_sensitivity,
    front_to_back,
    plan_stages,
)

BINS = 8
BITS = {"wide": 2, "dilated": 4, "point": 1, "embedding": 4}
PLAN = by_bits(BITS, [4, 6, 5], [0.1, 0.05, 0.02])
LOSSES = {"wide": 0.3, "dilated": 0.1, "point": 0.9, "embedding": 0.2, "float": 7.0}


def tiny():
    keras.utils.set_random_seed(0)
    x = features = keras.Input((None, BINS))
    x = keras.layers.Conv1D(8, 5, padding="same", name="wide")(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv1D(6, 3, padding="same", dilation_rate=2, name="dilated")(x)
    x = keras.layers.Conv1D(6, 1, name="point")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(features, keras.layers.Dense(4, name="embedding")(x), name="tiny")


def batches(step):
    """The data of a step depend on its number only."""
    random = np.random.default_rng(5)
    waveforms = random.normal(size=(20, 6, 1600)).astype("f4") * 0.1
    labels = random.integers(4, size=(20, 6)).astype("i4")
    return tf.data.Dataset.from_tensor_slices((waveforms, labels)).skip(step)


KILLS = (3, 9, 13)  # in each stage, one step after the last checkpoint


class Traced(LogMel):
    """Counts how often the training step's graph is built."""

    count = 0

    def __call__(self, waveforms):
        self.count += 1
        return super().__call__(waveforms)


class Run:
    """A fit of the tiny network from the same initial weights each time; notes each step."""

    def __init__(self, scheme="kmeans", plan=PLAN):
        self.network = quantize(tiny(), BITS, scheme)
        self.head = AAMSoftmax(4, 0.1)
        self.head.build([None, 4])
        self.stages = StagedFineTuning(self.network, plan, refresh_steps=3)
        self.front_end = Traced(bins=BINS)
        self.settings = FitSettings(
            plan.steps, self.stages.learning_rate, "adamw", checkpoint_steps=2,
            on_step=self.on_step, state=self.stages,
        )  # fmt: skip
        self.seen = []

    def on_step(self, step):
        note = self.stages.on_step(step)
        kernels = {name: variables(self.network, name) for name in BITS}
        self.seen.append((active_layers(self.network), note, kernels))
        if self.killed and step in KILLS:
            shutil.copytree(self.folder, f"{self.folder}_{step}")
        return note

    def fit(self, folder, killed=False):
        """With `killed`, leaves what kills within the steps `KILLS` would leave."""
        self.folder, self.killed = folder, killed
        fit(
            self.network, self.head, batches, self.settings, folder, "tiny",
            inputs_of=lambda waveforms, step: self.front_end(waveforms),
        )  # fmt: skip
        return self

    @property
    def weights(self):
        return [*self.network.get_weights(), *self.head.get_weights()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stages") / "whole"


@pytest.fixture(scope="module")
def whole(folder):
    return Run().fit(folder, killed=True)


def variables(network, name):
    """Values of a quantized layer's variables by their last names."""
    found = network.get_layer(f"quant_{name}").weights
    return {v.name.split("/")[-1].split(":")[0]: v.numpy() for v in found}


def groups(plan):
    return [list(stage.layers) for stage in plan.stages]


def flat(plan):
    return list(itertools.chain(*groups(plan)))


def test_bits_go_from_wide_to_narrow():
    assert groups(PLAN) == [["dilated", "embedding"], ["wide"], ["point"]]


def test_sensitivity_goes_downwards():
    plan = by_sensitivity(list(BITS), LOSSES, 2, 10, 0.1)
    assert groups(plan) == [["point", "wide"], ["embedding", "dilated"]]


def test_front_to_back_follows_the_network():
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    layers = [layer.name for layer in quantizable_layers(network)]
    plan = front_to_back(layers, 5, 40, 0.1)
    assert flat(plan) == [v.name.split("/")[0] for v in network.weights if "/kernel" in v.name]
    assert [len(group) for group in groups(plan)] == [4, 4, 4, 4, 5]
    assert groups(plan)[0][0] == "stem" and groups(plan)[-1][-1] == "embedding"
    plan.check(layers)


@pytest.mark.parametrize(
    ("order", "stages", "expected"),
    [
        ("bits", 3, PLAN),
        ("front", 2, front_to_back(list(BITS), 2, 15, 0.1)),
        ("sensitivity", 4, by_sensitivity(list(BITS), LOSSES, 4, 15, 0.1)),
        ("bits", 1, front_to_back(list(BITS), 1, 15, 0.1)),
        ("sensitivity", 1, front_to_back(list(BITS), 1, 15, 0.1)),
    ],
)
def test_orders_by_name(order, stages, expected):
    plan = plan_stages(order, stages, BITS, LOSSES, 15, 0.1)
    assert groups(plan) == groups(expected) and plan.steps == 15


@given(count=st.integers(1, 40), data=st.data())
@settings(max_examples=30, deadline=None)
def test_layers_and_steps_are_shared_evenly(count, data):
    stages = data.draw(st.integers(1, count))
    steps = data.draw(st.integers(stages, 500))
    layers = [str(i) for i in range(count)]
    plan = front_to_back(layers, stages, steps, 0.1)
    assert flat(plan) == layers and plan.steps == steps
    for shares in ([len(s.layers) for s in plan.stages], [s.steps for s in plan.stages]):
        assert len(shares) == stages and max(shares) - min(shares) <= 1
    place = [(i, j) for i, stage in enumerate(plan.stages) for j in range(stage.steps)]
    assert [plan.locate(step) for step in range(steps)] == place


def test_the_learning_rate_decays_within_each_stage():
    rates = [PLAN.learning_rate(step) for step in range(PLAN.steps)]
    expected = [
        first * 10 ** (-i / steps)
        for first, steps in ((0.1, 4), (0.05, 6), (0.02, 5))
        for i in range(steps)
    ]
    np.testing.assert_allclose(rates, expected)


def test_one_stage_is_fine_tuning_in_one_go():
    plan = front_to_back(list(BITS), 1, 8, 0.05)
    staged, plain = Run(plan=plan), Run(plan=plan)
    for step in range(8):
        staged.stages.on_step(step)
        if step % 3 == 0:
            refresh_codebooks(plain.network)
        for run in (staged, plain):
            for kernel in run.network.trainable_variables:
                kernel.assign_add(tf.random.stateless_normal(kernel.shape, [step, 1], stddev=0.1))
        for a, b in zip(staged.weights, plain.weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert staged.stages.learning_rate(step) == LearningRate(0.05, 0.05 / 10, 8)(step)


def test_stages_switch_layers_on_without_a_new_graph(whole):
    for step, (active, note, _) in enumerate(whole.seen):
        stage = 1 + (step >= 4) + (step >= 10)
        expected = {name for names in groups(PLAN)[:stage] for name in names}
        assert set(active) == expected
        assert note.scalars == {"stage": stage, "active_layers": len(expected)}
    assert len(whole.seen) == 15 and whole.front_end.count == 1
    assert [whole.seen[i][1].text for i in (0, 4, 10)] == [
        "stage 1/3: 2 layers from dilated, 4 bits",
        "stage 2/3: wide, 2 bits",
        "stage 3/3: point, 1 bit",
    ]


def test_codebooks_are_fitted_when_a_stage_begins_and_follow_the_latent_weights(whole):
    for name, begin in (("dilated", 0), ("embedding", 0), ("wide", 4), ("point", 10)):
        expected = None
        for step, (_, _, kernels) in enumerate(whole.seen):
            latent = kernels[name]["kernel"]
            if step >= begin and step in (0, 3, 4, 7, 10, 13):  # every third of each stage
                expected = codebook.kmeans(latent, 2 ** BITS[name], start=expected)
            found = kernels[name]["kernel_codebook"]
            if expected is None:
                assert not found.any()
            else:
                np.testing.assert_array_equal(np.unique(found), expected)
        for (_, _, one), (_, _, two) in itertools.pairwise(whole.seen):
            assert (one[name]["kernel"] != two[name]["kernel"]).any()


def test_curves_hold_the_stage(whole, folder):
    curves = collections.defaultdict(list)
    (file,) = (folder / "tensorboard").glob("events*")
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            curves[value.tag].append(float(tf.make_ndarray(value.tensor)))
    assert curves["tiny/stage"] == [1.0] * 4 + [2.0] * 6 + [3.0] * 5
    assert curves["tiny/active_layers"] == [2.0] * 4 + [3.0] * 6 + [4.0] * 5
    rates = [PLAN.learning_rate(step) for step in range(15)]
    np.testing.assert_allclose(curves["tiny/learning_rate"], rates, rtol=1e-6)


def test_the_layers_of_later_stages_compute_with_their_latent_weights():
    run, reference = Run(), tiny()
    run.stages.on_step(4)
    features = tf.random.stateless_normal([2, 30, BINS], [1, 2])
    np.testing.assert_array_equal(run.network.get_layer("quant_point").variables[0],
                                  reference.get_layer("point").variables[0])  # fmt: skip
    for name in ("dilated", "embedding", "wide"):
        reference.get_layer(name).variables[0].assign(coded_weights(run.network)[name].decode())
    np.testing.assert_allclose(run.network(features), reference(features), rtol=1e-4, atol=1e-5)
    assert np.abs(run.network(features) - tiny()(features)).max() > 1e-3


@pytest.mark.parametrize("step", KILLS)
def test_killed_in_a_stage_ends_with_the_same_weights(whole, folder, step):
    resumed = Run().fit(folder.with_name(f"whole_{step}"))
    assert len(resumed.seen) == PLAN.steps - step + 1
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    again = coded_weights(resumed.network)
    for name, coded in coded_weights(whole.network).items():
        np.testing.assert_array_equal(coded.codes, again[name].codes)
        np.testing.assert_array_equal(coded.codebook, again[name].codebook)


def test_trained_scales_rest_until_their_stage():
    run = Run("uniform")
    run.stages.on_step(4)
    scales = [v for v in run.network.trainable_variables if "scale" in v.name]

    @tf.function
    def gradients():
        features = tf.random.stateless_normal([2, 30, BINS], [1, 2])
        return tf.gradients(tf.reduce_sum(run.network(features, training=True) ** 2), scales)

    for scale, gradient in zip(scales, gradients(), strict=True):
        assert bool(gradient == 0) == bool(scale == 0) == ("point" in scale.name)


def test_another_plan_does_not_resume(whole, folder):
    other = by_sensitivity(list(BITS), LOSSES, 3, PLAN.steps, 0.1)
    with pytest.raises(InputError, match="ckpt-8: cannot be resumed .its stages, .* were others"):
        Run(plan=other).fit(folder)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["wide", "dilated"], "lacks embedding, point$"),
        ([*BITS, "first", "absent"], "has absent, first, without a quantizer$"),
        (["wide", "dilated", "point", "x"], "lacks embedding; has x, without a quantizer$"),
    ],
)
def test_a_plan_for_other_layers_lists_the_differences(layers, message):
    with pytest.raises(InputError, match=message):
        Run(plan=front_to_back(layers, 2, 10, 0.1))


def test_a_network_that_is_quantized_already_is_refused():
    network = quantize(tiny(), BITS)
    refresh_codebooks(network, ["wide"])
    with pytest.raises(ValueError, match="on already: .'wide'"):
        StagedFineTuning(network, PLAN, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stage((), 3, 0.1), "without layers"),
        (lambda: Stage(("a",), 0, 0.1), "0 steps for the stage of a; train for more"),
        (lambda: Stage(("a",), 3, math.nan), "learning rate nan for the stage of a"),
        (lambda: StagePlan(()), "no stages"),
        (lambda: StagePlan((Stage(("a", "b"), 1, 1), Stage(("b",), 1, 1))), "b more than once"),
        (lambda: front_to_back(["a", "b"], 3, 9, 0.1), "3 stages of 2 layers; 1 to as many"),
        (lambda: front_to_back(["a", "b"], 0, 9, 0.1), "0 stages of 2 layers"),
        (lambda: front_to_back(["a", "b"], 2, 1, 0.1), "0 steps for the stage of a"),
        (lambda: front_to_back(["a", "b"], 2, [1], 0.1), "1 numbers of steps for 2 stages"),
        (lambda: by_bits({"a": 1, "b": 2}, 9, [0.1]), "1 learning rates for 2 stages"),
        (lambda: plan_stages("up", 2, BITS, None, 9, 1), "stage_order=up: expected bits, sens"),
        (lambda: plan_stages("bits", 2, BITS, None, 9, 1), "here 3; give stages=3"),
        (lambda: plan_stages("sensitivity", 2, BITS, None, 9, 1), "needs a bit plan"),
        (lambda: by_bits({}, 9, 0.1), "no layers have quantizers"),
        (lambda: front_to_back([], 1, 9, 0.1), "no layers have quantizers"),
        (lambda: by_sensitivity(["a", "b"], {"a": 1}, 1, 9, 0.1), "no sensitivity of b"),
        (lambda: by_sensitivity(["a"], {"a": math.nan}, 1, 9, 0.1), "of a is not finite"),
        (lambda: by_sensitivity("ab", {"a": 0.0, "b": 0.0}, 2, 9, 0.1), "all sensitivities are 0"),
    ],
)
def test_plans_that_cannot_be_are_refused_in_a_line(make, message):
    with pytest.raises(InputError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
