"""Overlapping frames of waveforms, inside a graph, and what they are multiplied by."""

import numpy as np
import tensorflow as tf

from tfsv.audio.sounding import FRAME_SAMPLES, HOP_SAMPLES

_BLOCK = 80  # gcd of frame and hop: a frame is five blocks, the next one starts two blocks later
_INNER = 10  # a block is cut in two steps, 10 samples, then 8 groups


def overlapping_frames(waveform: tf.Tensor) -> tf.Tensor:
    """The whole frames of 25 ms, one every 10 ms.

    `stretches` cuts the pieces of which they are put together.

    Example:
        >>> overlapping_frames(tf.zeros([1, 16000])).shape
        TensorShape([1, 98, 400])

    Args:
        waveform: float32 `[batch, samples]`, 16 kHz, at least 400 samples.

    Returns:
        float32 `[batch, 1 + (samples - 400) // 160, 400]`.
    """
    blocks = stretches(waveform, _INNER, _BLOCK // _INNER)
    last = FRAME_SAMPLES // _BLOCK - 1
    step = HOP_SAMPLES // _BLOCK
    return tf.concat([blocks[:, i : (i - last) or None : step] for i in range(last + 1)], axis=2)


def stretches(waveforms: tf.Tensor, inner: int, outer: int) -> tf.Tensor:
    """The whole stretches of inner × outer samples, one behind the other.

    Two strided convolutions with 0/1 kernels cut them, which are exact. Unlike a reshape, they take
    any number of samples, and shapes are static in a TFLite file once its input has been resized.

    Example:
        >>> stretches(tf.zeros([1, 16100]), 10, 8).shape
        TensorShape([1, 201, 80])

    Args:
        waveforms: float32 `[batch, samples]`.
        inner: Samples that are cut off in the first step.
        outer: Pieces of the first step that the second one puts together.

    Returns:
        float32 `[batch, samples // (inner · outer), inner · outer]`.
    """
    x = tf.expand_dims(tf.expand_dims(waveforms, 2), 3)  # [batch, samples, 1, 1]
    pick = np.eye(inner, dtype=np.float32).reshape(inner, 1, 1, inner)
    x = tf.nn.conv2d(x, pick, [1, inner, 1, 1], "VALID")
    pick = np.eye(outer, dtype=np.float32).reshape(outer, 1, 1, outer)
    pick = np.tile(pick, (1, 1, inner, 1))
    x = tf.nn.depthwise_conv2d(x, pick, [1, outer, outer, 1], "VALID")
    transposed = tf.squeeze(x, axis=2)
    order = np.arange(inner * outer).reshape(inner, outer).T.reshape(-1)
    return tf.gather(transposed, order.astype(np.int32), axis=2)


def cosine_window(constant: float, power: float = 1.0) -> np.ndarray:
    """A window of a frame: a raised cosine to a power, float64 `[400]`.

    Example:
        >>> hamming, hann = cosine_window(0.54), cosine_window(0.5)

    Args:
        constant: Constant part of the raised cosine, whose cosine has the rest of 1.
        power: Exponent; 0.85 with a constant of 0.5 is Kaldi's Povey window.
    """
    phase = 2 * np.pi * np.arange(FRAME_SAMPLES) / (FRAME_SAMPLES - 1)
    return (constant - (1 - constant) * np.cos(phase)) ** power
