"""The tables of networks and poolings. TensorFlow is imported when one is first looked into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfsv.registry import Registry

if TYPE_CHECKING:
    import tf_keras as keras

PUBLISHED_BINS = 80
"""Number of mel filters of every published network but GE2E's."""


@dataclass(frozen=True)
class NetworkEntry:
    """The function that builds a network, and the sizes with which it was published.

    Example:
        >>> def thin(*, channels, bins, embedding_size, pooling):
        ...     features = keras.Input((None, bins), name="features")
        ...     x = keras.layers.Conv1D(channels, 5, padding="same", name="frames")(features)
        ...     x = keras.layers.Dense(embedding_size, name="embedding")(pooled(x, pooling))
        ...     return keras.Model(features, x, name="thin")
        >>> entry = NetworkEntry(thin, channels=64, embedding_size=32, pooling="mean")
        >>> NETWORKS.add("thin", entry) is entry
        True

    Attributes:
        build: Function that returns the network. It is called with the keywords `channels`, `bins`,
            `embedding_size` and `pooling`, which `tfsv.models.build_network` explains.
        channels: Published width of the first layers.
        embedding_size: Published number of components of the embedding.
        pooling: Name of the published pooling, a key of `POOLINGS`.
        channels_multiple: Number of which the width must be a multiple.
        bins_multiple: Number of which the number of mel filters must be a multiple.
    """

    build: Callable[..., keras.Model]
    channels: int
    embedding_size: int
    pooling: str
    channels_multiple: int = 1
    bins_multiple: int = 1


NETWORKS: Registry[NetworkEntry] = Registry("network", "tfsv.models.networks")
"""Networks by name. The modules of `tfsv.models.networks` add theirs."""

POOLINGS: Registry[Callable[[Any, int], Any]] = Registry("pooling", "tfsv.models.pooling")
"""Poolings by name. The modules of `tfsv.models.pooling` add theirs.

A pooling takes a Keras tensor `[batch, time, ...]`, whose other axes are known, and the number of
channels that a layer between may have. It returns a Keras tensor float32 `[batch, n]`, by a layer
that is named "pooling".
"""


def add_residual(name: str, build: Callable[..., keras.Model], bins_multiple: int = 8) -> None:
    """Adds a residual network with the sizes that WeSpeaker publishes ResNets and their kin with.

    These are 32 channels, embeddings of 256 components, and temporal statistics pooling.

    Example:
        >>> add_residual("resnet18_narrow", functools.partial(resnet, 18, widths=(1, 1, 1, 1)))

    Args:
        name: Name of the network.
        build: Function that returns it, see `NetworkEntry`.
        bins_multiple: Number of which the number of mel filters must be a multiple.
    """
    NETWORKS.add(
        name,
        NetworkEntry(
            build, channels=32, embedding_size=256, pooling="tstp", bins_multiple=bins_multiple
        ),
    )
