"""The tables of a model card that belong to separation."""

import dataclasses

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.settings import read_record

TASK = "separation"
"""Name of the task in the card of a separator."""

_ARRAY = "array"


def separator_card(network: SeparatorSettings, array: MicrophoneArray = LINE_OF_15) -> ModelCard:
    """The card of a separator.

    Example:
        >>> card = separator_card(SIZES["half"])
        >>> card.task, card.network["channels"]
        ('separation', 128)

    Args:
        network: Sizes and form.
        array: The microphones that it hears with.
    """
    return ModelCard(task=TASK, network=dataclasses.asdict(network), ends={_ARRAY: array.to_json()})


def check_separator_card(card: ModelCard, source: str) -> None:
    """Checks the card's task, network and array.

    Example:
        >>> check_separator_card(card, "runs/half/float")

    Args:
        card: The card to check.
        source: File or folder of the card, for errors.

    Raises:
        InputError: The card is another task's, or a value of its tables is wrong. The message names
            the source.
    """
    if card.task != TASK:
        raise InputError(f"{source}: a model of the task {card.task!r}, not of separation")
    read_record(SeparatorSettings, card.network, source)
    if set(card.ends) != {_ARRAY}:
        raise InputError(f"{source}: its card does not say with which microphones it hears")
    MicrophoneArray.from_json(card.ends[_ARRAY], source)


def separator_of(card: ModelCard) -> SeparatorSettings:
    """Sizes and form of the separator that a card describes.

    Example:
        >>> separator_of(separator_card(SIZES["half"])) == SIZES["half"]
        True
    """
    return read_record(SeparatorSettings, card.network, "model card")


def array_of(card: ModelCard) -> MicrophoneArray:
    """The microphones that the separator of a card hears with.

    Example:
        >>> array_of(separator_card(SIZES["half"])).microphones
        15
    """
    return MicrophoneArray.from_json(card.ends[_ARRAY], "model card")
