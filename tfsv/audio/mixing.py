"""From several channels to one inside the training pipeline's graph, as recordings are read."""

import tensorflow as tf

from tfsv.audio.channels import CANCELLED, EQUALLY_LOUD

ALL = 0
"""Number that stands for the mean of all channels."""


def mono(sound: tf.Tensor, channel: tf.Tensor | int = ALL) -> tf.Tensor:
    """One channel of a sound, or the mean of all, as `tfsv.audio.soundfiles.read` takes them.

    Where the channels cancel each other, the loudest is taken. A sound of one channel is taken as
    it is, whatever is chosen.

    Example:
        >>> voice = tf.random.normal([16000])
        >>> mono(tf.stack([voice, -voice], axis=1)).shape
        TensorShape([16000])

    Args:
        sound: Sound, float32 `[frames, channels]`.
        channel: Number of the channel, from 1, int32. `ALL`: the channels are averaged.

    Returns:
        The samples, float32 `[frames]`.

    Raises:
        tf.errors.InvalidArgumentError: There is no such channel. The error comes when the graph
            runs.
    """
    channels = tf.shape(sound)[1]
    chosen = tf.convert_to_tensor(channel, tf.int32)
    return tf.case(
        [
            (channels == 1, lambda: sound[:, 0]),
            (chosen != ALL, lambda: tf.gather(sound, chosen - 1, axis=1)),
        ],
        default=lambda: _mean_or_loudest(sound),
    )


def _mean_or_loudest(sound: tf.Tensor) -> tf.Tensor:
    frames = tf.cast(tf.maximum(tf.shape(sound)[0], 1), tf.float32)
    even = sound - tf.reduce_mean(sound, axis=0)
    powers = tf.reduce_sum(tf.square(even), axis=0) / frames
    mean = tf.reduce_mean(sound, axis=1)
    left = tf.math.reduce_variance(mean) * tf.cast(tf.shape(sound)[1], tf.float32)
    loud = powers >= EQUALLY_LOUD * tf.reduce_max(powers)
    loudest = tf.argmax(tf.cast(loud, tf.int32), output_type=tf.int32)
    return tf.cond(
        left < CANCELLED * tf.reduce_mean(powers),
        lambda: tf.gather(sound, loudest, axis=1),
        lambda: mean,
    )
