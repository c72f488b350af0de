"""The LSTM that was trained by the generalised end-to-end (GE2E) loss."""

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.models.pooling import pooled
from tfsv.models.recurrent import StackedLSTM, Windows
from tfsv.models.registry import NETWORKS, NetworkEntry

LAYERS = 3
"""Number of LSTM layers, as published."""

_WINDOW = 160  # frames; 1.6 s
_STEP = 77  # frames; 1.3 windows a second
_LEAST = 123  # frames; three quarters of a window, one more, and the two of `PowerMel.RINGING`


def ge2e(*, channels: int, bins: int, embedding_size: int, pooling: str = "mean") -> keras.Model:
    """The speaker encoder of Wan et al. 2018 (arXiv:1710.10467), as Resemblyzer builds it.

    Three LSTM layers read each window of 1.6 s. The last state, one dense layer, ReLU and division
    by the length make the window's embedding. The utterance's embedding is the mean of its windows.
    A window begins every 0.77 s, and one that reaches beyond the end counts if three quarters of it
    are speech. Shorter utterances are padded with zeros.

    It is heard through `tfsv.power_mel.PowerMel`, and is there to be imported: as a yardstick, and
    as a teacher of small networks. Its LSTM stays float.

    Example:
        >>> ge2e(channels=256, bins=40, embedding_size=256).output_shape
        (None, 256)

    Args:
        channels: Size of the LSTM's states (256 there).
        bins: Number of mel filters (40 there).
        embedding_size: Number of components of the embedding (256 there).
        pooling: Name of the pooling over windows. Only "mean" keeps the embedding's size.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.

    Raises:
        InputError: The pooling is another one.
    """
    if pooling != "mean":
        raise InputError(f"pooling={pooling}: ge2e takes the mean over its windows; give mean")
    features = keras.Input((None, bins), name="features")
    x = Windows(_WINDOW, _STEP, _LEAST, name="windows")(features)
    x = StackedLSTM(channels, LAYERS, name="lstm")(x)
    x = keras.layers.Dense(embedding_size, name="embedding")(x)
    x = keras.layers.ReLU(name="embedding_relu")(x)
    x = keras.layers.UnitNormalization(name="window_embeddings", dtype="float32")(x)
    return keras.Model(features, pooled(x, pooling), name="ge2e")


NETWORKS.add("ge2e", NetworkEntry(ge2e, channels=256, embedding_size=256, pooling="mean"))
