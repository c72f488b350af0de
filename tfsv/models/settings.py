"""Settings of a network: its name and its sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tfsv.errors import InputError
from tfsv.models.registry import NETWORKS, POOLINGS, PUBLISHED_BINS
from tfsv.settings import setting

if TYPE_CHECKING:
    import tf_keras as keras

MOST_WEIGHTS = 1 << 29
"""Weights of the largest network that is built, 2 GB in float32."""

_LARGEST_SIZE = 1 << 16


@dataclass(frozen=True)
class NetworkSettings:
    """Name and sizes of a network. The defaults are the published ones.

    Example:
        >>> NetworkSettings("ecapa512", channels=64).resolved()
        NetworkSettings(name='ecapa512', channels=64, bins=80, embedding_size=192, pooling='astp')

    Attributes:
        name: Name of the network, a key of `tfsv.models.NETWORKS`.
        channels: Width of the first layers. None: it is the published one.
        bins: Number of mel filters of the front end.
        embedding_size: Number of components of the embedding. None: it is the published one.
        pooling: Name of the pooling over time, a key of `tfsv.models.POOLINGS`. None: it is the
            published one.
    """

    name: str = setting(
        "resnet18", "Network, e.g. resnet34; an unknown one lists all.", flag="network"
    )
    channels: int | None = setting(
        None, "Width of the network's first layers. Default: as published."
    )
    bins: int = setting(80, "Mel filters of the front end.")
    embedding_size: int | None = setting(
        None, "Components of the embedding. Default: as published."
    )
    pooling: str | None = setting(
        None, "Pooling over time, e.g. tstp or astp. Default: as published."
    )

    def resolved(self) -> NetworkSettings:
        """These settings with the published sizes instead of None.

        Raises:
            InputError: The name or the pooling is unknown, or a size is out of range.
        """
        entry = NETWORKS.named(self.name)
        settings = replace(
            self,
            channels=entry.channels if self.channels is None else self.channels,
            embedding_size=(
                entry.embedding_size if self.embedding_size is None else self.embedding_size
            ),
            pooling=entry.pooling if self.pooling is None else self.pooling,
        )
        _check_size("channels", settings.channels, entry.channels_multiple)
        _check_size("embedding_size", settings.embedding_size)
        POOLINGS.named(settings.pooling)
        _check_size("bins", settings.bins, entry.bins_multiple)
        return settings

    def build(self) -> keras.Model:
        """Builds the network, with random weights.

        Returns:
            A model from float32 features `[batch, frames, bins]` to embeddings float32
            `[batch, embedding_size]`, which are not normalised. Layer names are stable: they name
            the layer in bit plans, cards and checkpoints.

        Raises:
            InputError: The name or the pooling is unknown, or a size is out of range.
        """
        settings = self.resolved()
        if settings._exceeds_published():
            settings._check_weights()
        return settings._built()

    def _built(self) -> keras.Model:
        return NETWORKS[self.name].build(
            channels=self.channels,
            bins=self.bins,
            embedding_size=self.embedding_size,
            pooling=self.pooling,
        )

    def _exceeds_published(self) -> bool:
        entry = NETWORKS[self.name]
        published = entry.channels, entry.embedding_size, PUBLISHED_BINS
        return any(
            size > usual
            for size, usual in zip(
                (self.channels, self.embedding_size, self.bins), published, strict=True
            )
        )

    def _check_weights(self) -> None:
        """Counts the weights on a graph, where they take no memory."""
        import tensorflow as tf

        with tf.Graph().as_default():
            count = self._built().count_params()
        if count > MOST_WEIGHTS:
            raise InputError(
                f"network={self.name} with channels={self.channels}, bins={self.bins} and"
                f" embedding_size={self.embedding_size} has {count:,} weights;"
                f" {MOST_WEIGHTS:,} are the most"
            )


def build_network(
    name: str,
    *,
    channels: int | None = None,
    bins: int = 80,
    embedding_size: int | None = None,
    pooling: str | None = None,
) -> keras.Model:
    """Builds a network by its name, with random weights.

    Example:
        >>> network = build_network("resnet18", channels=16, embedding_size=128)
        >>> network.output_shape
        (None, 128)

    Args:
        name: Name of the network, a key of `NETWORKS`.
        channels: Width of the first layers. None: it is the published one.
        bins: Number of mel filters of the front end.
        embedding_size: Number of components of the embedding. None: it is the published one.
        pooling: Name of the pooling over time, a key of `POOLINGS`. None: it is the published one.

    Returns:
        A model from float32 features `[batch, frames, bins]` to embeddings float32
        `[batch, embedding_size]`, which are not normalised. Layer names are stable: they name the
        layer in bit plans, cards and checkpoints.

    Raises:
        InputError: The name or the pooling is unknown, or a size is out of range.
    """
    return NetworkSettings(name, channels, bins, embedding_size, pooling).build()


def _check_size(name: str, value: int, multiple: int = 1) -> None:
    if not 1 <= value <= _LARGEST_SIZE:
        shown = value if abs(value) < 1e12 else f"a number of {len(str(value))} digits"
        raise InputError(f"{name}={shown}: must lie between 1 and {_LARGEST_SIZE}")
    if value % multiple:
        raise InputError(f"{name}={value}: must be a multiple of {multiple} for this network")
