"""Separators as functions from what microphones hear and an angle to sound."""

import os

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.quantization.network import strip
from tfsv.separation.evaluation import Separate
from tfsv.separation.front_end import SeparatorFrontEnd, sound_of
from tfsv.separation.model_card import array_of, check_separator_card, separator_of
from tfsv.tasks.model_folder import load_model, read_folder_card


def front_end_of(card: ModelCard) -> SeparatorFrontEnd:
    """What makes the inputs of the separator of a card.

    Example:
        >>> features, spectrum = front_end_of(card)((heard, angles))
    """
    array = array_of(card)
    return SeparatorFrontEnd(array.positions, array.pairs, separator_of(card).phase)


def separator(network: keras.Model, front_end: SeparatorFrontEnd) -> Separate:
    """A network as a function, of one trace for mixtures of all lengths.

    Example:
        >>> sound = separator(network, front_end_of(card))(heard, 30.0)

    Args:
        network: A separator.
        front_end: What makes its inputs.
    """
    signature = [
        tf.TensorSpec([1, front_end.features.array.microphones, None]),
        tf.TensorSpec([1]),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def graph(heard: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
        spectra = network(front_end((heard, angle)), training=False)
        return sound_of(spectra, tf.shape(heard)[2])

    def separate(heard: np.ndarray, angle: float) -> np.ndarray:
        return graph(heard[np.newaxis], np.array([angle], np.float32))[0].numpy()

    return separate


def open_separator(folder: str | os.PathLike) -> tuple[Separate, ModelCard]:
    """The separator of a model folder, quantized or not, and its card.

    Example:
        >>> separate, card = open_separator("runs/separation_half/fine_tuned")
        >>> sound = separate(read_recording("mixture.wav", array_of(card)), 63.0)

    Args:
        folder: The model folder.

    Raises:
        InputError: The folder has no model, or one of another task.
    """
    check_separator_card(read_folder_card(folder), str(folder))
    network, card = load_model(folder)
    separate = separator(strip(network)[0], front_end_of(card))

    def finite(heard: np.ndarray, angle: float) -> np.ndarray:
        sound = separate(heard, angle)
        if not np.isfinite(sound).all():
            raise InputError(f"{folder}: gives samples that are not finite; train it again")
        return sound

    return finite, card
