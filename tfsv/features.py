"""The front end: log-mel filterbank (fbank) features as a Keras layer on the waveform."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.sounding import FRAME_SAMPLES, HOP_SAMPLES, MOST_BINS, SILENCE_DB
from tfsv.framing import cosine_window, overlapping_frames
from tfsv.mel_filters import mel_energies, mel_gather
from tfsv.sounding import repeated_sound, sounding_mask

_FLOOR = float(np.finfo(np.float32).eps)


@keras.utils.register_keras_serializable("tfsv")
class LogMel(keras.layers.Layer):
    """Log-mel filterbank features with mean normalisation (CMN), as Kaldi computes them.

    A frame has 25 ms and begins every 10 ms. Only whole frames count (Kaldi's snip_edges). Each has
    its mean removed, is pre-emphasised and windowed, and gives a 512-point power spectrum.
    Triangular mel filters and the natural logarithm follow, and each bin's mean over the utterance
    is subtracted. Dither is off, and there is no energy term.

    Frames without sound count neither for the mean nor behind it: frames with sound are repeated in
    their place (`tfsv.sounding`). Features of an utterance without such frames are Kaldi's.

    The same layer trains, scores and is part of the exported graph. So all its ops convert to
    TFLite built-ins, with static shapes once the input has been resized. Two parts are unusual for
    that reason. Framing is two strided convolutions with 0/1 kernels, which are exact and, unlike a
    reshape, take any number of samples. The mel filters are a gather, since a spectrum bin feeds
    only the two filters between whose centres it lies. 648 indices with two weights each, 8 kB, so
    replace a dense 257 × 80 matrix of 82 kB.

    Example:
        >>> LogMel(bins=80)(np.zeros((1, 16000), np.float32)).shape
        TensorShape([1, 98, 80])

    Args:
        bins: Number of mel filters.
        low_hz: Lower edge of the first filter, Hz.
        high_hz: Upper edge of the last filter, Hz.
        preemphasis: Coefficient of the pre-emphasis; 0 switches it off.
        window: Name of the window: "hamming" (as WeSpeaker's recipes), "povey" (Kaldi's default) or
            "hann".
        mean_normalise: Whether to subtract the mean over time.
        scale: Factor on the waveform; Kaldi expects 16-bit integers, hence 2^15.
        silence_db: Decibels below the utterance's level from which on a frame holds no sound. None:
            all frames count.

    Input: float32 `[batch, samples]`, 16 kHz, -1 to 1, at least 400 samples.
    Output: float32 `[batch, frames, bins]`, frames = 1 + (samples - 400) // 160.
    """

    def __init__(
        self,
        bins: int = 80,
        low_hz: float = 20.0,
        high_hz: float = 8000.0,
        preemphasis: float = 0.97,
        window: str = "hamming",
        mean_normalise: bool = True,
        scale: float = 32768.0,
        silence_db: float | None = SILENCE_DB,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")  # log of a power spectrum has no room for bfloat16
        super().__init__(trainable=False, **kwargs)
        if not 1 <= bins <= MOST_BINS:
            raise ValueError(f"bins: expected 1 to {MOST_BINS}. Received: {bins:.9g}")
        if window not in _WINDOWS:
            raise ValueError(f"window: expected one of {sorted(_WINDOWS)}. Received: {window!r}")
        if not 0 <= low_hz < high_hz <= SAMPLE_RATE / 2:
            raise ValueError(
                f"expected 0 <= low_hz < high_hz <= 8000. Received: {low_hz}, {high_hz}"
            )
        if silence_db is not None and not silence_db > 0:
            raise ValueError(f"silence_db: expected a positive number. Received: {silence_db}")
        self.bins = bins
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.preemphasis = preemphasis
        self.window = window
        self.mean_normalise = mean_normalise
        self.scale = scale
        self.silence_db = silence_db

    def call(self, waveform: tf.Tensor) -> tf.Tensor:
        frames = self._frames(waveform * self.scale)
        frames -= tf.reduce_mean(frames, axis=2, keepdims=True)
        features = tf.math.log(tf.maximum(self._mel(self._power_spectrum(frames)), _FLOOR))
        if self.silence_db is None:
            return features - self._mean(features)
        mask = sounding_mask(tf.reduce_mean(tf.square(frames), axis=2), self.silence_db)
        return repeated_sound(features - self._mean(features, mask), mask)

    def _mean(self, features: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor | float:
        """What to subtract: each bin's mean over the frames of the mask, `[batch, 1, bins]`."""
        if not self.mean_normalise:
            return 0.0
        if mask is None:
            return tf.reduce_mean(features, axis=1, keepdims=True)
        mask = tf.expand_dims(mask, 2)
        total = tf.reduce_sum(features * mask, axis=1, keepdims=True)
        return total / tf.reduce_sum(mask, axis=1, keepdims=True)

    def _frames(self, waveform: tf.Tensor) -> tf.Tensor:
        """`[batch, samples]` to overlapping frames `[batch, frames, 400]`."""
        return overlapping_frames(waveform)

    def _power_spectrum(self, frames: tf.Tensor) -> tf.Tensor:
        """`[batch, frames, 400]`, each of mean 0, to `[batch, frames, 257]`."""
        if self.preemphasis:
            previous = tf.concat([frames[:, :, :1], frames[:, :, :-1]], axis=2)
            frames -= self.preemphasis * previous
        frames *= _WINDOWS[self.window]().astype(np.float32)
        return tf.square(tf.abs(tf.signal.rfft(frames, [512])))

    def _mel(self, spectrum: tf.Tensor) -> tf.Tensor:
        """`[batch, frames, 257]` to mel energies `[batch, frames, bins]`."""
        return mel_energies(spectrum, mel_gather(self.bins, self.low_hz, self.high_hz))

    def compute_output_shape(self, input_shape):
        batch, samples = input_shape
        frames = None if samples is None else frame_count(samples)
        return (batch, frames, self.bins)

    def settings(self) -> dict:
        """The constructor's arguments, as a model card stores them."""
        return {
            "bins": self.bins,
            "low_hz": self.low_hz,
            "high_hz": self.high_hz,
            "preemphasis": self.preemphasis,
            "window": self.window,
            "mean_normalise": self.mean_normalise,
            "scale": self.scale,
            "silence_db": self.silence_db,
        }

    def get_config(self) -> dict:
        return super().get_config() | self.settings()


@keras.utils.register_keras_serializable("tfsv")
class TrainingLogMel(LogMel):
    """The same features by operations that only TensorFlow has, in a third of the time.

    `LogMel` cuts frames and sums filters with what a TFLite file runs. Training needs no file.

    Example:
        >>> features = TrainingLogMel(bins=40)(tf.zeros([1, 16000]))
        >>> features.shape
        TensorShape([1, 98, 40])
    """

    def _frames(self, waveform: tf.Tensor) -> tf.Tensor:
        return tf.signal.frame(waveform, FRAME_SAMPLES, HOP_SAMPLES)

    def _mel(self, spectrum: tf.Tensor) -> tf.Tensor:
        index, rising, falling = mel_gather(self.bins, self.low_hz, self.high_hz)
        filters = np.zeros((257, self.bins), np.float32)
        for interval, members in enumerate(index):
            if interval < self.bins:
                filters[members, interval] += rising[members]
            if interval:
                filters[members, interval - 1] += falling[members]
        filters[0] = 0.0  # unused places name it
        return tf.tensordot(spectrum, filters, 1)


def frame_count(samples: int) -> int:
    """Number of whole frames in so many samples.

    Example:
        >>> frame_count(16000)
        98
    """
    return 1 + (samples - FRAME_SAMPLES) // HOP_SAMPLES if samples >= FRAME_SAMPLES else 0


_WINDOWS = {
    "hamming": lambda: cosine_window(0.54),
    "hann": lambda: cosine_window(0.5),
    "povey": lambda: cosine_window(0.5, 0.85),
}
