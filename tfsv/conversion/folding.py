"""Batch normalisation folded into the layers before it, with codebooks kept."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras.src.saving.serialization_lib import SafeModeScope

from tfsv.kernel_layers import kernel_layer
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.float16_weights import (
    Float16Weights,
    StoredWeights,
    check_range,
    rounded,
)
from tfsv.quantization.functional_networks import functional


@dataclasses.dataclass(frozen=True)
class FoldedNetwork:
    """A network without foldable batch normalisation and what its kernels are made of.

    Example:
        >>> folded = fold_batch_norm(network, coded)
        >>> for name, kernel in folded.kernels.items():
        ...     print(name, kernel.shape, name in folded.coded)

    Attributes:
        network: The network; its layers have the names of the original's.
        kernels: Kernel of every convolution and dense layer by name, in Keras' layout: what the
            network holds, bit for bit.
        scales: Factors on the channels of every kernel, float32 `[output channels]` by layer name.
            They are those of folding times those of the coded weights, or ones.
        coded: The `CodedWeights` of each coded layer, by name. Its kernel is
            `channel_scaled(coded.codebook[coded.codes], scale)`, bit for bit.
        float16: Names of the layers of 16 bits. Float16 holds their kernels exactly.
        depthwise: Names of the depthwise layers.
    """

    network: keras.Model
    kernels: dict[str, np.ndarray]
    scales: dict[str, np.ndarray]
    coded: dict[str, CodedWeights]
    float16: frozenset[str]
    depthwise: frozenset[str]


def fold_batch_norm(network: keras.Model, coded: Mapping[str, StoredWeights]) -> FoldedNetwork:
    """Folds each batch normalisation into the convolution or dense layer that alone feeds it.

    The gain of a channel is gamma / sqrt(variance + epsilon). The folded kernel is kernel × gain in
    every output channel, and the folded bias is beta + (bias - mean) × gain. Gains are computed in
    float64 and rounded once, to float32. A normalisation that stands elsewhere stays: after an
    activation or a pooling, before a convolution, or after a layer that others read too. All other
    kinds of normalisation stay as well, since their gains depend on their inputs.

    One codebook a layer survives folding, since gains become scales of channels. A kernel of 16
    bits has none, so its product with the gains is rounded to float16 again. This is our choice;
    the papers do not say how they export.

    Example:
        >>> network, coded = strip(quantized)
        >>> folded = fold_batch_norm(network, coded)
        >>> folded.network(features)

    Args:
        network: A plain network, functional or sequential.
        coded: Coded weights by layer name, possibly none. The network's layers hold their decoded
            values.

    Returns:
        The network that computes the same, in float32 whatever the precision of training.

    Raises:
        InputError: The network is none whose layers can be exchanged (see
            `tfsv.quantization.functional_networks`), or a folded kernel of 16 bits is beyond
            float16's range.
        ValueError: `coded` does not belong to this network.
    """
    network = functional(network)
    config = _functional_config(network)
    _check_coded(network, coded)
    pairs = _foldable(network, config)
    gains = {kernel: _gain(network.get_layer(norm)) for kernel, norm in pairs.items()}
    # The caller's own network holds the caller's own code; only files may not bring any.
    with SafeModeScope(safe_mode=False), keras.utils.custom_object_scope(_own_classes(network)):
        folded = keras.Model.from_config(_without(config, pairs))

    kernels, scales, depthwise = {}, {}, set()
    for layer in folded.layers:
        original = network.get_layer(layer.name)
        weights = original.get_weights()
        if kind := kernel_layer(original):
            kernel = weights[0]
            channels = kind.output_channels(kernel.shape)
            gain = gains.get(layer.name, np.ones(channels))
            scale = gain.astype(np.float32)
            stored = coded.get(layer.name)
            if isinstance(stored, CodedWeights):
                if stored.scale is not None:
                    scale = (stored.scale * gain).astype(np.float32)
                kernel = channel_scaled(stored.codebook[stored.codes], scale)
            elif layer.name in pairs:
                kernel = channel_scaled(kernel, scale)
            if isinstance(stored, Float16Weights):
                check_range(kernel, f"{layer.name}, with batch normalisation folded into it")
                kernel = rounded(kernel).astype(np.float32)
            weights = [kernel, *weights[1:]]
            if layer.name in pairs:
                bias = weights[1].astype(np.float64) if original.use_bias else np.zeros(channels)
                mean, beta = _mean_and_beta(network.get_layer(pairs[layer.name]))
                weights = [kernel, (beta + (bias - mean) * gain).astype(np.float32)]
            kernels[layer.name], scales[layer.name] = kernel, scale
            if kind.depthwise:
                depthwise.add(layer.name)
        layer.set_weights(weights)
    codes = {name: held for name, held in coded.items() if isinstance(held, CodedWeights)}
    halves = frozenset(coded) - frozenset(codes)
    return FoldedNetwork(folded, kernels, scales, codes, halves, frozenset(depthwise))


def channel_scaled(kernel: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Multiplies each output channel by its scale, in float32.

    Example:
        >>> channel_scaled(np.ones((3, 2), np.float32), np.array([1, 0.5], np.float32))[0]
        array([1. , 0.5], dtype=float32)

    Args:
        kernel: The kernel, float32, in Keras' layout. The output channels are the last axis of an
            ordinary layer, and the last two, `[..., input channels, multiplier]`, of a depthwise
            one.
        scale: Scale of each channel, float32 `[output channels]`.
    """
    if kernel.shape[-1] != scale.size:
        scale = scale.reshape(kernel.shape[-2:])
    return kernel * scale


def _functional_config(network: keras.Model) -> dict[str, Any]:
    """The network's configuration, in float32."""
    config = copy.deepcopy(network.get_config())
    for layer in config["layers"]:
        layer["config"].setdefault("name", layer["name"])
        dtype = layer["config"].get("dtype")
        name = dtype["config"].get("name", "") if isinstance(dtype, dict) else str(dtype)
        if "float16" in name:  # float16, bfloat16 and their mixed policies
            layer["config"]["dtype"] = "float32"
    return config


def _check_coded(network: keras.Model, coded: Mapping[str, StoredWeights]) -> None:
    for name, codes in coded.items():
        layer = network.get_layer(name)
        if not kernel_layer(layer):
            raise ValueError(f"{name}: has codes but is neither a convolution nor dense")
        if not np.array_equal(layer.get_weights()[0], codes.decode()):
            raise ValueError(f"{name}: the network's kernel is not what its codes decode to")


def _foldable(network: keras.Model, config: dict[str, Any]) -> dict[str, str]:
    """Names of the kernel layers that a batch normalisation folds into, with its name."""
    names = {entry["name"] for entry in config["layers"]}
    outputs = {reference[0] for reference in _references(config["output_layers"], names)}
    readers: dict[str, list[str]] = {}
    for layer in config["layers"]:
        for node in layer["inbound_nodes"]:
            for reference in _references(node, names):
                readers.setdefault(reference[0], []).append(layer["name"])
    calls = {layer["name"]: len(layer["inbound_nodes"]) for layer in config["layers"]}
    pairs = {}
    for layer in network.layers:
        if not kernel_layer(layer) or layer.activation is not keras.activations.linear:
            continue
        readers_here = readers.get(layer.name, [])
        if len(readers_here) != 1 or layer.name in outputs or calls[layer.name] != 1:
            continue
        norm = network.get_layer(readers_here[0])
        if (
            type(norm) is keras.layers.BatchNormalization
            and calls[norm.name] == 1
            and list(norm.axis) == [norm.input_spec.ndim - 1]
            and getattr(layer, "data_format", "channels_last") == "channels_last"
        ):
            pairs[layer.name] = norm.name
    return pairs


def _without(config: dict[str, Any], pairs: Mapping[str, str]) -> dict[str, Any]:
    """The configuration with the normalisations cut out and a bias on the layers before them."""
    names = {entry["name"] for entry in config["layers"]}
    kernel_of = {norm: kernel for kernel, norm in pairs.items()}
    config["layers"] = [layer for layer in config["layers"] if layer["name"] not in kernel_of]
    for layer in config["layers"]:
        if layer["name"] in pairs:
            layer["config"]["use_bias"] = True
        for reference in _references(layer["inbound_nodes"], names):
            reference[0] = kernel_of.get(reference[0], reference[0])
    for reference in _references(config["output_layers"], names):
        reference[0] = kernel_of.get(reference[0], reference[0])
    return config


def _own_classes(network: keras.Model) -> dict[str, type]:
    """The classes of layers that their authors did not register with Keras, by name."""
    kinds = {type(layer) for layer in network.layers}
    return {kind.__name__: kind for kind in kinds if not kind.__module__.startswith("tf_keras.")}


def _references(tree: Any, names: set[str]) -> list[list]:
    """Every `[layer, node, tensor, …]` reference within part of a functional configuration."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if not isinstance(tree, list | tuple):
        return []
    if isinstance(tree, list) and len(tree) in (3, 4) and isinstance(tree[0], str):
        own = [tree] if tree[0] in names and isinstance(tree[1], int) else []
        return own + _references(tree[3:], names)
    return [reference for branch in tree for reference in _references(branch, names)]


def _gain(norm: keras.layers.BatchNormalization) -> np.ndarray:
    variance = norm.moving_variance.numpy().astype(np.float64)
    gamma = norm.gamma.numpy().astype(np.float64) if norm.scale else 1.0
    return gamma / np.sqrt(variance + norm.epsilon)


def _mean_and_beta(
    norm: keras.layers.BatchNormalization,
) -> tuple[np.ndarray, np.ndarray]:
    mean = norm.moving_mean.numpy().astype(np.float64)
    return mean, norm.beta.numpy().astype(np.float64) if norm.center else np.zeros_like(mean)
