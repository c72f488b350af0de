"""From a Keras network to a TFLite file: waveform in, embedding out."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema

from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.export import flatbuffer
from tfsv.export.folding import FoldedNetwork, fold_batch_norm
from tfsv.export.graph import convert_graph, tidy
from tfsv.export.int8 import int8_kernel, write_int8
from tfsv.export.kernels import find_kernels
from tfsv.export.loader import CARD_ENTRY, TFLiteEmbedder
from tfsv.features import LogMel
from tfsv.files import replacing
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.embedder import Embedder, KerasEmbedder
from tfsv.verification.extraction import embed_file

LOWEST_COSINE = {"float32": 0.9999, "int8": 0.95}
"""What `export_tflite` demands of the file's embeddings against those of Keras.

Float32 differs by rounding only. Int8 rounds each weight by up to 1/254 of the layer's largest
and each activation by up to 1/254 of its tensor's largest. Over 1,300 recordings the worst cosine
of a trained ResNet18 of 8 channels was 0.9886; a file below 0.95 is broken, not rounded.
"""

_DEFAULT_SAMPLES = 32000  # input length of an interpreter that is not told otherwise
_CHECK_SAMPLES = (
    48000,
    32000,
    20011,
    32000,
)  # a length comes back: resizing has no memory


@dataclasses.dataclass(frozen=True)
class LayerSize:
    """What a layer's kernel takes in the file.

    Attributes:
        name: The layer.
        shape: Of the kernel, Keras layout.
        bits: Bits of a weight in the file.
        size: Bytes of the kernel and its scales.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    size: int


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What came out of an export.

    Attributes:
        layers: Kernels in the network's order.
        size: Bytes of the whole file.
        cosine: The lowest cosine between the file's embedding and Keras' in the self-check.
        card: The card in the file.
    """

    layers: tuple[LayerSize, ...]
    size: int
    cosine: float
    card: ModelCard


def export_tflite(
    network: keras.Model,
    coded: Mapping[str, CodedWeights],
    card: ModelCard,
    path: str | os.PathLike,
    weights: str = "float32",
    *,
    recordings: Sequence[str | os.PathLike] = (),
    measure: Callable[[Embedder], dict[str, Any]] | None = None,
) -> ExportReport:
    """Writes a TFLite file that maps a waveform to an L2-normalised embedding.

    The graph is the front end of `card`, the network with batch normalisation folded, and the L2
    norm, in built-in operators only. Its input `waveform` is float32 `[1, samples]` of any length
    (resize it), its output `embedding` float32 `[1, embedding size]`. The file carries the card
    and appears only after its embeddings were compared with those of Keras.

    Args:
        network: A plain network, features to embedding; see `tfsv.quantization.configs.strip`.
        coded: Coded weights by layer name, possibly none.
        card: Goes into the file, with `bits` as `coded` has them.
        path: The file to write.
        weights: "float32", or "int8": kernels of convolutions and dense layers as int8 with a
            scale per output channel (depthwise ones stay float), activations float.
        recordings: Sound files whose embeddings are compared with those of Keras too.
        measure: Called with the new file's model before the file appears; returns fields of the
            card to set, so that what a card says of a file was measured with that file.

    Returns:
        Sizes and the outcome of the self-check.

    Raises:
        InputError: `weights` is unknown, the network does not fit the card, or the file cannot be
            written.
        RuntimeError: The self-check failed; nothing was written.
    """
    reference = KerasEmbedder(network, card)
    content, layers = convert(network, coded, card, weights)
    with replacing(path) as part:
        part.write_bytes(content)
        embedder = TFLiteEmbedder(part)
        cosine = self_check(embedder, reference, recordings)
        if not cosine > LOWEST_COSINE[weights]:
            raise RuntimeError(
                f"{path}: not written; its embeddings agree with Keras to a cosine of {cosine:.6f}"
                f" only, {weights} needs {LOWEST_COSINE[weights]}"
            )
        card = embedder.card
        if measure is not None:
            card = dataclasses.replace(card, **measure(embedder))
            content = with_card(content, card)
            part.write_bytes(content)
    return ExportReport(layers, len(content), cosine, card)


def convert(
    network: keras.Model,
    coded: Mapping[str, CodedWeights],
    card: ModelCard,
    weights: str,
) -> tuple[bytes, tuple[LayerSize, ...]]:
    """Content of the file that `export_tflite` writes, and the sizes of its kernels."""
    if weights not in LOWEST_COSINE:
        raise InputError(f"--weights={weights}: unknown; choose one of {', '.join(LOWEST_COSINE)}")
    if network.input_shape[1:] != (None, card.bins):
        raise InputError(
            f"model card: bins is {card.bins}, the network takes {network.input_shape[1:]}"
        )
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(convert_graph(LogMel(**card.front_end), folded.network))
    tidy(model)
    _set_default_length(model)
    kernels = find_kernels(model, folded)
    if weights == "int8":
        write_int8(model, kernels, folded)
    flatbuffer.compact(model, {index: name for name, index in kernels.items()})
    bits = {name: codes.bits for name, codes in coded.items()}
    card = dataclasses.replace(card, bits=bits, versions=card.versions or package_versions())
    flatbuffer.set_metadata(model, CARD_ENTRY, card.to_json().encode())
    return flatbuffer.serialise(model), _sizes(folded, weights)


def with_card(content: bytes, card: ModelCard) -> bytes:
    """The TFLite file `content` with its card replaced."""
    model = flatbuffer.parse(content)
    flatbuffer.set_metadata(model, CARD_ENTRY, card.to_json().encode())
    return flatbuffer.serialise(model)


def self_check(
    candidate: TFLiteEmbedder,
    reference: KerasEmbedder,
    recordings: Sequence[str | os.PathLike] = (),
) -> float:
    """The lowest cosine between the embeddings of two models, over made-up and real utterances.

    The utterances are bursts of a gliding harmonic tone in noise, of several lengths; one length
    comes twice, so that an interpreter that did not survive resizing is found out.
    """
    cosines = []
    for seed, samples in enumerate(_CHECK_SAMPLES):
        waveform = _utterance(samples, seed)
        cosines.append(float(candidate.embed(waveform) @ reference.embed(waveform)))
    cosines += [float(embed_file(candidate, p) @ embed_file(reference, p)) for p in recordings]
    return min(cosines)


def _set_default_length(model: schema.ModelT) -> None:
    """Lets an interpreter start without resizing: a one-sample input has no frame to compute."""
    graph = model.subgraphs[0]
    (waveform,) = (graph.tensors[index] for index in graph.inputs)
    waveform.shape = np.array([1, _DEFAULT_SAMPLES], np.int32)
    waveform.shapeSignature = np.array([1, -1], np.int32)


def _sizes(folded: FoldedNetwork, weights: str) -> tuple[LayerSize, ...]:
    rows = []
    for name, kernel in folded.kernels.items():
        quantized = int8_kernel(folded, name) if weights == "int8" else None
        if quantized is None:
            rows.append(LayerSize(name, kernel.shape, 32, kernel.nbytes))
        else:
            size = quantized.values.nbytes + quantized.scales.nbytes
            rows.append(LayerSize(name, kernel.shape, 8, size))
    return tuple(rows)


def _utterance(samples: int, seed: int) -> np.ndarray:
    """Float32 `[samples]`: something with pitch, formant-like tilt, pauses and noise."""
    random = np.random.default_rng(seed)
    seconds = np.arange(samples) / 16000
    pitch = random.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    voice = sum(np.sin(k * phase) / k ** random.uniform(0.5, 1.5) for k in range(1, 16))
    voice *= np.sin(2 * np.pi * random.uniform(2, 4) * seconds) > -0.3
    return (0.05 * voice + 0.002 * random.standard_normal(samples)).astype(np.float32)
