"""Means over segments of an utterance, and gates that hold for a segment."""

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class Segments(keras.layers.Layer):
    """Cuts the frames of an utterance into segments of one length, the last of which may be short.

    The segments are two matrices, with which products average over segments and go back to frames.
    Both have static shapes once an exported file's input has been resized. A gather by computed
    places or a slice to a computed length has none.

    Example:
        >>> averaging, members = Segments(100)(tf.zeros([1, 250, 24]))
        >>> averaging.shape, members.shape
        (TensorShape([1, 3, 250]), TensorShape([1, 250, 3]))

    Input: float `[batch, frames, channels]`.
    Output: float32 `[batch, segments, frames]`, whose rows average over the frames of a segment,
        and float32 `[batch, frames, segments]`, 1 where a frame lies in a segment, else 0.

    Args:
        frames: Frames of a segment.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        # A comparison gives ones of a shape that converters know, and exact ones in int8 files.
        ones = tf.cast(tf.abs(x[:, :, :1]) >= 0, tf.float32)
        middles = tf.cumsum(ones, axis=1) - 0.5  # of frames, counted in frames
        of_frames = tf.floor(middles / self.frames)
        of_segments = tf.transpose(of_frames[:, :: self.frames], [0, 2, 1])
        members = 1.0 - tf.minimum(tf.abs(of_frames - of_segments), 1.0)
        shares = members / tf.reduce_sum(members, axis=1, keepdims=True)
        return [tf.transpose(shares, [0, 2, 1]), members]

    def compute_output_shape(self, input_shape):
        batch, frames, _ = input_shape
        segments = None if frames is None else -(-frames // self.frames)
        return [(batch, segments, frames), (batch, frames, segments)]

    def get_config(self) -> dict:
        return {**super().get_config(), "frames": self.frames}


@keras.utils.register_keras_serializable("tfsv")
class SegmentContext(keras.layers.Layer):
    """The mean over the utterance plus the mean over each segment.

    Example:
        >>> frames = tf.zeros([1, 250, 24])
        >>> averaging, _ = Segments(100)(frames)
        >>> SegmentContext()([frames, averaging]).shape
        TensorShape([1, 3, 24])

    Input: frames, float `[batch, frames, channels]`, and the first output of `Segments`.
    Output: float `[batch, segments, channels]`.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, averaging = inputs
        of_segments = tf.matmul(tf.cast(averaging, x.dtype), x)
        return of_segments + tf.reduce_mean(x, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        frames, averaging = input_shape
        return (frames[0], averaging[1], frames[2])


@keras.utils.register_keras_serializable("tfsv")
class SegmentGate(keras.layers.Layer):
    """Multiplies every frame by the gates of its segment.

    Example:
        >>> frames = tf.zeros([1, 250, 24])
        >>> _, members = Segments(100)(frames)
        >>> SegmentGate()([frames, tf.ones([1, 3, 24]), members]).shape
        TensorShape([1, 250, 24])

    Input: frames, float `[batch, frames, channels]`; gates, float `[batch, segments, channels]`;
        the second output of `Segments`.
    Output: float `[batch, frames, channels]`.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        x, gates, members = inputs
        return x * tf.matmul(tf.cast(members, gates.dtype), gates)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
