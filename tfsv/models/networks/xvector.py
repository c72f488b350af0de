"""The x-vector TDNN, the baseline that the residual networks replaced."""

import tf_keras as keras

from tfsv.models.heads import two_layers
from tfsv.models.norms import norm
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry

_FRAME_LAYERS = ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))  # frames seen, dilation


def xvector(*, channels: int, bins: int, embedding_size: int, pooling: str = "tstp") -> keras.Model:
    """An x-vector network in WeSpeaker's layout, which is Kaldi's.

    Five frame layers are convolutions over 5, 3, 3, 1 and 1 frames, the second and third dilated by
    2 and 3. Statistics pooling and two dense layers follow. Every layer but the last is followed by
    ReLU and batch normalisation without gain and offset. The fifth frame layer has 1500 channels
    when the others have 512. The embedding is the output of the last layer. WeSpeaker scores that
    one, Kaldi the one before.

    Convolutions are padded with zeros, so that utterances of any length have an embedding. This is
    our choice; the original drops seven frames at either end.

    Example:
        >>> xvector(channels=512, bins=80, embedding_size=512).output_shape
        (None, 512)

    Args:
        channels: Width of the first four layers (512 in the original).
        bins: Number of mel filters.
        embedding_size: Number of components of the embedding, and width of the dense layer before
            it (512 in the original).
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = features
    for index, (size, dilation) in enumerate(_FRAME_LAYERS, start=1):
        width = channels if index < len(_FRAME_LAYERS) else max(1, 1500 * channels // 512)
        x = keras.layers.Conv1D(
            width, size, padding="same", dilation_rate=dilation, kernel_initializer="he_normal",
            name=f"frame{index}",
        )(x)  # fmt: skip
        x = keras.layers.ReLU(name=f"frame{index}_relu")(x)
        x = norm(x, f"frame{index}", affine=False)
    x = pooled(x, pooling)
    return keras.Model(features, two_layers(x, embedding_size), name="xvector")


NETWORKS.add("xvector", NetworkEntry(xvector, channels=512, embedding_size=512, pooling="tstp"))
