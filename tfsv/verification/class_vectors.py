"""The speakers' vectors that a network was trained with, or what stands in for them."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.array_files import read_array
from tfsv.audio.manifest import Manifest
from tfsv.audio.pipeline import (
    PipelineSettings,
    class_count,
    steps_per_epoch,
    training_dataset,
)
from tfsv.errors import InputError
from tfsv.files import write_array, write_json
from tfsv.json_files import read_json

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

    They are in the order of the pipeline's labels. A class is a speaker at a speed. Classes of the
    network's training have its vectors where the folder keeps them. Others, such as new speakers,
    new speeds, or all of an imported model, get the mean embedding of some crops. Its length is
    the mean length of the vectors that are taken over.

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
        InputError: The folder's vectors cannot be read, or are not of the classes that it names.
    """
    wanted = _classes(train.speakers, settings.speed_factors)
    kept = _kept(pathlib.Path(folder), wanted, network.output_shape[-1])
    if not all(named in kept for named in wanted):
        means = _mean_embeddings(network, front_end, train, settings)
        if kept:
            means *= np.mean([np.linalg.norm(vector) for vector in kept.values()])
        kept = dict(zip(wanted, means, strict=True)) | kept
    return np.stack([kept[named] for named in wanted])


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


def _classes(speakers: Sequence[str], speeds: Sequence[float]) -> list[tuple[str, float]]:
    """Speaker and speed of each class."""
    return [(speaker, speed) for speed in speeds for speaker in speakers]


def _kept(
    folder: pathlib.Path, wanted: list[tuple[str, float]], size: int
) -> dict[tuple[str, float], np.ndarray]:
    """Vectors that a training kept of these classes; none for an imported model."""
    file, classes = folder / HEAD, folder / CLASSES
    if not file.exists():
        return {}
    try:
        vectors = read_array(file).astype(np.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if not classes.exists():  # tfsv 0.1 did not name them; the next training had the same ones
        named = wanted
    else:
        try:
            fields = read_json(classes)
            named = _classes(list(fields["speakers"]), [float(x) for x in fields["speed_factors"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{classes}: cannot be read; train the model again") from error
    if vectors.shape != (len(named), size):
        raise InputError(
            f"{file}: has class vectors {vectors.shape}, expected {(len(named), size)}; give the"
            " corpus and the speeds of its training"
        )
    found = dict(zip(named, vectors, strict=True))
    return {named: found[named] for named in wanted if named in found}


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
