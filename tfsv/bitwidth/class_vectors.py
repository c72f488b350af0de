"""The speakers' vectors that a network was trained with, or what stands in for them."""

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
from tfsv.features import LogMel

HEAD = "head.npy"
"""File of a model folder with the class vectors of its training."""

_CROPS_A_CLASS = 8


def class_vectors(
    folder: str | os.PathLike,
    network: keras.Model,
    front_end: LogMel,
    train: Manifest,
    settings: PipelineSettings,
) -> np.ndarray:
    """Float32 `[classes, embedding size]`, in the order of the pipeline's labels.

    Those of the training where the folder has them, otherwise the mean embeddings of some crops a
    class (an imported model's).

    Args:
        folder: The model folder.
        network: The float network.
        front_end: Waveform to features.
        train: The training split.
        settings: Of the pipeline.

    Raises:
        InputError: The folder's vectors cannot be read or are not of these classes.
    """
    file = pathlib.Path(folder) / HEAD
    shape = (class_count(train, settings), network.output_shape[-1])
    if not file.exists():
        return _mean_embeddings(network, front_end, train, settings)
    try:
        vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if vectors.shape != shape:
        raise InputError(
            f"{file}: has {vectors.shape} class vectors, the corpus at --speed_factors makes "
            f"{shape}; give the corpus and speeds of the training"
        )
    return vectors.astype(np.float32)


def _mean_embeddings(
    network: keras.Model, front_end: LogMel, train: Manifest, settings: PipelineSettings
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
