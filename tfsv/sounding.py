"""Frames with sound inside a graph: found, and repeated in the place of silent ones.

The detector is that of `tfsv.audio.sounding`. Silent frames are not cut out, because a length that
depends on values would keep XNNPACK from the whole network behind it. The frames with sound are
repeated from the first one on until the old length is reached, as training repeats recordings that
are too short. So every network and every pooling hears sound only, and none needs a mask.
"""

import tensorflow as tf

from tfsv.audio.sounding import HANGOVER, NOTHING_DB, RUN

_FAN = 16  # places that one step of the search looks at
_STEPS = 4  # 16^4 frames, which are 10.9 minutes


def sounding_mask(powers: tf.Tensor, silence_db: float) -> tf.Tensor:
    """Says of each frame whether it holds sound; of all, where none does.

    Example:
        >>> sounding_mask(tf.constant([[0.0] * 10 + [0.01] * 90]), 45.0).numpy().sum()
        90.0

    Args:
        powers: Variance of each frame's samples, float32 `[batch, frames]`, of any scale.
        silence_db: Decibels below the recording's level from which on a frame is not active.

    Returns:
        1 for frames with sound and 0 for others, float32 `[batch, frames]`.
    """
    roots = tf.sqrt(tf.sqrt(powers))
    total = tf.reduce_sum(roots, axis=1, keepdims=True)
    level = tf.reduce_sum(tf.square(roots), axis=1, keepdims=True) / tf.maximum(total, 1e-30)
    active = tf.cast(roots > level * 10 ** (-silence_db / 40), tf.float32)
    heard = tf.cast(roots > level * 10 ** (-(silence_db + NOTHING_DB) / 40), tf.float32)
    runs = -_widest(-active, RUN // 2)
    mask = _widest(runs, RUN // 2 + HANGOVER) * heard
    any_sound = tf.reduce_max(mask, axis=1, keepdims=True)
    return tf.maximum(mask, 1.0 - any_sound)


def repeated_sound(features: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Frames with sound, in order and over again, until there are as many as before.

    Where all frames hold sound, the features are unchanged. Places are searched in four steps of
    16, so that memory grows with the number of frames only. Of more than 10 minutes at once, the
    frames beyond are lost.

    Example:
        >>> features = tf.constant([[[0.0], [1.0], [2.0], [0.0]]])
        >>> repeated_sound(features, tf.constant([[0.0, 1.0, 1.0, 0.0]])).numpy().ravel()
        array([1., 2., 1., 2.], dtype=float32)

    Args:
        features: Features, float32 `[batch, frames, bins]`.
        mask: 1 for frames with sound and 0 for others, at least one a row, float32
            `[batch, frames]`.
    """
    count = tf.cumsum(tf.cast(mask, tf.int32), axis=1)  # of frames with sound, each one included
    order = tf.cumsum(tf.ones_like(count), axis=1) - 1
    wanted = tf.math.floormod(order, tf.reduce_max(count, axis=1, keepdims=True))
    wanted = tf.expand_dims(wanted, 2)
    last = tf.reduce_max(order)
    place = tf.zeros_like(wanted)
    for step in reversed(range(_STEPS)):
        stride = _FAN**step
        ends = tf.constant([[[stride * (i + 1) - 1 for i in range(_FAN - 1)]]], tf.int32)
        before = tf.gather(count, tf.minimum(place + ends, last), batch_dims=1)
        passed = tf.cast(before <= wanted, tf.int32)
        place += stride * tf.reduce_sum(passed, axis=2, keepdims=True)
    return tf.gather(features, tf.squeeze(place, 2), batch_dims=1)


def _widest(mask: tf.Tensor, frames: int) -> tf.Tensor:
    """The largest value so near a frame, on either side, `[batch, frames]`."""
    image = tf.expand_dims(tf.expand_dims(mask, 2), 3)
    pooled = tf.nn.max_pool2d(image, [2 * frames + 1, 1], 1, "SAME")
    return tf.squeeze(pooled, [2, 3])
