"""Networks by name."""

import functools

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.models import resnet

NETWORKS = {
    f"resnet{depth}": functools.partial(resnet.resnet, depth) for depth in sorted(resnet.BLOCKS)
}


def build_network(
    name: str, *, channels: int = 32, bins: int = 80, embedding_size: int = 256
) -> keras.Model:
    """Builds a network by its name.

    Args:
        name: One of `NETWORKS`.
        channels: Width of the first stage; the papers' networks have 32.
        bins: Mel filters of the front end.
        embedding_size: Components of the embedding.

    Returns:
        A model from float32 features `[batch, frames, bins]` to embeddings
        `[batch, embedding_size]`, not normalised. Layer names are stable: they name the layer in
        bit plans, cards and checkpoints.

    Raises:
        InputError: The name is unknown or a size is out of range.
    """
    if name not in NETWORKS:
        raise InputError(f"--network={name}: unknown; choose one of {', '.join(NETWORKS)}")
    for flag, value in (("channels", channels), ("bins", bins), ("embedding_size", embedding_size)):
        if value < 1:
            raise InputError(f"--{flag}={value}: must be at least 1")
    if bins % 8:
        raise InputError(f"--bins={bins}: must be a multiple of 8 (three halvings of the image)")
    return NETWORKS[name](channels=channels, bins=bins, embedding_size=embedding_size)
