"""The x-vector TDNN, the baseline that the residual networks replaced."""

import functools

import tensorflow as tf
import tf_keras as keras

from tfsv.models.heads import two_layers
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry

_FRAME_LAYERS = ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))  # frames seen, dilation
_SEEN = 1 + sum((size - 1) * dilation for size, dilation in _FRAME_LAYERS)  # 15 frames


@keras.utils.register_keras_serializable("tfsv")
class RepeatedFrames(keras.layers.Layer):
    """Repeats the frames of an utterance that has too few, from the first one on.

    The number of frames depends on that of the input only, not on its values, so that XNNPACK takes
    the network behind it.

    Example:
        >>> RepeatedFrames(3)(tf.constant([[[1.0], [2.0]]])).numpy().ravel()
        array([1., 2., 1.], dtype=float32)

    Input: `[batch, time, channels]`, at least one frame.
    Output: `[batch, max(time, frames), channels]`.

    Args:
        frames: Smallest number of frames to give out.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, x: tf.Tensor) -> tf.Tensor:
        places = tf.math.floormod(tf.range(self.frames), tf.shape(x)[1])
        return tf.concat([tf.gather(x, places, axis=1), x[:, self.frames :]], axis=1)

    def compute_output_shape(self, input_shape):
        batch, time, channels = input_shape
        return (batch, None if time is None else max(time, self.frames), channels)

    def get_config(self) -> dict:
        return {**super().get_config(), "frames": self.frames}


def xvector(
    *, channels: int, bins: int, embedding_size: int, pooling: str = "tstp", padded: bool = True
) -> keras.Model:
    """An x-vector network in WeSpeaker's layout, which is Kaldi's.

    Five frame layers are convolutions over 5, 3, 3, 1 and 1 frames, the second and third dilated by
    2 and 3. Statistics pooling and two dense layers follow. Every layer but the last is followed by
    ReLU and batch normalisation without gain and offset. The fifth frame layer has 1500 channels
    when the others have 512. The embedding is the output of the last layer. WeSpeaker scores that
    one, Kaldi the one before.

    Convolutions of `xvector` are padded with zeros, so that utterances of any length have an
    embedding. This is our choice; the original drops seven frames at either end. So does
    `wespeaker_xvector`, in which utterances of less than 15 frames are repeated.

    Example:
        >>> xvector(channels=512, bins=80, embedding_size=512).output_shape
        (None, 512)

    Args:
        channels: Width of the first four layers (512 in the original).
        bins: Number of mel filters.
        embedding_size: Number of components of the embedding, and width of the dense layer before
            it (512 in the original).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        padded: Whether convolutions are padded with zeros.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = features if padded else RepeatedFrames(_SEEN, name="repeated")(features)
    for index, (size, dilation) in enumerate(_FRAME_LAYERS, start=1):
        width = channels if index < len(_FRAME_LAYERS) else max(1, 1500 * channels // 512)
        x = keras.layers.Conv1D(
            width, size, padding="same" if padded else "valid", dilation_rate=dilation,
            kernel_initializer="he_normal", name=f"frame{index}",
        )(x)  # fmt: skip
        x = keras.layers.ReLU(name=f"frame{index}_relu")(x)
        x = norm(x, f"frame{index}", affine=False)
    x = pooled(x, pooling)
    return keras.Model(features, two_layers(x, embedding_size), name="xvector")


for _name, _padded in (("xvector", True), ("wespeaker_xvector", False)):
    NETWORKS.add(
        _name,
        NetworkEntry(
            functools.partial(xvector, padded=_padded),
            channels=512,
            embedding_size=512,
            pooling="tstp",
        ),
    )
