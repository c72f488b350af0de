"""What tells a talker's direction in a mixture: phases between microphones, and the asked angle."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.audio import SAMPLE_RATE
from tfsv.separation.frames import BINS, WINDOW
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.separator_settings import PHASES

_FLOOR = 1e-8  # power of a line, beside which a 16-bit file's rounding is 25 times as strong
_LOG_SCALE = 0.25  # brings logarithms of powers to the size of cosines


@keras.utils.register_keras_serializable("tfsv")
class SpatialFeatures(keras.layers.Layer):
    """Log power of microphone 1, phase differences of pairs, and the angle feature (paper 4).

    The phase difference of microphones m and n in a line of the spectrum is the angle of
    `y_m / y_n`. By default its cosine stands for it, and "cos_sin" adds its sine. The paper gives
    the bare angle, which jumps by 2π. The cosine alone has the sizes that the paper's figures give
    (11 features a line), and what it leaves open about the side the angle feature tells.

    The angle feature is the mean over pairs of the cosine between two phase differences: the one
    that is heard, and the one that a plane wave from the asked angle would have. The paper sums.
    It prints the steering vector's ratio with m and n exchanged, which would be another direction.

    Cosines come of the parts of normalised lines, without an arc tangent. So a file needs RSQRT
    only. A line without power has cosines of 0. The logarithm of the power is divided by 4.

    Example:
        >>> features = SpatialFeatures(LINE_OF_15.positions, LINE_OF_15.pairs)
        >>> features((Spectra()(tf.zeros([1, 15, 32000])), tf.constant([30.0]))).shape
        TensorShape([1, 126, 1, 2827])

    Input: real and imaginary parts, each float32 `[batch, microphones, frames, 257]`, and the
        asked angles in degrees, float32 `[batch]`, as `MicrophoneArray` counts them.
    Output: float32 `[batch, frames, 1, features · 257]`: log power, pairs' cosines, their sines if
        wanted, and the angle feature.

    Args:
        positions: Place of each microphone on its line, metres.
        pairs: Pairs of microphones by number, from 1.
        phase: What stands for a phase difference, one of `PHASES`.
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
        if phase not in PHASES:
            raise ValueError(f"phase: expected one of {PHASES}. Received: {phase!r}")
        self.array = MicrophoneArray(tuple(positions), tuple((a, b) for a, b in pairs))
        self.phase = phase

    @property
    def count(self) -> int:
        """Number of features of a line."""
        pairs = len(self.array.pairs)
        return 2 + (2 * pairs if self.phase == "cos_sin" else pairs)

    def call(self, inputs: tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
        (real, imaginary), degrees = inputs
        power = tf.square(real) + tf.square(imaginary) + _FLOOR
        scale = tf.math.rsqrt(power)
        real, imaginary = real * scale, imaginary * scale
        first, second = self.array.pair_indices.T.astype(np.int32)
        a, b = tf.gather(real, first, axis=1), tf.gather(imaginary, first, axis=1)
        c, d = tf.gather(real, second, axis=1), tf.gather(imaginary, second, axis=1)
        cosines, sines = a * c + b * d, b * c - a * d  # [batch, pairs, frames, 257]
        wanted = tf.expand_dims(self._steering(degrees), 2)  # [batch, pairs, 1, 257]
        found = cosines * tf.cos(wanted) + sines * tf.sin(wanted)
        parts = [
            _LOG_SCALE * tf.math.log(power[:, :1]),
            cosines,
            *([sines] if self.phase == "cos_sin" else ()),
            tf.reduce_mean(found, axis=1, keepdims=True),
        ]
        features = tf.transpose(tf.concat(parts, axis=1), [0, 2, 1, 3])
        batch = features.shape[0] or tf.shape(features)[0]
        return tf.reshape(features, [batch, -1, 1, self.count * BINS])

    def _steering(self, degrees: tf.Tensor) -> tf.Tensor:
        """Phase differences of a plane wave, radians, `[batch, pairs, 257]`."""
        first, second = self.array.pair_indices.T
        arrivals = self.array.arrivals(0.0)  # of a wave along the line
        turn = 2 * np.pi * np.arange(BINS) * SAMPLE_RATE / WINDOW
        steering = -turn * (arrivals[first] - arrivals[second])[:, np.newaxis]
        cosine = tf.cos(degrees * np.float32(np.pi / 180))
        return tf.reshape(cosine, [-1, 1, 1]) * steering.astype(np.float32)

    def compute_output_shape(self, input_shape):
        batch, _, frames, _ = input_shape[0][0]
        return (batch, frames, 1, self.count * BINS)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the layer."""
        own = {**self.array.to_json(), "phase": self.phase}
        return super().get_config() | own
