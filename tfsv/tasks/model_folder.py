"""A model on disk: a folder with `network.weights.h5` and `card.json`."""

import os
import pathlib

import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.models import build_network
from tfsv.quantization.network import quantize

_WEIGHTS = "network.weights.h5"
_CARD = "card.json"


def save_model(folder: str | os.PathLike, network: keras.Model, card: ModelCard) -> None:
    """Writes the network and its card; the card comes last, so that a folder with one is whole.

    Args:
        folder: Made when absent; an older model in it is replaced.
        network: As `build_network` or `quantize` made it.
        card: What describes it; `load_model` rebuilds the network from it.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = pathlib.Path(folder)
    with replacing(folder / _WEIGHTS) as part:
        network.save_weights(part)
    with replacing(folder / _CARD) as part:
        part.write_text(card.to_json(), encoding="utf-8")


def load_model(folder: str | os.PathLike) -> tuple[keras.Model, ModelCard]:
    """Reads what `save_model` wrote; nothing in the folder is executed.

    Returns:
        The network, quantized as its card says (codebooks included), and the card.

    Raises:
        InputError: Something is missing, broken, or does not fit.
    """
    folder = pathlib.Path(folder)
    try:
        text = (folder / _CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{folder}: not a model folder ({_CARD} cannot be read)") from error
    card = ModelCard.from_json(text, folder / _CARD)
    network = build_network(
        card.network,
        channels=card.channels,
        bins=card.bins,
        embedding_size=card.embedding_size,
        pooling=card.pooling,
    )
    if card.bits:
        network = quantize(network, card.bits, card.scheme or "kmeans")
    try:
        network.load_weights(folder / _WEIGHTS)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{folder / _WEIGHTS}: does not fit its card ({reason})") from error
    return network, card
