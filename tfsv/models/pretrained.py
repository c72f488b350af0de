"""Networks that other toolkits trained, as networks of tfsv."""

import dataclasses
import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.models.checkpoints import Checkpoint, read_checkpoint
from tfsv.models.feature_maps import Mixture
from tfsv.models.folded_norms import folding_pairs
from tfsv.models.name_maps import FAMILIES, LAYOUTS, Layout
from tfsv.models.networks.ecapa import SCALE
from tfsv.models.parts import TOP, Part, prefixes, shown
from tfsv.models.pooling_and_bins import (
    STATISTICS,
    Choice,
    Said,
    agreed,
    choices,
    only_choice,
    pooling_named,
)
from tfsv.models.recurrent import StackedLSTM
from tfsv.models.registry import NETWORKS, PUBLISHED_BINS, NetworkEntry
from tfsv.models.settings import NetworkSettings
from tfsv.models.training_configs import TrainingConfig, config_beside

_CHOSEN = ("tstp", "astp", "tstp_3dspeaker")  # `pooling_func` puts others in their place
_LARGEST = 4  # times the published size; no garbage must make us build a network beyond memory
_MEAN_VECTOR = "mean_vec"  # what WeSpeaker's ONNX files subtract from the embedding
_NORM = ("weight", "bias", "running_mean", "running_var")
_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_LSTM_GATES = 4


@dataclasses.dataclass(frozen=True)
class Imported:
    """A network with the weights of a checkpoint.

    Example:
        >>> imported = import_checkpoint("avg_model.pt")
        >>> imported.family
        'wespeaker_resnet34'

    Attributes:
        family: Toolkit and network, a key of `tfsv.models.name_maps.FAMILIES`.
        settings: Name and sizes of the network, none of which is None.
        network: The network with its weights.
        front_end: Settings that `tfsv.front_ends.front_end_layer` takes.
        notes: Text that the user must know about the network. Empty: there is none.
        ignored: Names of the tensors that embeddings do not need.
        key: Where in the file the tensors lay. Empty: everywhere.
        told: What else than tensors said the pooling or the mel filters, as text. Empty: nothing.
    """

    family: str
    settings: NetworkSettings
    network: keras.Model
    front_end: dict
    notes: str
    ignored: tuple[str, ...]
    key: str = ""
    told: str = ""


def import_checkpoint(
    path: str | os.PathLike,
    family: str | None = None,
    *,
    key: str | None = None,
    bins: int | None = None,
    pooling: str | None = None,
    leave_out: Sequence[str] = (),
) -> Imported:
    """Reads another toolkit's file as the network that it was trained in.

    The toolkits are WeSpeaker, SpeechBrain, 3D-Speaker, PalabraAI's ReDimNet2 and Resemblyzer.

    Nothing in the file is executed. `from_checkpoint` says how close the embeddings are. The
    config.yaml of WeSpeaker that lies beside the file is read too.

    Example:
        >>> imported = import_checkpoint("avg_model.pt")
        >>> imported.settings
        NetworkSettings(name='resnet34', channels=32, bins=80, embedding_size=256, pooling='tstp')

    Args:
        path: Path of a file of PyTorch (`.pt`, `.pth`, `.ckpt`), `.safetensors` or `.onnx`.
        family: Toolkit and network, a key of `tfsv.models.name_maps.FAMILIES`. None: the names and
            numbers of the tensors tell the family.
        key: Where in the file the tensors lie, such as "ema" or "state_dict.teacher". None: the
            file holds one network only.
        bins: Number of mel filters. None: tensors or the config.yaml tell it.
        pooling: Name of the pooling, in our words or WeSpeaker's. None: tensors or the config.yaml
            tell it.
        leave_out: Names of tensors that are not the network's, or the words before a dot in them.

    Returns:
        The network, with the sizes of the tensors, and all that a model card needs.

    Raises:
        InputError: The file cannot be read or is broken, its tensors do not fit the network, or
            nothing tells which of several networks or poolings is meant.
    """
    if family is not None and family not in FAMILIES:
        raise InputError(f"family={family}: unknown; choose one of {', '.join(FAMILIES)}")
    layouts = LAYOUTS if family is None else (FAMILIES[family][0],)
    checkpoint = read_checkpoint(path, key, [layout.mark for layout in layouts])
    return from_checkpoint(
        checkpoint,
        path,
        family,
        bins=bins,
        pooling=pooling,
        config=config_beside(path),
        leave_out=leave_out,
    )


def from_checkpoint(
    checkpoint: Checkpoint,
    source: str | os.PathLike,
    family: str | None = None,
    *,
    bins: int | None = None,
    pooling: str | None = None,
    config: TrainingConfig | None = None,
    leave_out: Sequence[str] = (),
) -> Imported:
    """Puts the tensors of another toolkit into the network that they were trained in.

    The network gives the same embeddings as the other toolkit's for the same features, but for
    rounding. It takes natural logarithms of power where SpeechBrain takes decibels. Batch
    normalisations that an ONNX exporter folded into convolutions become ones that add a bias.

    Example:
        >>> imported = from_checkpoint(read_checkpoint("avg_model.pt"), "avg_model.pt")
        >>> embeddings = imported.network(features)

    Args:
        checkpoint: Tensors of a file.
        source: Name of the file, for messages.
        family: Toolkit and network, a key of `tfsv.models.name_maps.FAMILIES`. None: the names and
            numbers of the tensors tell the family.
        bins: Number of mel filters. None: the tensors or `config` tell it.
        pooling: Name of the pooling, in our words or WeSpeaker's. None: the tensors or `config`
            tell it.
        config: What the config.yaml of the training says. It counts for WeSpeaker's networks. None:
            there is none.
        leave_out: Names of tensors that are not the network's, or the words before a dot in them.

    Returns:
        The network, with the sizes of the tensors, and all that a model card needs.

    Raises:
        InputError: The tensors are of no family here, a tensor has no place in the network, or a
            place has no tensor. The message lists all of these. It is also raised when pooling and
            mel filters cannot be told apart, or are not what was said.
    """
    said_which = family is not None or checkpoint.toolkit
    family = family or _family_of(checkpoint, source, config)
    layout, name = FAMILIES[family]
    prefix, tensors = _unwrapped(checkpoint.tensors, layout)
    left = _named(tensors, leave_out, source)
    tensors = {x: array for x, array in tensors.items() if x not in left}
    settings = _settings(layout, name, tensors, checkpoint)
    network = settings.build()
    if checkpoint.folded:
        tensors |= _unfolded(checkpoint.folded, network, layout)
        if settings != (sizes := _settings(layout, name, tensors, checkpoint)):
            settings = sizes
            network = settings.build()
    possible = _choices(layout, settings, network, tensors)
    if possible and possible[0] != (settings.pooling, settings.bins):
        settings = _with(settings, possible[0])
        network = settings.build()
    ignored = {x for x in tensors if any(re.fullmatch(rule, x) for rule in layout.ignored)}
    wanted = _wanted(network, layout)
    if _MEAN_VECTOR in tensors:
        wanted[_MEAN_VECTOR] = (settings.embedding_size,)
    found = {x: tensors[x].shape for x in tensors if x not in ignored}
    _refuse_what_does_not_fit(source, family, wanted, found, _way_out(checkpoint, prefix, found))
    if layout.toolkit != "wespeaker":
        config = None
    try:
        said = _said(checkpoint, bins, pooling, config)
        if config is not None:
            _check_config(config, name, settings)
        possible = possible or [(settings.pooling, settings.bins)]
        chosen = _with(settings, only_choice(possible, said))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    if chosen != settings:  # the tensors have the same shapes there
        settings = chosen
        network = settings.build()
    for layer in _weighted(network):
        weights = _to_keras(layer, _module(layer.name, layout), tensors)
        for pattern, change in layout.adapted:
            if re.fullmatch(pattern, layer.name):
                weights = ADAPTATIONS[change](weights, network)
        layer.set_weights(weights)
    if _MEAN_VECTOR in tensors:
        _subtract(tensors[_MEAN_VECTOR], network)
    return Imported(
        family=family,
        settings=settings,
        network=network,
        front_end={"bins": settings.bins, **layout.front_end},
        notes=f"{layout.notes}{'' if said_which else layout.doubt}{_features_of(config)}".strip(),
        ignored=(*sorted(ignored), *left, *checkpoint.outside),
        key=checkpoint.key,
        told=said.words,
    )


def _family_of(
    checkpoint: Checkpoint, path: str | os.PathLike, config: TrainingConfig | None
) -> str:
    folded = checkpoint.folded
    for layout in sorted(LAYOUTS, key=lambda layout: not layout.sign):
        _, tensors = _unwrapped(checkpoint.tensors, layout)
        if not _signed(layout, tensors, config, checkpoint.toolkit):
            continue
        if folded and layout.image:  # those that no normalisation follows keep their names
            if f"{_module('embedding', layout)}.bias" not in tensors:
                continue
            number = len(folded) + sum(array.ndim == 4 for array in tensors.values())
        elif folded and layout.folded_mark in tensors:
            number = next(iter(tensors[layout.folded_mark].shape[1:]), 0)
        elif layout.mark not in tensors:
            continue
        elif layout.image:
            number = sum(array.ndim == 4 for array in tensors.values())
        elif layout.recurrent:
            number = sum(name.startswith(f"{layout.stem}.weight_ih_") for name in tensors)
        else:
            number = tensors[_stem(layout)].shape[0] if _stem(layout) in tensors else 0
        for family, (other, name) in FAMILIES.items():
            if other is layout and layout.networks[name] == number:
                return family
    raise InputError(
        f"{path}: names and numbers of its tensors ({shown(sorted(checkpoint.tensors)[:3])}"
        f" ...) are of no family that is known; if it is one of {', '.join(FAMILIES)}, give"
        " 'family'"
    )


def _signed(
    layout: Layout, tensors: Collection[str], config: TrainingConfig | None, toolkit: str
) -> bool:
    """Whether nothing says that the layout is another with the same mark.

    Where two toolkits have one network, the file's own word and a config.yaml of WeSpeaker with
    that network count before the layout's sign.
    """
    others = (x.toolkit for x in LAYOUTS if x.networks.keys() & layout.networks.keys())
    if any(other != layout.toolkit for other in others):
        if toolkit:
            return toolkit == layout.toolkit
        if config is not None and config.network in layout.networks:
            return layout.toolkit == "wespeaker"
    return not layout.sign or any(re.fullmatch(layout.sign, name) for name in tensors)


def _unwrapped(tensors: dict[str, np.ndarray], layout: Layout) -> tuple[str, dict[str, np.ndarray]]:
    """The words that wrappers put before names ("module.", "model."), the tensors without them."""
    longer = [other.mark for other in LAYOUTS if other.mark.endswith(f".{layout.mark}")]
    for marks in ([layout.mark, *longer], [f"{_module('embedding', layout)}.bias"]):
        if found := prefixes(tensors, marks):
            prefix = min(found, key=len)
            return prefix, {name.removeprefix(prefix): x for name, x in tensors.items()}
    return "", dict(tensors)


def _stem(layout: Layout) -> str:
    return f"{_module(layout.stem, layout)}.weight"


def _settings(
    layout: Layout, name: str, tensors: dict[str, np.ndarray], checkpoint: Checkpoint
) -> NetworkSettings:
    """Sizes and mel filters by the shapes, or the published ones where those make no sense."""
    entry = NETWORKS[name]
    channels, bins = entry.channels, PUBLISHED_BINS
    embedding_size, pooling = entry.embedding_size, entry.pooling
    stem = tensors.get(_stem(layout))
    if stem is None and checkpoint.folded:
        stem = checkpoint.folded[0][0]
    if layout.recurrent:
        stem = tensors.get(layout.mark)
        if stem is not None and stem.ndim == 2:
            channels = _plausible(stem.shape[0] // _LSTM_GATES, channels) or channels
            bins = _plausible(stem.shape[1], bins)
    elif stem is not None and stem.ndim == (4 if layout.image or layout.mixture else 3):
        if stem.shape[0] % entry.channels_multiple == 0:
            channels = _plausible(stem.shape[0], channels)
        if layout.image_stem:
            bins = _bins_of_image(layout, entry, tensors, stem.shape[1]) or bins
        elif layout.mixture:
            bins = _bins_of_mixture(layout, tensors, channels) or bins
        elif not layout.image:
            bins = _plausible(stem.shape[1], bins)
    head = tensors.get(f"{_module('embedding', layout)}.weight")
    if head is not None and head.ndim >= 2:
        embedding_size = _plausible(head.shape[0], embedding_size)
    return NetworkSettings(name, channels, bins, embedding_size, _pooling(layout, pooling, tensors))


def _bins_of_image(
    layout: Layout, entry: NetworkEntry, tensors: dict[str, np.ndarray], features: int
) -> int | None:
    """Mel filters whose image has so many features a frame. None: there are none."""
    first = tensors.get(f"{_module(layout.image_stem, layout)}.weight")
    if first is None or first.ndim != 4 or features % first.shape[0]:
        return None
    bins = features // first.shape[0] * entry.bins_multiple
    return bins if bins <= _LARGEST * PUBLISHED_BINS else None


def _bins_of_mixture(layout: Layout, tensors: dict[str, np.ndarray], channels: int) -> int | None:
    """Mel filters of so many channels that have all features of a frame. None: there are none."""
    weights = tensors.get(f"{_module(layout.mixture, layout)}.w")
    if weights is None or weights.ndim != 4 or weights.shape[2] % channels:
        return None
    bins = weights.shape[2] // channels
    return bins if 0 < bins <= _LARGEST * PUBLISHED_BINS else None


def _pooling(layout: Layout, published: str, tensors: dict[str, np.ndarray]) -> str:
    """The published pooling, or the one whose weights there are."""
    if layout.toolkit != "wespeaker" or published not in _CHOSEN:
        return published
    attention = tensors.get(f"{_module('pooling_attention1', layout)}.weight")
    if attention is None or attention.ndim != 3:
        return "tstp"
    after = tensors.get(f"{_module('pooling_attention2', layout)}.weight", attention)
    return "astp_local" if attention.shape[1] == after.shape[0] else "astp"


def _plausible(size: int, published: int) -> int:
    return size if size <= _LARGEST * published else published


def _said(
    checkpoint: Checkpoint, bins: int | None, pooling: str | None, config: TrainingConfig | None
) -> Said:
    """All that settings, the config.yaml and the file itself say of pooling and mel filters."""
    said = [
        Said("" if bins is None else f"bins={bins}", bins=bins),
        Said(
            "" if pooling is None else f"pooling={pooling}",
            pooling=None if pooling is None else pooling_named(pooling),
        ),
    ]
    if config is not None:
        said.append(config.said)
    if checkpoint.bins is not None:
        said.append(Said(f"its input has {checkpoint.bins} mel filters", bins=checkpoint.bins))
    return agreed(said)


def _check_config(config: TrainingConfig, name: str, settings: NetworkSettings) -> None:
    """Raises an `InputError` if the config.yaml is that of another network."""
    size = settings.embedding_size
    other = []
    if config.network not in (None, name):
        other.append(f"{config.network}, not {name}")
    if config.embedding_size not in (None, size):
        other.append(f"embeddings of {config.embedding_size}, not {size}")
    if other:
        raise InputError(
            f"its tensors are not those of {config.path.name}, which is for {', '.join(other)};"
            " correct that file or move it away"
        )


def _features_of(config: TrainingConfig | None) -> str:
    """A note on features that tfsv does not make. Empty: they are its own."""
    if config is None or not config.unusual:
        return ""
    return (
        f" {config.path.name} says {config.unusual}, which tfsv's features (fbank of 25 ms every"
        " 10 ms, 16 kHz) are not: measure before use."
    )


def _with(settings: NetworkSettings, choice: Choice) -> NetworkSettings:
    pooling, bins = choice
    return dataclasses.replace(settings, pooling=pooling, bins=bins)


def _choices(
    layout: Layout,
    settings: NetworkSettings,
    network: keras.Model,
    tensors: dict[str, np.ndarray],
) -> list[Choice]:
    """Poolings and mel filters that give the embedding layer its inputs.

    Without such a layer, or with one that fits no pooling, there is none.
    """
    head = tensors.get(f"{_module(layout.head, layout)}.weight")
    if head is None or head.ndim not in (2, 3) or layout.recurrent:
        return []
    inputs, attentive = head.shape[1], settings.pooling not in STATISTICS
    features = network.get_layer("pooling").output.shape[-1] // 2
    if not layout.image:
        counts = {} if attentive else STATISTICS
        return [(x, settings.bins) for x, count in counts.items() if count * features == inputs]
    multiple = NETWORKS[settings.name].bins_multiple
    rows, rest = divmod(inputs, features * multiple // settings.bins)
    if rest or not rows:
        return []
    return [(settings.pooling, rows // 2 * multiple)] if attentive else choices(rows, multiple)


def _unfolded(
    folded: list[tuple[np.ndarray, np.ndarray]], network: keras.Model, layout: Layout
) -> dict[str, np.ndarray]:
    """Names kernels by their order, and makes their biases batch normalisations."""
    pairs = folding_pairs(network)
    tensors = {}
    for (layer, norm), (kernel, bias) in zip(pairs, folded, strict=False):
        module = _module(layer.name, layout)
        ones, zeros = np.ones_like(bias), np.zeros_like(bias)
        tensors[f"{module}.weight"] = kernel
        if layer.use_bias:
            tensors[f"{module}.bias"] = zeros
        if norm.scale:
            values = (ones * np.sqrt(1 + norm.epsilon), bias, zeros, ones)
        else:
            values = (-bias, ones * (1 - norm.epsilon))
        names = (f"{_module(norm.name, layout)}.{name}" for name in _norm_names(norm))
        tensors |= dict(zip(names, values, strict=True))
    for index, (kernel, _) in enumerate(folded[len(pairs) :], start=len(pairs)):
        tensors[f"convolution {index}"] = kernel
    return tensors


def _weighted(network: keras.Model) -> Iterable[keras.layers.Layer]:
    return (layer for layer in network.layers if layer.weights)


def _module(name: str, layout: Layout) -> str:
    """The name of the layer in the other toolkit. Empty: it has no such layer."""
    for pattern, module in layout.modules:
        if match := re.fullmatch(pattern, name):
            groups = match.groupdict()
            for suffix, change in (("less1", -1), ("less2", -2), ("plus1", 1), ("plus2", 2)):
                groups |= {
                    f"{key}_{suffix}": int(value) + change
                    for key, value in match.groupdict().items()
                }
            return module.format(**groups)
    return ""


def _wanted(network: keras.Model, layout: Layout) -> dict[str, tuple[int, ...]]:
    """Shapes, in PyTorch's order of axes, of the tensors that fill the network."""
    wanted = {}
    for layer in _weighted(network):
        module = _module(layer.name, layout)
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = tuple(layer.moving_mean.shape)
            wanted |= {f"{module}.{name}": shape for name in _norm_names(layer)}
            continue
        if isinstance(layer, StackedLSTM):
            wanted |= _lstm_shapes(layer, module)
            continue
        if isinstance(layer, Mixture):
            wanted[f"{module}.w"] = (1, *layer.logits.shape, 1)
            continue
        if isinstance(layer, keras.layers.LayerNormalization):
            wanted |= {f"{module}.{name}": tuple(layer.gamma.shape) for name in _NORM[:2]}
            continue
        wanted[f"{module}.weight"] = _torch_shape(layer)
        if layer.use_bias:
            wanted[f"{module}.bias"] = tuple(layer.bias.shape)
    return wanted


def _norm_names(layer: keras.layers.BatchNormalization) -> list[str]:
    """Names of the tensors that PyTorch has for a batch normalisation, in the order of Keras."""
    absent = {"weight": not layer.scale, "bias": not layer.center}
    return [name for name in _NORM if not absent.get(name)]


def _lstm_shapes(layer: StackedLSTM, module: str) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of PyTorch's LSTM, which has two kernels and two biases a layer."""
    shapes = {}
    for index, kernel in enumerate(layer.kernels):
        gates = kernel.shape[1]
        own = ((gates, kernel.shape[0] - layer.units), (gates, layer.units), (gates,), (gates,))
        names = (f"{module}.{name}_l{index}" for name in _LSTM)
        shapes |= dict(zip(names, own, strict=True))
    return shapes


def _torch_shape(layer: keras.layers.Layer) -> tuple[int, ...]:
    if isinstance(layer, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)):
        *window, channels, multiplier = layer.depthwise_kernel.shape
        return (channels * multiplier, 1, *reversed(window))
    return tuple(reversed(layer.kernel.shape))


def _refuse_what_does_not_fit(
    path: str | os.PathLike,
    family: str,
    wanted: dict[str, tuple[int, ...]],
    found: dict[str, tuple[int, ...]],
    way_out: str,
) -> None:
    """Raises an `InputError` with every tensor that has no counterpart of its shape."""
    missing = [f"{x} {list(wanted[x])}" for x in wanted if x not in found]
    spare = [f"{shown([x])} {list(found[x])}" for x in found if x not in wanted]
    other = [
        f"{x} {list(found[x])} instead of {list(shape)}"
        for x, shape in wanted.items()
        if x in found and not _same_shape(found[x], shape)
    ]
    parts = (
        ("it has no place for", spare),
        ("the file lacks", missing),
        ("of other shape are", other),
    )
    if any(names for _, names in parts):
        listed = "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names)
        raise InputError(f"{path}: does not fit {family}: {listed}{way_out if spare else ''}")


def _named(
    tensors: Collection[str], leave_out: Sequence[str], source: str | os.PathLike
) -> list[str]:
    """Names of the tensors that the user leaves out."""
    for word in leave_out:
        if not any(f"{name}.".startswith(f"{word}.") for name in tensors):
            raise InputError(
                f"{source}: leave_out={word}: no tensor has this name, or before a dot"
            )
    return [x for x in tensors if f"{x}.".startswith(tuple(f"{word}." for word in leave_out))]


def _way_out(checkpoint: Checkpoint, prefix: str, found: Collection[str]) -> str:
    """What to do where tensors lie beside those of the network."""
    if not prefix or all(f"{prefix}{name}" in checkpoint.tensors for name in found):
        return "; if embeddings do not need these, name them in 'leave_out'"
    part = Part("" if checkpoint.key == TOP else checkpoint.key, prefix)
    return f"; to leave out what does not lie in {part.key}, give that as 'key'"


def _same_shape(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether two shapes are equal, where a kernel may have an axis of size 1 more or less.

    A 1 × 1 convolution so counts as a dense layer, and one over time as one over a column.
    """
    if len(found) < 2 or len(wanted) < 2:
        return found == wanted
    return found == wanted or _long(found) == _long(wanted)


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The first axis, and what is longer than 1 of the others."""
    return (shape[0], *(size for size in shape[1:] if size > 1))


def _to_keras(
    layer: keras.layers.Layer, module: str, tensors: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """The layer's weights, in the order and with the axes that Keras has."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [tensors[f"{module}.{name}"] for name in _norm_names(layer)]
    if isinstance(layer, StackedLSTM):
        weights = []
        for index in range(layer.layers):
            inputs, states, bias, other = (tensors[f"{module}.{x}_l{index}"] for x in _LSTM)
            weights += [np.concatenate([inputs, states], axis=1).T, bias + other]
        return weights
    if isinstance(layer, Mixture):
        return [tensors[f"{module}.w"].reshape(layer.logits.shape)]
    if isinstance(layer, keras.layers.LayerNormalization):
        return [tensors[f"{module}.{name}"] for name in _NORM[:2]]
    kernel = tensors[f"{module}.weight"]
    if isinstance(layer, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)):
        kernel = kernel[:, 0].T.reshape(layer.depthwise_kernel.shape)
    else:  # frequency before time and outputs before inputs there, the other way round here
        kernel = kernel.T.reshape(layer.kernel.shape)
    return [kernel, tensors[f"{module}.bias"]] if layer.use_bias else [kernel]


def _subtract(vector: np.ndarray, network: keras.Model) -> None:
    """Makes the network's embeddings less by a vector."""
    if all(layer.name != "embedding_norm" for layer in network.layers):
        network.get_layer("embedding").bias.assign_sub(vector)
        return
    norm = network.get_layer("embedding_norm")
    if norm.center:
        norm.beta.assign_sub(vector)
    else:
        norm.moving_mean.assign_add(vector * np.sqrt(norm.moving_variance + norm.epsilon))


def _image_statistics(weights: list[np.ndarray], network: keras.Model) -> list[np.ndarray]:
    """Changes the order of inputs from channel by channel to frequency by frequency."""
    kernel, bias = weights
    frequencies, channels = _image(network)
    by_axes = kernel.reshape(-1, channels, frequencies, kernel.shape[-1])
    return [by_axes.transpose(0, 2, 1, 3).reshape(kernel.shape), bias]


def _image_scores(weights: list[np.ndarray], network: keras.Model) -> list[np.ndarray]:
    """Changes the order of outputs from channel by channel to frequency by frequency."""
    frequencies, channels = _image(network)
    return [
        array.reshape(-1, channels, frequencies).transpose(0, 2, 1).reshape(array.shape)
        for array in weights
    ]


def _image(network: keras.Model) -> tuple[int, int]:
    """Frequencies and channels of the image that is pooled."""
    names = {layer.name for layer in network.layers}
    layer = network.get_layer("pooling_frames" if "pooling_frames" in names else "pooling")
    return tuple(layer.input.shape[2:])


def _image_frames(weights: list[np.ndarray], network: keras.Model) -> list[np.ndarray]:
    """Changes the order of inputs of a convolution over time, as that of statistics."""
    (kernel,) = weights
    frequencies, channels = network.get_layer("image_frames").input.shape[2:]
    by_axes = kernel.reshape(-1, channels, frequencies, kernel.shape[-1])
    return [by_axes.transpose(0, 2, 1, 3).reshape(kernel.shape)]


def _first_group_last(weights: list[np.ndarray], network: keras.Model) -> list[np.ndarray]:
    """Moves the outputs that a Res2 block does not convolve to the end."""
    return [np.roll(array, -(array.shape[-1] // SCALE), axis=-1) for array in weights]


def _first_group_of_inputs_last(
    weights: list[np.ndarray], network: keras.Model
) -> list[np.ndarray]:
    kernel, bias = weights
    return [np.roll(kernel, -(kernel.shape[-2] // SCALE), axis=-2), bias]


def _decibels(weights: list[np.ndarray], network: keras.Model) -> list[np.ndarray]:
    """Changes a kernel for decibels into one for natural logarithms of the same power."""
    kernel, bias = weights
    return [kernel * (10 / np.log(10)), bias]


ADAPTATIONS: dict[str, Callable[[list[np.ndarray], keras.Model], list[np.ndarray]]] = {
    "image_statistics": _image_statistics,
    "image_scores": _image_scores,
    "image_frames": _image_frames,
    "first_group_last": _first_group_last,
    "first_group_of_inputs_last": _first_group_of_inputs_last,
    "decibels": _decibels,
}
"""Changes of weights beyond transposition, by the names in layouts. Axes are Keras' already."""
