"""The model card, which travels with every model and describes it."""

import dataclasses
import importlib.metadata
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from tfsv import card_fields
from tfsv.errors import InputError
from tfsv.json_files import parsed_json

SCHEMA = 3
"""Version of the JSON form. It grows whenever a field is added, renamed or removed."""

_PACKAGES = ("tfsv", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert")


@dataclasses.dataclass
class ModelCard:
    """All that must be known about a model beside its weights.

    Example:
        >>> card = ModelCard("verification", network={"name": "resnet18"}, trained_on="VoxCeleb2")
        >>> ModelCard.from_json(card.to_json()) == card
        True

    Attributes:
        task: Name of the task, which owns `network`, `ends` and `decision`. None: the network is
            the reader's own, and no task knows it.
        network: Settings that build the network anew, such as its name and sizes.
        ends: Settings of what stands before and behind the network in an exported file, such as the
            front end.
        bits: Bits of a weight of each quantized layer: 1 to 8 of codes, or 16 of float16. Empty:
            the model is a float one.
        scheme: Text of the `tfsv.quantization.schemes.Scheme` that made the codebooks, such as
            `"kmeans"`. None: the model is a float one.
        trained_on: The corpora, in words.
        measured: Values of the model's report by name, as fractions and not as percentages. Empty:
            nothing was measured.
        decision: Values with which the task decides, such as thresholds. Empty: it cannot decide.
        versions: Versions of the packages that made the model, by package.
        notes: Free text.
    """

    task: str | None = None
    network: dict[str, Any] = dataclasses.field(default_factory=dict)
    ends: dict[str, Any] = dataclasses.field(default_factory=dict)
    bits: dict[str, int] = dataclasses.field(default_factory=dict)
    scheme: str | None = None
    trained_on: str = ""
    measured: dict[str, float] = dataclasses.field(default_factory=dict)
    decision: dict[str, Any] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: str = ""

    @property
    def thresholds(self) -> dict[str, float]:
        """Lowest cosines that are accepted, by operating point: "eer", "far_0.01", "far_0.001".

        The table is empty where none were measured. A model that carries a calibration has other
        thresholds for its ratios, in a table of its task.
        """
        return self.decision.get("thresholds", {})

    def to_json(self, *, compact: bool = False) -> str:
        """Returns the card as JSON. The same card always gives the same text.

        Args:
            compact: Whether the text is one line without spaces instead of indented lines.

        Raises:
            InputError: A field has a type or value that `from_json` would not take.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        checked = card_fields.checked(fields, "model card", _CHECKS)
        style = {"separators": (",", ":")} if compact else {"indent": 2}
        return json.dumps({"schema": SCHEMA, **checked}, ensure_ascii=False, **style) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str | os.PathLike = "model card") -> "ModelCard":
        """Reads what `to_json` wrote, in this version or before, and nothing else.

        Args:
            text: Text of the card.
            source: Name of what the text was read from, for the error message.

        Raises:
            InputError: The text is no JSON or has a later schema, a key is missing or unknown, or a
                value is not allowed.
        """
        try:
            fields = parsed_json(text)
        except (TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{source}: not a model card, not even JSON ({reason})") from error
        if not isinstance(fields, dict) or "schema" not in fields:
            raise InputError(f"{source}: not a model card: it has no key 'schema'")
        schema = fields.pop("schema")
        if isinstance(schema, bool) or schema not in (1, 2, SCHEMA):
            raise InputError(
                f"{source}: model card of schema {schema!r}, this tfsv reads {SCHEMA};"
                " export the model again or use the tfsv that made it"
            )
        if schema == SCHEMA:
            return cls(**card_fields.checked(fields, source, _CHECKS))
        if schema == 1:
            fields = {"pooling": None, **fields}
        return _from_older(card_fields.checked(fields, source, _OLDER_CHECKS))


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that a model or a result depends on.

    Example:
        >>> sorted(package_versions())[:2]
        ['ai-edge-litert', 'tensorflow']
    """
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _from_older(fields: Mapping[str, Any]) -> ModelCard:
    """Makes a card of one of schema 1 or 2, which were all of speaker verification."""
    sizes = ("channels", "bins", "embedding_size", "pooling")
    rates = {name: fields[name] for name in ("eer", "min_dcf")}
    kept = ("bits", "scheme", "trained_on", "versions", "notes")
    return ModelCard(
        task="verification",
        network={"name": fields["network"], **{name: fields[name] for name in sizes}},
        ends={"front_end": fields["front_end"]},
        measured={name: rate for name, rate in rates.items() if rate is not None},
        decision={"thresholds": fields["thresholds"]},
        **{name: fields[name] for name in kept},
    )


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "task": card_fields.optional(card_fields.name),
    "network": card_fields.table(card_fields.json_value),
    "ends": card_fields.table(card_fields.json_value),
    "bits": card_fields.table(card_fields.bits),
    "scheme": card_fields.optional(card_fields.name),
    "trained_on": card_fields.text,
    "measured": card_fields.table(card_fields.finite),
    "decision": card_fields.table(card_fields.json_value),
    "versions": card_fields.table(card_fields.text),
    "notes": card_fields.text,
}

_OLDER_CHECKS: dict[str, Callable[[Any], Any]] = {
    "network": card_fields.name,
    "channels": card_fields.size,
    "bins": card_fields.size,
    "embedding_size": card_fields.size,
    "pooling": card_fields.optional(card_fields.name),
    "front_end": card_fields.table(card_fields.json_value),
    "bits": card_fields.table(card_fields.bits),
    "scheme": card_fields.optional(card_fields.name),
    "trained_on": card_fields.text,
    "eer": card_fields.optional(card_fields.fraction),
    "min_dcf": card_fields.optional(card_fields.fraction),
    "thresholds": card_fields.table(card_fields.finite),
    "versions": card_fields.table(card_fields.text),
    "notes": card_fields.text,
}
