"""Tasks, sensitivity methods and studies bring their own flags."""

import dataclasses
import pathlib

import pytest

from tfsv.bitwidth.methods import METHODS
from tfsv.commands import compare_bits, compare_schemes, export, search_bits, train
from tfsv.commands.flags import made
from tfsv.commands.study_flags import further
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning
from tfsv.settings import setting
from tfsv.tasks.task import TASKS, Task

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEARCH = ["--model=m", "--budget=1kB", "--output=p.json"]


@dataclasses.dataclass(frozen=True)
class Sizes:
    depth: int = setting(3, "Layers.")


@dataclasses.dataclass(frozen=True)
class Sounds:
    folder: str = setting("sounds", "Folder.")
    seed: int = setting(0, "Seed.")


@dataclasses.dataclass(frozen=True)
class Aim:
    sharpness: float = setting(2.0, "How sharp.")


class MadeUp(Task):
    name = "made_up"
    network_record, data_record, objective_record = Sizes, Sounds, Aim
    new_card = build = ends = open_data = None


@pytest.fixture
def task():
    TASKS.add("made_up", MadeUp())
    yield
    TASKS.remove("made_up")


def recipe_of(*arguments):
    values, _ = train.command.parsed(["--run_dir=r", *arguments])
    return train.recipe_of(values)


def test_without_flags_training_has_the_recipe_s_defaults():
    assert recipe_of() == Recipe()


def test_flags_of_training_reach_the_recipe():
    recipe = recipe_of(
        "--corpus=m.tsv", "--speed_factors=1.0,0.8", "--seed=3", "--network=ecapa512",
        "--margin=0.3", "--epochs=2", "--learning_rate=0.2", "--bits=2", "--control",
        "--finetune_learning_rate=0.01", "--start=f",
    )  # fmt: skip
    assert recipe.data.corpus == "m.tsv" and recipe.data.pipeline.seed == 3
    assert recipe.data.pipeline.speed_factors == (1.0, 0.8)
    assert recipe.network.name == "ecapa512" and recipe.objective.margin == 0.3
    assert (recipe.training.epochs, recipe.training.learning_rate) == (2, 0.2)
    assert recipe.quantization.bits == 2 and recipe.start == "f"
    assert recipe.finetuning == FineTuning(learning_rate=0.01, control=True)


def test_another_task_has_its_own_flags(task, tmp_path):
    recipe = recipe_of("--task=made_up", "--depth=5", "--folder=here", "--bits=1")
    assert recipe.task == "made_up" and recipe.network == Sizes(5)
    assert recipe.data == Sounds("here") and recipe.objective == Aim()
    (tmp_path / "task.flags").write_text("--depth=4\n--task=made_up\n")
    assert recipe_of(f"--flagfile={tmp_path}/task.flags").network == Sizes(4)
    with pytest.raises(SystemExit, match="Unknown command line flag 'margin'"):
        recipe_of("--margin=0.3", "--task=made_up")
    with pytest.raises(SystemExit, match="^error: --task=other: unknown; choose one of"):
        recipe_of("--task=other")


def test_a_new_method_brings_its_settings(task):
    @dataclasses.dataclass(frozen=True)
    class Settings:
        patience: int = setting(7, "How long to wait.")
        seed: int = setting(0, "Seed.")

    class Waiting:
        name, help, record, uses = "waiting", "what waiting tells", Settings, ()

    METHODS.add("waiting", Waiting)
    try:
        for arguments in (["--corpus=m.tsv"], ["--task=made_up"]):
            values, _ = search_bits.command.parsed(
                [*SEARCH, "--method=waiting", "--patience=9", "--seed=4", *arguments]
            )
            assert made(values, Settings) == Settings(9, 4)
            assert "waiting: what waiting tells" in values["method"].help
        assert made(values, Sounds).seed == 4  # one flag for all
    finally:
        METHODS.remove("waiting")


def test_a_search_needs_the_corpus_of_the_model():
    with pytest.raises(SystemExit, match="--corpus"):
        search_bits.command.parsed(SEARCH)
    values, _ = search_bits.command.parsed([*SEARCH, "--corpus=m.tsv"])
    assert values.batch_size == 32


@pytest.mark.parametrize("command", [compare_schemes.command, compare_bits.command])
def test_studies_fine_tune_as_they_always_did(command):
    given = ["--runs=a", "--scheme=kmeans 2", "--output=o"]
    values, _ = command.parsed(given)
    assert further(values) == FineTuning(1.0, 0.01, "sgd", 1e-4, 20)
    values, _ = command.parsed([*given, "--learning_rate=0.5", "--optimizer=adamw"])
    assert further(values) == FineTuning(1.0, 0.5, "adamw", 1e-4, 20)


@pytest.mark.parametrize(
    ("file", "command", "given"),
    [
        ("study_bits", compare_bits.command, ["--runs=a", "--output=o"]),
        ("study_schemes", compare_schemes.command, ["--runs=a", "--output=o"]),
        ("demo_export", export.command, ["--model=m", "--output=m.tflite"]),
    ],
)
def test_flagfiles_of_other_commands_are_read(file, command, given):
    _, rest = command.parsed([f"--flagfile={ROOT}/configs/{file}.flags", *given])
    assert not rest
