"""A run of the training command that took no training."""

import pathlib

import numpy as np
import tf_keras as keras

from tfsv import folders
from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.features import LogMel
from tfsv.files import write_json
from tfsv.folders import FLOAT
from tfsv.jobs.recipe import read_recipe
from tfsv.jobs.recipe_record import Recipe
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.models.settings import NetworkSettings
from tfsv.tasks.model_folder import save_model
from tfsv.verification.model_card import speaker_card
from tfsv.verification.settings import SpeakerObjective, SpeechData


def float_run(folder: pathlib.Path, manifest: Manifest, channels: int = 4) -> pathlib.Path:
    """A run folder as `tfsv train --bits=0` leaves it, with untrained weights."""
    keras.utils.set_random_seed(0)  # of other weights, none may live on after quantization
    sizes = NetworkSettings("xvector", channels=channels, bins=16, embedding_size=8)
    card = speaker_card(sizes, LogMel(bins=16).settings(), trained_on="nothing")
    save_model(folder / FLOAT, sizes.build(), card)
    classes = len(manifest.split("train").speakers)
    np.save(folder / FLOAT / "head.npy", np.random.default_rng(0).normal(size=(classes, 8)))
    pipeline = PipelineSettings(
        batch_size=4, crop_seconds=0.5, speed_factors=(1.0,), decoder="soundfile"
    )
    recipe = Recipe(
        data=SpeechData(str(manifest.path), speakers=8, utterances=4, pipeline=pipeline),
        network=sizes,
        objective=SpeakerObjective(margin_start=0, margin_end=0),
        training=FloatTraining(
            epochs=1, last_learning_rate=0.01, warmup=0, weight_decay=0, checkpoint_steps=2
        ),
        quantization=Quantization(bits=0),
        finetuning=FineTuning(epochs=1, learning_rate=0.1, refresh_steps=1),
    )
    write_json(folder / folders.RECIPE, recipe.to_dict())
    assert read_recipe(folder) == recipe
    return folder
