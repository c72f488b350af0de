"""Spectra of waveforms and waveforms of spectra, by what a TFLite file runs."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.framing import stretches
from tfsv.separation.frames import BINS, HOP, WINDOW, frames_of

_CUT = 16  # 256 samples are cut off in two steps of 16


@keras.utils.register_keras_serializable("tfsv")
class Spectra(keras.layers.Layer):
    """Short-time spectra of waveforms: frames of 32 ms every 16 ms under the root of a Hann window.

    Paper 4 has a Hann window. Its root is our choice. It stands before the transform and behind the
    inverse one, so that a mask that changes from frame to frame makes no clicks. Half a frame of
    zeros stands before the first sample, and zeros fill the last frame. So every sample lies in two
    frames, and `Waveforms` gives all of them back.

    Example:
        >>> real, imaginary = Spectra()(tf.zeros([1, 15, 32000]))
        >>> real.shape
        TensorShape([1, 15, 126, 257])

    Input: float32 `[..., samples]`.
    Output: real and imaginary parts, each float32 `[..., frames, 257]`.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, waveforms: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        others = waveforms.shape[:-1]
        one_by_one = len(others) == 2 and others[0] == 1
        given = tf.squeeze(waveforms, 0) if one_by_one else _in_a_row(waveforms)
        parts = _spectra(tf.pad(given, [[0, 0], [HOP, 2 * HOP - 1]]))
        if one_by_one:
            return tuple(tf.expand_dims(part, 0) for part in parts)
        return tuple(_as_before(part, waveforms) for part in parts)

    def compute_output_shape(self, input_shape):
        *others, samples = input_shape
        shape = (*others, None if samples is None else frames_of(samples), BINS)
        return shape, shape


@keras.utils.register_keras_serializable("tfsv")
class Waveforms(keras.layers.Layer):
    """Waveforms of spectra, the inverse of `Spectra`.

    TFLite has no inverse transform, and a dense one would take 1.05 MB of a file. So this is a
    Hartley transform, which is its own inverse. The real less the imaginary part of a spectrum is
    its frame's Hartley transform, and one forward transform gives the frame back. Imaginary parts
    of the first and the last line count for nothing, as in any inverse transform to real samples.

    Example:
        >>> Waveforms()((tf.zeros([1, 126, 257]), tf.zeros([1, 126, 257]))).shape
        TensorShape([1, 32000])

    Input: real and imaginary parts, each float32 `[..., frames, 257]`.
    Output: float32 `[..., 256 · (frames - 1)]`. The samples beyond those of the first waveform are
        the zeros that filled its last frame.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, spectra: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        frames = _frames(*spectra)
        blocks = frames[..., 1:, :HOP] + frames[..., :-1, HOP:]
        sizes = tf.unstack(tf.shape(blocks))
        others = [side or sizes[n] for n, side in enumerate(blocks.shape[:-2])]
        return tf.reshape(blocks, [*others, -1])

    def compute_output_shape(self, input_shape):
        *others, frames, _ = input_shape[0]
        return (*others, None if frames is None else HOP * (frames - 1))


@keras.utils.register_keras_serializable("tfsv")
class StreamedSpectra(keras.layers.Layer):
    """`Spectra` of waveforms that come in pieces of whole hops.

    Example:
        >>> (real, imaginary), last = StreamedSpectra()((tf.zeros([1, 15, 768]), last))
        >>> real.shape, last.shape
        (TensorShape([1, 15, 3, 257]), TensorShape([1, 15, 256]))

    Input: float32 `[1, waveforms, samples]`, a multiple of 256 samples, and the 256 samples before
        them, float32 `[1, waveforms, 256]`. Zeros: there were none.
    Output: real and imaginary parts, each float32 `[1, waveforms, samples / 256, 257]`, and the
        last 256 samples. The first frame is that of the samples before and the first 256.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        new, before = inputs
        parts = _spectra(tf.squeeze(tf.concat([before, new], axis=2), 0))
        return tuple(tf.expand_dims(part, 0) for part in parts), new[:, :, -HOP:]


@keras.utils.register_keras_serializable("tfsv")
class StreamedWaveforms(keras.layers.Layer):
    """`Waveforms` of frames that come piece by piece.

    Samples come a hop later than those of the spectra, for each lies in two frames.

    Example:
        >>> sound, half = StreamedWaveforms()((tf.zeros([1, 3, 2, 257]), tf.zeros([1, 256])))
        >>> sound.shape, half.shape
        (TensorShape([1, 768]), TensorShape([1, 256]))

    Input: spectra, float32 `[1, frames, 2, 257]`, real and imaginary part, and the second half of
        the frame before them, float32 `[1, 256]`. Zeros: there was none.
    Output: float32 `[1, 256 · frames]`, and the second half of the last frame, float32 `[1, 256]`.
    """

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        spectra, before = inputs
        frames = _frames(spectra[:, :, 0], spectra[:, :, 1])
        halves = tf.concat([before[:, tf.newaxis], frames[..., HOP:]], axis=1)
        return tf.reshape(frames[..., :HOP] + halves[:, :-1], [1, -1]), halves[:, -1]


def _spectra(waveforms: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Real and imaginary parts, `[waveforms, frames, 257]`, of `[waveforms, samples]`."""
    blocks = stretches(waveforms, _CUT, _CUT)
    frames = tf.concat([blocks[:, :-1], blocks[:, 1:]], axis=2)
    spectra = tf.signal.rfft(frames * _window(), [WINDOW])
    return tf.math.real(spectra), tf.math.imag(spectra)


def _frames(real: tf.Tensor, imaginary: tf.Tensor) -> tf.Tensor:
    """Windowed samples, `[..., frames, 512]`, whose overlap gives a waveform."""
    again = tf.signal.rfft(_mirrored(real, imaginary), [WINDOW])
    return _mirrored(tf.math.real(again), tf.math.imag(again)) * (_window() / WINDOW)


def _in_a_row(waveforms: tf.Tensor) -> tf.Tensor:
    """All waveforms along one axis, `[waveforms, samples]`."""
    return tf.reshape(waveforms, [-1, tf.shape(waveforms)[-1]])


def _as_before(spectra: tf.Tensor, waveforms: tf.Tensor) -> tf.Tensor:
    """Spectra of waveforms in a row, along the axes that the waveforms had."""
    others = tf.unstack(tf.shape(waveforms))[:-1]
    return tf.reshape(spectra, [*others, -1, BINS])


def _mirrored(real: tf.Tensor, imaginary: tf.Tensor) -> tf.Tensor:
    """The Hartley transform, `[..., 512]`, of which these are the lines of a Fourier transform."""
    inner = slice(1, BINS - 1)
    return tf.concat(
        [
            real[..., :1],
            real[..., inner] - imaginary[..., inner],
            real[..., BINS - 1 :],
            tf.reverse(real[..., inner] + imaginary[..., inner], [-1]),
        ],
        axis=-1,
    )


def _window() -> np.ndarray:
    """The root of a periodic Hann window; the squares of windows half a frame apart sum to 1."""
    return np.sin(np.pi * np.arange(WINDOW) / WINDOW).astype(np.float32)
