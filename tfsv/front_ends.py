"""The front end that a model card describes."""

from collections.abc import Mapping
from typing import Any

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.features import LogMel, TrainingLogMel
from tfsv.normalised_mel import NormalisedMel
from tfsv.power_mel import PowerMel

_KINDS = {"log_mel": LogMel, "power_mel": PowerMel, "normalised_mel": NormalisedMel}
_TRAINING = {LogMel: TrainingLogMel}  # quicker ones, by operations that no file may have


def front_end_layer(settings: Mapping[str, Any], *, training: bool = False) -> keras.layers.Layer:
    """The layer from waveforms `[batch, samples]` to features `[batch, frames, bins]`.

    Example:
        >>> front_end_layer({"bins": 80}).name
        'log_mel'
        >>> front_end_layer({"kind": "power_mel", "bins": 40}).name
        'power_mel'

    Args:
        settings: The table `front_end` of a model card. Its `kind` is "log_mel", which is meant
            where there is none, "power_mel" or "normalised_mel". The rest are keyword arguments of
            `LogMel`, `PowerMel` or `NormalisedMel`.
        training: Whether the layer need not be exported and may be quicker for that.

    Raises:
        InputError: The kind is unknown, or its layer does not take the settings.
    """
    settings = dict(settings)
    kind = settings.pop("kind", "log_mel")
    if kind not in tuple(_KINDS):  # whatever JSON holds there
        raise InputError(
            f"model card: front_end of an unknown kind, {kind!r:.80}; this tfsv has"
            f" {', '.join(_KINDS)}"
        )
    layer = _KINDS[kind]
    try:
        return (_TRAINING.get(layer, layer) if training else layer)(**settings)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"model card: front_end does not fit {layer.__name__} ({reason})"
        ) from error
