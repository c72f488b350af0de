"""The front end of ReDimNet2: log-mel features of a waveform that is normalised first."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.sounding import FRAME_SAMPLES, HOP_SAMPLES, MOST_BINS
from tfsv.framing import cosine_window, overlapping_frames
from tfsv.mel_filters import mel_energies, mel_gather

_LEAST = 1e-8  # added to the deviation and to energies, and the lowest power
_MOST = 1e8  # the highest power
_PREEMPHASIS = 0.97
_BESIDE = HOP_SAMPLES // 2  # zeros before and behind the utterance
_LINES = np.linspace(0, SAMPLE_RATE / 2, 256)  # Hz, as the original has them


@keras.utils.register_keras_serializable("tfsv")
class NormalisedMel(keras.layers.Layer):
    """Log-mel features as PalabraAI's ReDimNet2 and WeSpeaker's `tfmel` front end compute them.

    The waveform has its mean removed and is divided by its standard deviation, so that level counts
    for nothing. Pre-emphasis with 0.97 follows, before frames are cut; the sample before the first
    one is taken to be the second one. A frame has 25 ms and begins every 10 ms, with 5 ms of zeros
    before and behind the utterance. It is windowed (Hamming) and gives a 512-point power spectrum.

    Triangular filters of height 1 on the mel scale take the first 256 lines of the spectrum. The
    original spreads these over 0 to 8000 Hz, so that filters lie 0.4 % lower than their edges say;
    the weights were trained on that. Powers and energies are kept within 1e-8 and 1e8. Each
    filter's mean of the natural logarithm over the utterance is subtracted. Silence is not cut.

    Example:
        >>> NormalisedMel(bins=72)(np.zeros((1, 16000), np.float32)).shape
        TensorShape([1, 99, 72])

    Args:
        bins: Number of mel filters.
        low_hz: Lower edge of the first filter, Hz.
        high_hz: Upper edge of the last filter, Hz.
        normalise: Whether the waveform's mean and level are normalised.

    Input: float32 `[batch, samples]`, 16 kHz, -1 to 1, at least 240 samples.
    Output: float32 `[batch, frames, bins]`, frames = 1 + (samples - 240) // 160.
    """

    def __init__(
        self,
        bins: int = 72,
        low_hz: float = 20.0,
        high_hz: float = 7600.0,
        normalise: bool = True,
        **kwargs,
    ) -> None:
        kwargs.setdefault("dtype", "float32")  # log of a power spectrum has no room for bfloat16
        super().__init__(trainable=False, **kwargs)
        if not 1 <= bins <= MOST_BINS:
            raise ValueError(f"bins: expected 1 to {MOST_BINS}. Received: {bins:.9g}")
        if not 0 <= low_hz < high_hz <= SAMPLE_RATE / 2:
            raise ValueError(
                f"expected 0 <= low_hz < high_hz <= 8000. Received: {low_hz}, {high_hz}"
            )
        self.bins = bins
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.normalise = normalise

    def call(self, waveform: tf.Tensor) -> tf.Tensor:
        if self.normalise:
            waveform -= tf.reduce_mean(waveform, axis=1, keepdims=True)
            power = tf.reduce_mean(tf.square(waveform), axis=1, keepdims=True)
            waveform /= tf.sqrt(power) + _LEAST
        before = tf.concat([waveform[:, 1:2], waveform[:, :-1]], axis=1)
        x = tf.pad(waveform - _PREEMPHASIS * before, [[0, 0], [_BESIDE, _BESIDE]])
        frames = overlapping_frames(x) * cosine_window(0.54).astype(np.float32)
        spectrum = _within(tf.square(tf.abs(tf.signal.rfft(frames, [512]))))
        filters = mel_gather(self.bins, self.low_hz, self.high_hz, _LINES)
        features = tf.math.log(_within(mel_energies(spectrum, filters)) + _LEAST)
        return features - tf.reduce_mean(features, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        batch, samples = input_shape
        frames = (
            None if samples is None else 1 + (samples + 2 * _BESIDE - FRAME_SAMPLES) // HOP_SAMPLES
        )
        return (batch, frames, self.bins)

    def settings(self) -> dict:
        """The constructor's arguments."""
        return {
            "bins": self.bins,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
            "normalise": self.normalise,
        }

    def get_config(self) -> dict:
        return super().get_config() | self.settings()


def _within(powers: tf.Tensor) -> tf.Tensor:
    return tf.minimum(tf.maximum(powers, _LEAST), _MOST)
