"""Pooling over time: from any number of frames to one vector.

Each file adds a kind of poolings to `tfsv.models.POOLINGS`. A new file here is found by itself. The
order of the imports is that of messages.
"""

import tensorflow as tf

# isort: off
from tfsv.models.pooling.statistics import TemporalStatisticsPooling
from tfsv.models.pooling.mean import TemporalAveragePooling
from tfsv.models.pooling.deviation import TemporalDeviationPooling
from tfsv.models.pooling.attentive import AttentiveStatistics, GlobalContext
from tfsv.models.pooling.asp import rectified_attention

# isort: on
from tfsv.models.registry import POOLINGS

__all__ = [
    "AttentiveStatistics",
    "GlobalContext",
    "TemporalAveragePooling",
    "TemporalDeviationPooling",
    "TemporalStatisticsPooling",
    "pooled",
    "rectified_attention",
]


def pooled(x: tf.Tensor, kind: str, bottleneck: int = 128) -> tf.Tensor:
    """Adds a pooling over time to a functional network.

    Example:
        >>> frames = keras.Input((None, 24))
        >>> pooled(frames, "tstp").shape
        TensorShape([None, 48])

    Args:
        x: Keras tensor `[batch, time, ...]`. All its axes but the first two are known.
        kind: Name of the pooling, a key of `tfsv.models.POOLINGS`.
        bottleneck: Number of channels between the two layers of an attention.

    Returns:
        Keras tensor float32 `[batch, n]`. For "mean" and "tsdp" n is the number of features of a
        frame. For the other poolings of tfsv it is twice that, with all means first.

    Raises:
        ValueError: `kind` is unknown.
    """
    if kind not in POOLINGS:
        raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}. Received: {kind}")
    return POOLINGS[kind](x, bottleneck)
