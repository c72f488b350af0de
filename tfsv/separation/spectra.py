"""Spectra of waveforms and waveforms of spectra, by what a TFLite file runs."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.framing import stretches

WINDOW = 512
"""Samples of a frame, 32 ms (paper 4)."""

HOP = 256
"""Samples from a frame to the next, 16 ms (paper 4)."""

BINS = WINDOW // 2 + 1
"""Lines of a spectrum."""


_CUT = 16  # 256 samples are cut off in two steps of 16


def frames_of(samples: int) -> int:
    """Number of frames that hold so many samples.

    Example:
        >>> frames_of(32000)
        126
    """
    return -(-samples // HOP) + 1


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
        blocks = stretches(tf.pad(given, [[0, 0], [HOP, 2 * HOP - 1]]), _CUT, _CUT)
        frames = tf.concat([blocks[:, :-1], blocks[:, 1:]], axis=2)
        spectra = tf.signal.rfft(frames * _window(), [WINDOW])
        parts = tf.math.real(spectra), tf.math.imag(spectra)
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
        real, imaginary = spectra
        hartley = _mirrored(real, imaginary)
        again = tf.signal.rfft(hartley, [WINDOW])
        frames = _mirrored(tf.math.real(again), tf.math.imag(again)) * (_window() / WINDOW)
        blocks = frames[..., 1:, :HOP] + frames[..., :-1, HOP:]
        sizes = tf.unstack(tf.shape(blocks))
        others = [side or sizes[n] for n, side in enumerate(blocks.shape[:-2])]
        return tf.reshape(blocks, [*others, -1])

    def compute_output_shape(self, input_shape):
        *others, frames, _ = input_shape[0]
        return (*others, None if frames is None else HOP * (frames - 1))


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
