"""What a recipe makes of a float parent, with the data that it needs for it."""

import dataclasses
import itertools

import numpy as np
import pytest
from test_made_up_task import Hidden, Nothing, Sizes, Waves

from tfsv.bitwidth.plan import BitPlan, LayerPlan
from tfsv.errors import InputError
from tfsv.jobs import further
from tfsv.jobs.recipe import run
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.quantization import calibration
from tfsv.quantization.calibration import quantize_on
from tfsv.quantization.network import active_layers, coded_weights
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.task import TASKS
from tfsv.training import stages


class Prepared(Waves):
    """Waves that count how often they were prepared."""

    def __init__(self, folders):
        self._folders = folders

    def prepare(self, folder):
        self._folders.append(folder)


class Counting(Hidden):
    """The made-up task, whose data are prepared visibly."""

    name = "counting"

    def __init__(self):
        self.prepared = []

    def open_data(self, data, objective):
        return Prepared(self.prepared)


@pytest.fixture(scope="module")
def task():
    yield TASKS.add("counting", Counting())
    TASKS.remove("counting")


@pytest.fixture(scope="module")
def recipe(task, tmp_path_factory):
    """A recipe that starts from a trained float model and quantizes it, without further epochs."""
    folder = tmp_path_factory.mktemp("float")
    recipe = Recipe(
        "counting", Nothing(), Sizes(), Nothing(),
        FloatTraining(epochs=1, optimizer="adamw", learning_rate=0.01, last_learning_rate=0.001),
        Quantization(bits=0), FineTuning(epochs=0),
    )  # fmt: skip
    run(recipe, folder)
    return dataclasses.replace(
        recipe, start=str(folder / "float"), quantization=Quantization(bits=2)
    )


def test_data_are_prepared_only_before_something_is_trained(task, recipe, tmp_path):
    task.prepared.clear()
    assert list(run(recipe, tmp_path / "quantized")) == ["post_training"]
    assert not task.prepared
    taught = dataclasses.replace(recipe, finetuning=FineTuning(epochs=0.1))
    assert list(run(taught, tmp_path / "trained")) == ["post_training", "fine_tuned"]
    assert task.prepared == [tmp_path / "trained"]


BITS = {"mix": 3, "depthwise": 2, "wide": 1, "found": 4}


@pytest.fixture(scope="module")
def calibrated(recipe, tmp_path_factory):
    """A recipe with calibrated codes, a bit plan and two stages; the folder of its run."""
    folder = tmp_path_factory.mktemp("calibrated")
    rows = {name: LayerPlan(bits, 0, 1.0 / bits, "") for name, bits in BITS.items()}
    BitPlan("hidden", "hand", 1, rows).write(folder / "plan.json")
    recipe = dataclasses.replace(
        recipe,
        quantization=Quantization(0, str(folder / "plan.json"), codes="calibrated"),
        finetuning=FineTuning(epochs=0.5, learning_rate=1e-3, stages=2, stage_order="sensitivity"),
        training=dataclasses.replace(recipe.training, checkpoint_steps=2),
    )
    run(recipe, folder / "run")
    return recipe, folder / "run"


def test_the_first_child_is_calibrated_on_the_first_batches_of_training(calibrated):
    recipe, folder = calibrated
    parent, _ = load_model(recipe.start)
    first = itertools.islice(Waves().dataset(0), 256 // 8)
    batches = [[array.numpy() for array in inputs] for inputs, _ in first]
    wanted = quantize_on(parent, BITS, batches).network
    made, card = load_model(folder / "post_training")
    assert card.bits == BITS and len(active_layers(made)) == 4
    for one, other in zip(made.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (folder / "post_training" / "calibration").exists()


def test_training_begins_with_those_codes_and_never_refreshes_them(
    calibrated, tmp_path, monkeypatch
):
    recipe, _ = calibrated
    refreshed = []
    refresh = stages.refresh_codebooks
    monkeypatch.setattr(
        stages, "refresh_codebooks", lambda *given: refreshed.append(given[1]) or refresh(*given)
    )
    still = dataclasses.replace(recipe.finetuning, learning_rate=1e-12)
    run(dataclasses.replace(recipe, finetuning=still), tmp_path)
    assert refreshed == [("wide", "depthwise"), ("mix", "found")]
    before, after = (
        coded_weights(load_model(tmp_path / name)[0]) for name in ("post_training", "fine_tuned")
    )
    for name, codes in before.items():
        np.testing.assert_array_equal(codes.codes, after[name].codes)
        np.testing.assert_allclose(codes.codebook, after[name].codebook, rtol=1e-5, atol=1e-7)


def test_a_run_killed_in_calibration_and_training_ends_with_the_same_weights(
    calibrated, tmp_path, monkeypatch
):
    recipe, folder = calibrated
    calibrated_kernel, fit, done = calibration.calibrated_kernel, further.fit, []

    def stopping_kernel(layer, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(layer.name)
        return calibrated_kernel(layer, *rest)

    def stopping_fit(network, objective, dataset_from, settings, *rest, **named):
        def on_step(step):
            if step == 9:
                raise KeyboardInterrupt
            return settings.on_step(step)

        changed = dataclasses.replace(settings, on_step=on_step)
        return fit(network, objective, dataset_from, changed, *rest, **named)

    monkeypatch.setattr(calibration, "calibrated_kernel", stopping_kernel)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path)
    monkeypatch.setattr(
        calibration, "calibrated_kernel",
        lambda layer, *rest: done.append(layer.name) or calibrated_kernel(layer, *rest),
    )  # fmt: skip
    monkeypatch.setattr(further, "fit", stopping_fit)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path)
    assert done == ["mix", "depthwise", "wide", "found"]
    monkeypatch.undo()
    run(recipe, tmp_path)
    for name in ("post_training", "fine_tuned"):
        for one, other in zip(
            load_model(folder / name)[0].get_weights(),
            load_model(tmp_path / name)[0].get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_what_cannot_be_calibrated_is_told_at_once(recipe, tmp_path):
    with pytest.raises(InputError, match="codes=nearest: expected codebooks or calibrated"):
        Quantization(2, codes="nearest")
    quantization = Quantization(3, scheme="pot", codes="calibrated")
    with pytest.raises(InputError, match="scheme=pot: its levels follow from the weights"):
        run(dataclasses.replace(recipe, quantization=quantization), tmp_path)
    assert not list(tmp_path.glob("*/*"))


def test_refreshes_are_every_100_steps_or_of_calibrated_codes_on_demand_only(recipe):
    assert recipe.resolved().finetuning.refresh_steps == 100
    wanted = dataclasses.replace(recipe, quantization=Quantization(2, codes="calibrated"))
    assert wanted.resolved().finetuning.refresh_steps is None
    asked = dataclasses.replace(wanted, finetuning=FineTuning(refresh_steps=7))
    assert asked.resolved().finetuning.refresh_steps == 7
