"""What a recipe makes of a float parent, with the data that it needs for it."""

import dataclasses

import pytest
from test_made_up_task import Hidden, Nothing, Sizes, Waves

from tfsv.jobs.recipe import run
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.tasks.task import TASKS


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
