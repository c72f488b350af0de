"""Batches of the training data on which a quantized child is calibrated before it is trained."""

from typing import Any

import tensorflow as tf

from tfsv.card import ModelCard
from tfsv.tasks.task import TaskData

_EXAMPLES = 256  # as many crops as `tfsv quantize` takes by default


def calibration_batches(data: TaskData, card: ModelCard) -> list[Any]:
    """The first batches of the training data, as a card's network takes them.

    They are what training begins with, augmentation included, but without masks. A step's batch
    depends on its number only, so that every call gives the same ones. The number of examples is
    our choice: at least 256, in whole batches.

    Example:
        >>> batches = calibration_batches(data, parent.card)
        >>> quantized = quantize_on(parent.network, 2, batches).network

    Args:
        data: The data of training.
        card: Card of the network, whose front end makes the inputs.

    Returns:
        Batches for `quantize_on`: float32 arrays `[batch, ...]`, or lists of them for a network of
        several inputs.
    """
    features_of = tf.function(data.features_of(card), autograph=False)
    batches: list[Any] = []
    count = 0
    for raw, _ in data.dataset(0):
        arrays = [inputs.numpy() for inputs in tf.nest.flatten(features_of(raw))]
        batches.append(arrays if len(arrays) > 1 else arrays[0])
        count += len(arrays[0])
        if count >= _EXAMPLES:
            break
    return batches
