"""What the config.yaml beside a checkpoint of WeSpeaker says of its network."""

import dataclasses
import os
import pathlib
import re

from tfsv.errors import InputError
from tfsv.foreign import HEAD_BYTES, foreign_kind
from tfsv.models.pooling_and_bins import Said
from tfsv.models.yaml_keys import read_values
from tfsv.plain_files import opened

_NAMES = ("config.yaml", "config.yml")
_LARGEST = 2**20  # bytes; of any training's it is a hundredth of that
_BINS = ("feat_dim", "acoustic_dim")  # names of the number of mel filters
_POOLINGS = {"TSTP": "tstp", "TAP": "mean", "TSDP": "tsdp", "ASTP": "astp"}
_MODEL = re.compile(r"(?P<kind>resnet|gemini_df_resnet|ecapa_tdnn(?:_glob)?_c)(?P<size>\d+)")
_KINDS = {"resnet": "resnet", "gemini_df_resnet": "gemini"}
_NETWORKS = {
    "xvec": "wespeaker_xvector",
    "simam_resnet34_asp": "simam_resnet34",
    "simam_resnet100_asp": "simam_resnet100",
    "campplus": "campplus",
    "eres2net34_base": "eres2net",
    "eres2net34_large": "eres2net",
    "eres2net34_aug": "eres2net_huge",
    "redimnet2b0": "wespeaker_redimnet2_b0",
    "redimnet2b1": "wespeaker_redimnet2_b1",
    "redimnet2b2": "wespeaker_redimnet2_b2",
    "redimnet2b3": "wespeaker_redimnet2_b3",
    "redimnet2b4": "redimnet2_b4",
    "redimnet2b5": "wespeaker_redimnet2_b5",
}
_USUAL = {
    "dataset_args.frontend": "fbank",
    "dataset_args.resample_rate": "16000",
    "dataset_args.fbank_args.frame_length": "25",
    "dataset_args.fbank_args.frame_shift": "10",
}
"""Settings of features, with the values that tfsv's features have."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """What a config.yaml says of the network that was trained with it.

    Example:
        >>> config = config_beside("voxceleb_resnet34/avg_model.pt")
        >>> config.said
        Said(words='config.yaml says feat_dim: 80, pooling_func: TSTP', bins=80, pooling='tstp')

    Attributes:
        path: Its path.
        network: Name of the network, a key of `tfsv.models.NETWORKS`. None: it names none of them.
        embedding_size: Number of components of the embedding. None: it does not say.
        said: Pooling and number of mel filters.
        unusual: Settings of its features that are not tfsv's, as text. Empty: there are none.
    """

    path: pathlib.Path
    network: str | None
    embedding_size: int | None
    said: Said
    unusual: str


def config_beside(path: str | os.PathLike) -> TrainingConfig | None:
    """Reads the config.yaml of a checkpoint of WeSpeaker.

    It lies beside the checkpoint, and in trainings' folders above the folder "models". A file that
    has the checkpoint's name and the ending .yaml comes first.

    Example:
        >>> config_beside("avg_model.pt") is None
        True

    Returns:
        What it says. None: there is none, or it says nothing of a network.

    Raises:
        InputError: It cannot be read, or a value in it makes no sense.
    """
    path = pathlib.Path(path)
    places = [path.parent / name for name in (f"{path.stem}.yaml", f"{path.stem}.yml", *_NAMES)]
    folder = path.resolve().parent
    if folder.name == "models":
        places += [folder.parent / name for name in _NAMES]
    for place in places:
        if place.is_file() and (config := _read(place)):
            return config
    return None


def _read(path: pathlib.Path) -> TrainingConfig | None:
    values = read_values(_text(path))
    if not any(key.startswith("model_args.") for key in values):
        return None
    name = next((x for x in _BINS if f"model_args.{x}" in values), _BINS[0])
    bins = _number(path, values, f"model_args.{name}")
    of_features = _number(path, values, "dataset_args.fbank_args.num_mel_bins")
    if None not in (bins, of_features) and bins != of_features:
        raise InputError(
            f"{path}: says {name}: {bins} and num_mel_bins: {of_features}; correct one of them"
        )
    pooling = _value(path, values, "model_args.pooling_func")
    if pooling is not None and pooling.upper() not in _POOLINGS:
        raise InputError(
            f"{path}: pooling_func: {pooling!r:.40} is none that tfsv has ({', '.join(_POOLINGS)})"
        )
    named = ((name, bins or of_features), ("pooling_func", pooling))
    words = ", ".join(f"{name}: {value}" for name, value in named if value is not None)
    unusual = (
        f"{key.rpartition('.')[2]}: {values[key]}"
        for key, usual in _USUAL.items()
        if values.get(key) is not None and not _same(values[key], usual)
    )
    return TrainingConfig(
        path,
        _network(values),
        _number(path, values, "model_args.embed_dim"),
        Said(
            f"{path.name} says {words}" if words else "",
            bins or of_features,
            None if pooling is None else _POOLINGS[pooling.upper()],
        ),
        ", ".join(unusual),
    )


def _text(path: pathlib.Path) -> str:
    try:
        with opened(path) as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if kind := foreign_kind(content[:HEAD_BYTES]) if content else None:
        raise InputError(f"{path}: {kind}")
    try:
        if len(content) > _LARGEST:
            raise ValueError
        return content.decode(
            "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        )
    except ValueError as error:
        raise InputError(
            f"{path}: not read as the training's settings (no UTF-8 text of them); correct it or"
            " move it away"
        ) from error


def _value(path: pathlib.Path, values: dict[str, str | None], key: str) -> str | None:
    if key in values and values[key] is None:
        name = key.rpartition(".")[2]
        raise InputError(f"{path}: {name} is not a plain value; write it as `{name}: value`")
    return None if values.get(key) in ("null", "~", "") else values.get(key)


def _number(path: pathlib.Path, values: dict[str, str | None], key: str) -> int | None:
    value = _value(path, values, key)
    if value is None:
        return None
    if not re.fullmatch("[0-9]{1,6}", value) or not int(value):
        name = key.rpartition(".")[2]
        raise InputError(f"{path}: {name}: {value!r:.40} is no number above 0; correct it")
    return int(value)


def _network(values: dict[str, str | None]) -> str | None:
    model = (values.get("model") or "").lower()
    found = _MODEL.fullmatch(model)
    if not found:
        return _NETWORKS.get(model)
    kind = _KINDS.get(found["kind"], "ecapa")
    argument, suffix = ("emb_bn", "_norm") if kind == "ecapa" else ("two_emb_layer", "_two_layers")
    return f"{kind}{found['size']}{suffix if _true(values, f'model_args.{argument}') else ''}"


def _true(values: dict[str, str | None], key: str) -> bool:
    return (values.get(key) or "").lower() in ("true", "yes", "on")


def _same(value: str, usual: str) -> bool:
    try:
        return float(value) == float(usual)
    except ValueError:
        return value.lower() == usual
