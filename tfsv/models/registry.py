"""Networks by name."""

import dataclasses
import functools
from collections.abc import Callable

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.models import dfresnet, ecapa, resnet, xvector
from tfsv.models.pooling import POOLINGS


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a network's name leaves open.

    Attributes:
        channels: Width of the first layers.
        embedding_size: Components of the embedding.
        pooling: One of `tfsv.models.pooling.POOLINGS`.
    """

    channels: int
    embedding_size: int
    pooling: str


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A network's builder and what it was published with.

    Attributes:
        build: Takes the sizes and `bins` as keywords.
        published: The sizes of the papers.
        channels_multiple: What `channels` must be a multiple of.
        bins_multiple: What `bins` must be a multiple of.
    """

    build: Callable[..., keras.Model]
    published: Sizes
    channels_multiple: int = 1
    bins_multiple: int = 1


def _image(build: Callable[..., keras.Model], bins_multiple: int = 8) -> Architecture:
    """One that halves the image three times, or as often as `bins_multiple` says."""
    return Architecture(build, Sizes(32, 256, "tstp"), bins_multiple=bins_multiple)


NETWORKS = {
    **{
        f"resnet{depth}": _image(functools.partial(resnet.resnet, depth)) for depth in resnet.BLOCKS
    },
    **{
        f"dfresnet{depth}{suffix}": _image(
            functools.partial(dfresnet.dfresnet, depth, downsampling=size)
        )
        for size, suffix in ((2, ""), (3, "_3x3"))
        for depth in dfresnet.BLOCKS
    },
    **{
        f"gemini{depth}": _image(functools.partial(dfresnet.gemini, depth), bins_multiple=16)
        for depth in dfresnet.GEMINI_BLOCKS
    },
    **{
        f"ecapa{width}": Architecture(
            ecapa.ecapa, Sizes(width, 192, "astp"), channels_multiple=ecapa.SCALE
        )
        for width in (512, 1024)
    },
    **{
        f"speechbrain_ecapa{width}": Architecture(
            functools.partial(ecapa.ecapa, speechbrain=True),
            Sizes(width, 192, "astp_speechbrain"),
            channels_multiple=ecapa.SCALE,
        )
        for width in (512, 1024)
    },
    "xvector": Architecture(xvector.xvector, Sizes(512, 512, "tstp")),
}


def resolve_sizes(
    name: str,
    *,
    channels: int | None = None,
    embedding_size: int | None = None,
    pooling: str | None = None,
) -> Sizes:
    """The sizes that `build_network` gives a network, those left out being the published ones.

    Raises:
        InputError: The name or the pooling is unknown or a size is out of range.
    """
    if name not in NETWORKS:
        raise InputError(f"--network={name}: unknown; choose one of {', '.join(NETWORKS)}")
    given = {"channels": channels, "embedding_size": embedding_size, "pooling": pooling}
    given = {flag: value for flag, value in given.items() if value is not None}
    sizes = dataclasses.replace(NETWORKS[name].published, **given)
    _check_size("channels", sizes.channels, NETWORKS[name].channels_multiple)
    _check_size("embedding_size", sizes.embedding_size, 1)
    if sizes.pooling not in POOLINGS:
        raise InputError(f"--pooling={pooling}: unknown; choose one of {', '.join(POOLINGS)}")
    return sizes


def build_network(
    name: str,
    *,
    channels: int | None = None,
    bins: int = 80,
    embedding_size: int | None = None,
    pooling: str | None = None,
) -> keras.Model:
    """Builds a network by its name.

    Args:
        name: One of `NETWORKS`.
        channels: Width of the first layers; None: the published one.
        bins: Mel filters of the front end.
        embedding_size: Components of the embedding; None: as published.
        pooling: One of `tfsv.models.pooling.POOLINGS`; None: as published.

    Returns:
        A model from float32 features `[batch, frames, bins]` to embeddings
        `[batch, embedding_size]`, not normalised. Layer names are stable: they name the layer in
        bit plans, cards and checkpoints.

    Raises:
        InputError: The name or the pooling is unknown or a size is out of range.
    """
    sizes = resolve_sizes(name, channels=channels, embedding_size=embedding_size, pooling=pooling)
    _check_size("bins", bins, NETWORKS[name].bins_multiple)
    return NETWORKS[name].build(bins=bins, **dataclasses.asdict(sizes))


def _check_size(flag: str, value: int, multiple: int) -> None:
    if value < 1:
        raise InputError(f"--{flag}={value}: must be at least 1")
    if value % multiple:
        raise InputError(f"--{flag}={value}: must be a multiple of {multiple} for this network")
