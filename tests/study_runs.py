"""A run of the training command that took no training."""

import dataclasses
import json
import pathlib

import numpy as np
import tf_keras as keras

from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline import PipelineSettings
from tfsv.card import ModelCard
from tfsv.features import LogMel
from tfsv.jobs.recipe import Recipe
from tfsv.models import build_network
from tfsv.study.cells import FLOAT
from tfsv.study.comparison import read_recipe
from tfsv.tasks.model_folder import save_model


def float_run(folder: pathlib.Path, manifest: Manifest, channels: int = 4) -> pathlib.Path:
    """A run folder as `tools/train.py --bits=0` leaves it, with untrained weights."""
    keras.utils.set_random_seed(0)  # of other weights, none may live on after quantization
    network = build_network("xvector", channels=channels, bins=16, embedding_size=8)
    front_end = LogMel(bins=16).settings()
    card = ModelCard("xvector", channels, 16, 8, front_end=front_end, trained_on="nothing")
    save_model(folder / FLOAT, network, card)
    classes = len(manifest.split("train").speakers)
    np.save(folder / FLOAT / "head.npy", np.random.default_rng(0).normal(size=(classes, 8)))
    pipeline = PipelineSettings(
        batch_size=4, crop_seconds=0.5, speed_factors=(1.0,), decoder="soundfile"
    )
    recipe = Recipe(
        corpus=str(manifest.path), speakers=8, utterances=4, dev_trials=None, test_trials=None,
        dev_root=None, test_root=None, network="xvector", channels=channels, bins=16,
        embedding_size=8, pooling=None, start=None, pipeline=pipeline, epochs=1,
        optimizer="sgd", learning_rate=0.1, last_learning_rate=0.01, warmup=0, margin=0.2,
        margin_start=0, margin_end=0, weight_decay=0, spec_augment=False, bits=0, bit_plan=None,
        scheme="kmeans", finetune_epochs=1, finetune_learning_rate=0.1, refresh_steps=1,
        stages=1, stage_order="bits", control=False, checkpoint_steps=2,
    )  # fmt: skip
    values = dataclasses.asdict(recipe) | {"input_sha256": {"manifest": ""}}
    (folder / "recipe.json").write_text(json.dumps(values))
    assert read_recipe(folder) == recipe
    return folder
