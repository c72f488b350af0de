"""What stands before and behind a separator: from sound and an angle to its inputs, and back."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.separation.separator_settings import PHASES
from tfsv.separation.spatial_features import SpatialFeatures
from tfsv.separation.spectra import Spectra, Waveforms


@keras.utils.register_keras_serializable("tfsv")
class SeparatorFrontEnd(keras.layers.Layer):
    """Features and the spectrum of microphone 1, as a separator takes them.

    Example:
        >>> front_end = SeparatorFrontEnd(LINE_OF_15.positions, LINE_OF_15.pairs)
        >>> features, spectrum = front_end((tf.zeros([1, 15, 32000]), tf.constant([30.0])))
        >>> spectrum.shape
        TensorShape([1, 126, 2, 257])

    Input: mixtures, float32 `[batch, microphones, samples]`, and the asked angles in degrees,
        float32 `[batch]`.
    Output: features, float32 `[batch, frames, 1, features · 257]`, and the spectrum of microphone
        1, float32 `[batch, frames, 2, 257]`, real and imaginary part.

    Args:
        positions: Place of each microphone on its line, metres.
        pairs: Pairs of microphones by number, from 1.
        phase: What stands for a phase difference, as `SpatialFeatures` has it.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(
        self,
        positions: Sequence[float],
        pairs: Sequence[Sequence[int]],
        phase: str = PHASES[0],
        **kwargs: Any,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.features = SpatialFeatures(positions, pairs, phase)
        self._spectra = Spectra()

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        mixtures, degrees = inputs
        return self.of_spectra(self._spectra(mixtures), degrees)

    def of_spectra(
        self, spectra: tuple[tf.Tensor, tf.Tensor], degrees: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What `call` gives, of spectra that are there already.

        Args:
            spectra: Real and imaginary parts, each float32 `[batch, microphones, frames, 257]`.
            degrees: The asked angles, float32 `[batch]`.
        """
        real, imaginary = spectra
        features = self.features(((real, imaginary), degrees))
        return features, tf.stack([real[:, 0], imaginary[:, 0]], axis=2)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        own = self.features.get_config()
        return super().get_config() | {key: own[key] for key in ("positions", "pairs", "phase")}


def sound_of(spectra: tf.Tensor, samples: tf.Tensor | int) -> tf.Tensor:
    """The waveforms of a separator's outputs.

    Example:
        >>> sound_of(tf.zeros([1, 126, 2, 257]), 31900).shape
        TensorShape([1, 31900])

    Args:
        spectra: Spectra, float32 `[batch, frames, 2, 257]`, real and imaginary part.
        samples: Number of samples of the mixture.

    Returns:
        Waveforms, float32 `[batch, samples]`.
    """
    return Waveforms()((spectra[:, :, 0], spectra[:, :, 1]))[:, :samples]
