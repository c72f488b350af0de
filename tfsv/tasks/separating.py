"""Separators as functions from what microphones hear and an angle to sound."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.separation.evaluation import Separate
from tfsv.separation.front_end import SeparatorFrontEnd, sound_of
from tfsv.separation.model_card import array_of, separator_of


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
