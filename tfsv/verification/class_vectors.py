"""The speakers' vectors that a network was trained with, or what stands in for them."""

import json
import os
import pathlib

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline import (
    PipelineSettings,
    class_count,
    steps_per_epoch,
    training_dataset,
)
from tfsv.errors import InputError
from tfsv.files import write_array, write_json
from tfsv.text_files import read_text

HEAD = "head.npy"
"""File of a model folder with the class vectors of its training."""

CLASSES = "head.json"
"""File of a model folder that tells whose vectors `HEAD` holds: speakers and speed factors."""

_CROPS_A_CLASS = 8


def class_vectors(
    folder: str | os.PathLike,
    network: keras.Model,
    front_end: keras.layers.Layer,
    train: Manifest,
    settings: PipelineSettings,
) -> np.ndarray:
    """The class vectors of a network, float32 `[classes, embedding size]`.

    They are in the order of the pipeline's labels. They are those of the training where the folder
    has them of these speakers. Otherwise, for an imported model or another corpus, they are the
    mean embeddings of some crops of each class.

    Example:
        >>> train = read_manifest("corpus/manifest.tsv").split("train")
        >>> vectors = class_vectors("runs/resnet/float", network, front_end, train, settings)

    Args:
        folder: The model folder.
        network: The float network.
        front_end: The layer from waveforms to features.
        train: The training split.
        settings: Settings of the training pipeline.

    Raises:
        InputError: The folder's vectors cannot be read, or were trained on these speakers at other
            speeds.
    """
    trained_on = _read_classes(pathlib.Path(folder) / CLASSES)
    if trained_on and trained_on["speakers"] != list(train.speakers):
        return _mean_embeddings(network, front_end, train, settings)
    file = pathlib.Path(folder) / HEAD
    shape = (class_count(train, settings), network.output_shape[-1])
    if not file.exists():
        return _mean_embeddings(network, front_end, train, settings)
    try:
        vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    speeds = trained_on and trained_on["speed_factors"]
    if vectors.shape != shape or (speeds and speeds != list(settings.speed_factors)):
        raise InputError(
            f"{file}: has {vectors.shape} class vectors at speeds {speeds or 'unknown'}, the "
            f"corpus at 'speed_factors' makes {shape}; give those of the training"
        )
    return vectors.astype(np.float32)


def save_class_vectors(
    folder: pathlib.Path, vectors: np.ndarray, train: Manifest, settings: PipelineSettings
) -> None:
    """Writes what `class_vectors` reads.

    Example:
        >>> save_class_vectors(pathlib.Path("runs/resnet/float"), vectors, train, settings)

    Args:
        folder: The model folder.
        vectors: The class vectors, float32 `[classes, embedding size]`, in the order of the
            pipeline's labels.
        train: The training split.
        settings: Settings of the training pipeline.

    Raises:
        InputError: The folder cannot be written.
    """
    classes = {"speakers": list(train.speakers), "speed_factors": list(settings.speed_factors)}
    write_json(folder / CLASSES, classes, indent=None)
    write_array(folder / HEAD, vectors)


def _read_classes(file: pathlib.Path) -> dict | None:
    """The classes, or None for an imported model or one of an earlier version, which have none."""
    if not file.exists():
        return None
    try:
        classes = json.loads(read_text(file))
        return {name: list(classes[name]) for name in ("speakers", "speed_factors")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: cannot be read; train the model again") from error


def _mean_embeddings(
    network: keras.Model, front_end: keras.layers.Layer, train: Manifest, settings: PipelineSettings
) -> np.ndarray:
    classes = class_count(train, settings)
    sums = np.zeros((classes, network.output_shape[-1]), np.float32)
    wanted = -(-_CROPS_A_CLASS * classes // settings.batch_size)
    steps = min(steps_per_epoch(train, settings), wanted)
    data = training_dataset(train, settings).take(steps)
    for waveforms, labels in tqdm(data, desc="class vectors", total=steps, unit="batch"):
        embeddings = network(front_end(waveforms), training=False)
        np.add.at(sums, labels.numpy(), tf.math.l2_normalize(embeddings, axis=1).numpy())
    missing = ~sums.any(axis=1)
    sums[missing] = np.random.default_rng(0).normal(size=(missing.sum(), sums.shape[1]))
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)
