"""Records of settings: JSON and back, errors that name the setting."""

import dataclasses
import json

import pytest

from tfsv.errors import InputError
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.settings import named_settings, read_record
from tfsv.verification.settings import SpeakerObjective, SpeechData

FLAT = {
    "corpus": "manifest.tsv", "speakers": 100, "utterances": 40, "dev_trials": None,
    "test_trials": "test.txt", "dev_root": None, "test_root": None, "network": "resnet34",
    "channels": 16, "bins": 40, "embedding_size": 256, "pooling": "tstp", "start": None,
    "pipeline": {"batch_size": 8, "speed_factors": [1.0, 0.9], "seed": 3}, "epochs": 2.5,
    "optimizer": "adamw", "learning_rate": 0.01, "last_learning_rate": 0.001, "warmup": 0.0,
    "margin": 0.3, "margin_start": 0.1, "margin_end": 0.2, "weight_decay": 0.0,
    "spec_augment": True, "bits": 2, "bit_plan": None, "scheme": "uniform", "finetune_epochs": 1.0,
    "finetune_learning_rate": 0.002, "refresh_steps": 7, "stages": 1, "stage_order": "front",
    "control": True, "checkpoint_steps": 9, "input_sha256": {"manifest": "abc"},
}  # fmt: skip
"""A recipe.json as tfsv 0.1 wrote it."""


def test_a_recipe_is_its_json():
    recipe = Recipe(
        data=SpeechData("a.tsv"), quantization=Quantization(2), finetuning=FineTuning(1.5)
    )
    text = json.dumps(recipe.to_dict())
    assert Recipe.from_dict(json.loads(text)) == recipe
    fields = json.loads(text)
    del fields["training"]["warmup"], fields["data"]["pipeline"]["seed"]  # of an earlier version
    assert Recipe.from_dict(fields) == recipe


def test_a_recipe_of_the_first_version_is_read():
    recipe = Recipe.from_dict(FLAT)
    assert recipe.data.corpus == "manifest.tsv" and recipe.data.spec_augment
    assert recipe.data.pipeline.speed_factors == (1.0, 0.9) and recipe.data.pipeline.seed == 3
    assert recipe.network.name == "resnet34" and recipe.network.bins == 40
    assert recipe.objective == SpeakerObjective(margin=0.3, margin_start=0.1, margin_end=0.2)
    assert recipe.training == FloatTraining(2.5, "adamw", 0.01, 0.001, 0.0, 0.0, 9)
    assert recipe.quantization == Quantization(2, None, "uniform")
    assert recipe.finetuning == FineTuning(
        1.0, 0.002, refresh_steps=7, stage_order="front", control=True
    )
    with pytest.raises(InputError, match="a.json: no recipe of tfsv .'margin' is missing"):
        Recipe.from_dict({k: v for k, v in FLAT.items() if k != "margin"}, "a.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 9}, "a.json: recipe of schema 9"),
        ({"task": "cooking"}, "task=cooking: unknown; choose one of separation, verification"),
        ({"spoon": 1}, "a.json: unknown part 'spoon'"),
        ({"training": {"spoon": 1}}, "a.json: unknown setting 'spoon'"),
        ({"training": 3}, "a.json: not settings"),
        ({"training": {"epochs": 0}}, "epochs=0: expected more than 0"),
        ({"finetuning": {"epochs": -1}}, "finetune_epochs=-1: expected at least 0"),
        ({"finetuning": {"learning_rate": 0}}, "finetune_learning_rate=0: expected"),
        ({"finetuning": {"refresh_steps": 0}}, "refresh_steps=0: expected at least 1"),
        ({"quantization": {"bits": 9}}, "bits=9: expected 0 .float., 1 to 8 or 16 .float16."),
        ({"objective": {"margin_start": 0.9}}, "margin_end=0.27: expected 'margin_start' to 1"),
        ({"training": {"weight_decay": -1}}, "weight_decay=-1: expected at least 0"),
        ({"data": {"speakers": 2}}, "speakers=2: expected at least 6"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Recipe.from_dict(Recipe().to_dict() | changes, "a.json")


def test_records_of_another_task_are_refused():
    with pytest.raises(ValueError, match="data: expected a SpeechData"):
        Recipe(data=FineTuning())


def test_names_with_settings():
    assert named_settings("a") == ("a", {})
    assert named_settings("a:b=1,c=x") == ("a", {"b": "1", "c": "x"})


def test_records_say_themselves_what_is_wrong_with_a_type():
    @dataclasses.dataclass(frozen=True)
    class Sizes:
        width: int = 3

        def __post_init__(self):
            if self.width < 1:
                raise InputError(f"width={self.width}: expected at least 1")

    assert read_record(Sizes, {"width": 5}, "x") == Sizes(5)
    with pytest.raises(InputError, match="x: settings of the wrong type"):
        read_record(Sizes, {"width": "five"}, "x")
