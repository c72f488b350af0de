"""The tables of a model card that belong to speaker verification."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from tfsv import card_fields
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.models.settings import NetworkSettings
from tfsv.report import Report

TASK = "verification"
"""Name of the task in the card of a speaker-verification network."""

_NETWORK = {
    "name": card_fields.name,
    "channels": card_fields.size,
    "bins": card_fields.size,
    "embedding_size": card_fields.size,
    "pooling": card_fields.optional(card_fields.name),
}
_ENDS = {"front_end": card_fields.table(card_fields.json_value)}


def speaker_card(
    network: NetworkSettings, front_end: Mapping[str, Any] | None = None, **fields: Any
) -> ModelCard:
    """The card of a speaker-verification network.

    Example:
        >>> card = speaker_card(NetworkSettings("resnet18", channels=16, embedding_size=256))
        >>> card.network["name"], card.task
        ('resnet18', 'verification')

    Args:
        network: Name and sizes of the network; every size is known.
        front_end: Settings that `tfsv.front_ends.front_end_layer` takes, so that the features on
            the device are those of training. None: the defaults of `tfsv.features.LogMel`.
        **fields: Other fields of `ModelCard`.
    """
    return ModelCard(
        task=TASK,
        network=dataclasses.asdict(network),
        ends={"front_end": dict(front_end or {})},
        **fields,
    )


def check_speaker_card(card: ModelCard, source: str | os.PathLike) -> None:
    """Checks the card's task and the tables that belong to speaker verification.

    Example:
        >>> check_speaker_card(Runner("model.tflite").card, "model.tflite")

    Args:
        card: The card to check.
        source: File or folder of the card, for errors.

    Raises:
        InputError: The card is another task's, or a value of its tables is wrong; the message
            names the source.
    """
    if card.task != TASK:
        raise InputError(
            f"{source}: a model of the task {card.task!r}, not of speaker verification; open it"
            " with tfsv.Runner"
        )
    card_fields.checked(card.network, source, _NETWORK)
    card_fields.checked(card.ends, source, _ENDS)
    thresholds = {"thresholds": card.decision.get("thresholds", {})}
    card_fields.checked(thresholds, source, {"thresholds": card_fields.table(card_fields.finite)})
    rates = {name: card.measured[name] for name in ("eer", "min_dcf") if name in card.measured}
    card_fields.checked(rates, source, dict.fromkeys(rates, card_fields.fraction))


def speaker_figures(report: Report) -> dict[str, float]:
    """What the card keeps of a report: EER and minDCF at a target prior of 0.01.

    Example:
        >>> card.measured = speaker_figures(evaluate_trials(embedder, trials, "recordings"))
        >>> sorted(card.measured)
        ['eer', 'min_dcf']
    """
    return {"eer": report["eer"].value, "min_dcf": report["min_dcf_0.01"].value}


def network_of(card: ModelCard) -> NetworkSettings:
    """Name and sizes of the network that a card describes.

    Example:
        >>> network_of(tfsv.load("demo").card).name
        'resnet18'
    """
    return NetworkSettings(**card.network)


def front_end_of(card: ModelCard) -> dict[str, Any]:
    """Settings of the layer that makes the network's features.

    Example:
        >>> front_end = front_end_layer(front_end_of(tfsv.load("demo").card))
    """
    return dict(card.ends["front_end"])
