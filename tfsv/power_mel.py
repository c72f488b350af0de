"""The front end of GE2E speaker encoders: mel powers without logarithm, as a Keras layer."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.sounding import FRAME_SAMPLES, HOP_SAMPLES, MOST_BINS

LOWEST_LEVEL_DB = -30.0
"""Level in dB of full scale to which quieter recordings are raised, as Resemblyzer does."""

RINGING = 2
"""Frames behind the last one that an utterance has, into which its last samples still reach."""

_BEHIND = FRAME_SAMPLES // 2 + RINGING * HOP_SAMPLES  # zeros after the utterance
_QUIETEST = 1e-10  # root mean square below which a waveform is digital silence
_LINEAR_MELS = 15.0  # at 1000 Hz, up to which Slaney's scale is linear
_MEL_OCTAVE = 27.0 / np.log(6.4)  # mels of a factor e above it


@keras.utils.register_keras_serializable("tfsv")
class PowerMel(keras.layers.Layer):
    """Mel powers of a waveform whose level is raised first, as Resemblyzer's encoder takes them.

    The root mean square of a recording below `lowest_level_db` is raised to it. Louder recordings
    stay as they are. A frame has 25 ms and begins every 10 ms. Frames are centred: the first one is
    centred at the first sample, and zeros stand before and behind the utterance. The 400-point
    power spectrum under a periodic Hann window is weighted by triangular filters of equal area on
    Slaney's mel scale, 0 to 8000 Hz. This is what librosa computes by default. There is no
    logarithm, and no mean is subtracted. Silence is not cut.

    TFLite transforms powers of two only. So framing, window and transform are one convolution
    here, of 400 samples with the cosines and sines of 199 frequencies. They take 0.6 MB in a file.

    Example:
        >>> PowerMel(bins=40)(np.zeros((1, 16000), np.float32)).shape
        TensorShape([1, 103, 40])

    Args:
        bins: Number of mel filters.
        lowest_level_db: Level in dB of full scale to which quieter waveforms are raised. None: the
            level stays.

    Input: float32 `[batch, samples]`, 16 kHz, -1 to 1, at least one sample.
    Output: float32 `[batch, frames, bins]`, frames = 3 + samples // 160. The last two are those
        into which the last samples of the utterance still reach.
    """

    def __init__(
        self, bins: int = 40, lowest_level_db: float | None = LOWEST_LEVEL_DB, **kwargs
    ) -> None:
        kwargs.setdefault("dtype", "float32")  # powers span more than bfloat16 tells apart
        super().__init__(trainable=False, **kwargs)
        if not 1 <= bins <= MOST_BINS:
            raise ValueError(f"bins: expected 1 to {MOST_BINS}. Received: {bins:.9g}")
        if lowest_level_db is not None and not lowest_level_db < 0:
            raise ValueError(
                f"lowest_level_db: expected a negative number. Received: {lowest_level_db}"
            )
        self.bins = bins
        self.lowest_level_db = lowest_level_db

    def call(self, waveform: tf.Tensor) -> tf.Tensor:
        if self.lowest_level_db is not None:
            waveform *= self._gain(waveform, 10 ** (self.lowest_level_db / 20))
        x = tf.pad(waveform, [[0, 0], [FRAME_SAMPLES // 2, _BEHIND]])
        x = tf.expand_dims(tf.expand_dims(x, 1), 3)  # [batch, 1, samples, 1]
        x = tf.nn.conv2d(x, _transform(), [1, 1, HOP_SAMPLES, 1], "VALID")
        filters = slaney_filters(self.bins)[1:-1].astype(np.float32)  # 0 at both edges
        return tf.matmul(tf.square(tf.squeeze(x, 1)), np.concatenate([filters, filters]))

    @staticmethod
    def _gain(waveform: tf.Tensor, lowest: float) -> tf.Tensor:
        """The factor that raises each waveform to the lowest level, 1 or more, `[batch, 1]`."""
        level = tf.sqrt(tf.reduce_mean(tf.square(waveform), axis=1, keepdims=True))
        return tf.maximum(lowest / tf.maximum(level, _QUIETEST), 1.0)

    def compute_output_shape(self, input_shape):
        batch, samples = input_shape
        frames = None if samples is None else samples // HOP_SAMPLES + 1 + RINGING
        return (batch, frames, self.bins)

    def settings(self) -> dict:
        """The constructor's arguments."""
        return {"bins": self.bins, "lowest_level_db": self.lowest_level_db}

    def get_config(self) -> dict:
        return super().get_config() | self.settings()


def slaney_filters(bins: int) -> np.ndarray:
    """Triangular filters of equal area, in Hz, on Slaney's mel scale from 0 to 8000 Hz.

    The scale is linear up to 1000 Hz and logarithmic above (Slaney, Auditory Toolbox, 1998).

    Example:
        >>> slaney_filters(40).shape
        (201, 40)

    Args:
        bins: Number of filters.

    Returns:
        Weight of each bin of a 400-point spectrum in each filter, float64 `[201, bins]`.
    """
    top = _LINEAR_MELS + _MEL_OCTAVE * np.log(SAMPLE_RATE / 2000)
    mels = np.linspace(0, top, bins + 2)
    bent = 1000 * np.exp((np.maximum(mels, _LINEAR_MELS) - _LINEAR_MELS) / _MEL_OCTAVE)
    edges = np.where(mels < _LINEAR_MELS, mels * (1000 / _LINEAR_MELS), bent)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, FRAME_SAMPLES // 2 + 1)[:, np.newaxis]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies - low) / (centre - low)
    falling = (high - frequencies) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


def _transform() -> np.ndarray:
    """Cosines and sines of the bins 1 to 199 under a periodic Hann window, `[1, 400, 1, 398]`."""
    samples = np.arange(FRAME_SAMPLES)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * samples / FRAME_SAMPLES)
    bins = np.arange(1, FRAME_SAMPLES // 2)
    phase = 2 * np.pi * (np.outer(samples, bins) % FRAME_SAMPLES) / FRAME_SAMPLES
    kernel = window[:, np.newaxis] * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    return kernel[np.newaxis, :, np.newaxis].astype(np.float32)
