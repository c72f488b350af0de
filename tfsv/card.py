"""The card that travels with every model: what it is, how it listens, where it decides."""

import dataclasses
import importlib.metadata
import json
import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any

from tfsv.errors import InputError

SCHEMA = 2
"""Version of the JSON form. It grows whenever a field is added, renamed or removed."""

_PACKAGES = ("tfsv", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert")


@dataclasses.dataclass
class ModelCard:
    """Everything that must be known about a model beside its weights.

    Attributes:
        network: Name of the architecture, as `tfsv.models.build_network` takes it.
        channels: Channels of its first layer.
        bins: Mel bins that it takes.
        embedding_size: Dimensions of the embedding.
        pooling: One of `tfsv.models.pooling.POOLINGS`; None: the network's published one.
        front_end: Keyword arguments of `tfsv.features.LogMel`, so that the features on the device
            are those of training. Empty: its defaults.
        bits: Bits of the codebook of each quantized layer, 1 to 8. Empty: a float model.
        scheme: How the codebooks were made, as `tfsv.quantization.schemes.Scheme` writes itself,
            e.g. `"kmeans"`; None for a float model.
        trained_on: The corpora, in words.
        eer: Equal error rate where the model was reported, a fraction; None: not measured.
        min_dcf: Normalised minDCF at a target prior of 0.01 there; None: not measured.
        thresholds: Cosine scores at and above which to accept, by operating point: `"eer"`,
            `"far_0.01"` (1 % of impostors accepted), `"far_0.001"`. Empty: not calibrated.
        versions: Packages that made the model, name to version.
        notes: Free text.
    """

    network: str
    channels: int
    bins: int
    embedding_size: int
    pooling: str | None = None
    front_end: dict[str, Any] = dataclasses.field(default_factory=dict)
    bits: dict[str, int] = dataclasses.field(default_factory=dict)
    scheme: str | None = None
    trained_on: str = ""
    eer: float | None = None
    min_dcf: float | None = None
    thresholds: dict[str, float] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: str = ""

    def to_json(self, *, compact: bool = False) -> str:
        """Returns the card as JSON: always the same text for the same card.

        Args:
            compact: One line without spaces instead of indented lines.

        Raises:
            InputError: A field has a type or value that `from_json` would not take.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        checked = _checked(fields, "model card")
        style = {"separators": (",", ":")} if compact else {"indent": 2}
        return json.dumps({"schema": SCHEMA, **checked}, ensure_ascii=False, **style) + "\n"

    @classmethod
    def from_json(cls, text: str, source: str | os.PathLike = "model card") -> "ModelCard":
        """Reads what `to_json` wrote, and nothing else.

        Args:
            text: The JSON.
            source: Where it was read, for the error message.

        Raises:
            InputError: Not JSON, another schema, a missing or unknown key, or a value of the wrong
                type or out of range.
        """
        try:
            fields = json.loads(text)
        except (TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{source}: not a model card, not even JSON ({reason})") from error
        if not isinstance(fields, dict) or "schema" not in fields:
            raise InputError(f"{source}: not a model card: it has no key 'schema'")
        schema = fields.pop("schema")
        if schema == 1 and not isinstance(schema, bool):
            fields = {"pooling": None, **fields}
        elif schema != SCHEMA or isinstance(schema, bool):
            raise InputError(
                f"{source}: model card of schema {schema!r}, this tfsv reads {SCHEMA};"
                " export the model again or use the tfsv that made it"
            )
        return cls(**_checked(fields, source))


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that a model or a result depends on."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _checked(fields: Mapping[str, Any], source: str | os.PathLike) -> dict[str, Any]:
    """Returns the fields as plain JSON values, in the card's order."""
    unknown = sorted(set(fields) - set(_CHECKS))
    if unknown:
        raise InputError(f"{source}: unknown key {unknown[0]!r} in the model card")
    missing = [name for name in _CHECKS if name not in fields]
    if missing:
        raise InputError(f"{source}: key {missing[0]!r} is missing in the model card")
    checked = {}
    for name, check in _CHECKS.items():
        try:
            checked[name] = check(fields[name])
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{source}: {name!r} of the model card {error}, received {fields[name]!r:.80}"
            ) from error
    return checked


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def _name(value: Any) -> str:
    if not _text(value):
        raise ValueError("must not be empty")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError("must be a whole number of at least 1")
    return int(value)


def _bits(value: Any) -> int:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 1 <= value <= 8:
        raise ValueError("must hold whole numbers from 1 to 8")
    return int(value)


def _finite(value: Any) -> float:
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("must be a finite number")
    return float(value)


def _fraction(value: Any) -> float:
    if not 0 <= _finite(value) <= 1:
        raise ValueError("must lie between 0 and 1")
    return float(value)


def _setting(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, list | tuple):
        return [_setting(element) for element in value]
    return _finite(value)


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _table(check: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def checked(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError("must be a table")
        return {_name(key): check(element) for key, element in value.items()}

    return checked


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "network": _name,
    "channels": _size,
    "bins": _size,
    "embedding_size": _size,
    "pooling": _optional(_name),
    "front_end": _table(_setting),
    "bits": _table(_bits),
    "scheme": _optional(_name),
    "trained_on": _text,
    "eer": _optional(_fraction),
    "min_dcf": _optional(_fraction),
    "thresholds": _table(_finite),
    "versions": _table(_text),
    "notes": _text,
}
