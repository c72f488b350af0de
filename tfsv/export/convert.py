"""From a Keras network to a TFLite file: waveform in, embedding out."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema

from tfsv.audio import SAMPLE_RATE
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.export.activation_ranges import calibrate
from tfsv.export.folding import FoldedNetwork, fold_batch_norm
from tfsv.export.graph import convert_graph, tidy
from tfsv.export.int8 import write_int8
from tfsv.export.kernels import find_kernels
from tfsv.export.packing import write_packed
from tfsv.export.static_int8 import write_static_int8
from tfsv.features import LogMel
from tfsv.files import replacing
from tfsv.packed import flatbuffer
from tfsv.packed.assemble import assemble
from tfsv.packed.bits import packed_bytes
from tfsv.packed.record import Record
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.embedder import Embedder, KerasEmbedder
from tfsv.verification.extraction import embed_file
from tfsv.verification.tflite_embedder import TFLiteEmbedder

FORMS = {
    "float32": ("float32",),
    "int8": ("int8_weights", "int8"),
    "packed": ("int8_weights", "float32", "int8"),
}
"""What a file can compute with, by how it stores its kernels; the first is the default.

float32: float kernels and activations. int8_weights: int8 kernels, float activations, which the
runtime quantizes on the fly; depthwise kernels stay float. int8: int8 kernels and activations.
"""

LOWEST_COSINE = {"float32": 0.9999, "int8_weights": 0.95, "int8": 0.9}
"""What `export_tflite` demands of the file's embeddings against those of Keras.

Float32 differs by rounding only. Int8 rounds each weight by up to 1/254 of the layer's largest
and each activation by up to 1/254 of its tensor's largest. Over 1,300 recordings the worst cosine
of a trained ResNet18 of 8 channels was 0.9886 with int8 weights, and over 500 of them 0.9880 with
int8 activations too; a file below these bounds is broken, not rounded.
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
    """What a layer takes in the file.

    Attributes:
        name: The layer.
        shape: Of the kernel, Keras layout.
        bits: Bits of a weight in the file.
        weights: Bytes of the kernel or of its codes.
        codebook: Bytes of its codebook.
        scales: Bytes of the scales of its channels.
        bias: Bytes of its bias.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    weights: int
    codebook: int
    scales: int
    bias: int

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return self.weights + self.codebook + self.scales + self.bias


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What came out of an export.

    Attributes:
        layers: Layers with kernels in the network's order.
        size: Bytes of the whole file.
        cosine: The lowest cosine between the file's embedding and Keras' in the self-check.
        card: The card in the file.
    """

    layers: tuple[LayerSize, ...]
    size: int
    cosine: float
    card: ModelCard


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A converted model, all but written.

    Attributes:
        model: The edited model.
        packed: The record of its packed layers; None for a plain file.
        card: The card with the bits of the layers.
        layers: Sizes.
    """

    model: schema.ModelT
    packed: Record | None
    card: ModelCard
    layers: tuple[LayerSize, ...]

    def content(self, card: ModelCard | None = None) -> bytes:
        """The file, with `card` instead of its own if one is given."""
        return assemble(self.model, card or self.card, self.packed)


def export_tflite(
    network: keras.Model,
    coded: Mapping[str, CodedWeights],
    card: ModelCard,
    path: str | os.PathLike,
    weights: str = "float32",
    compute: str | None = None,
    *,
    calibration: Sequence[str | os.PathLike] = (),
    recordings: Sequence[str | os.PathLike] = (),
    measure: Callable[[Embedder], dict[str, Any]] | None = None,
) -> ExportReport:
    """Writes a TFLite file that maps a waveform to an L2-normalised embedding.

    The graph is the front end of `card`, the network with batch normalisation folded, and the L2
    norm, in built-in operators only. Its input `waveform` is float32 `[1, samples]` of any length
    (resize it), its output `embedding` float32 `[1, embedding size]`. The file carries the card
    and a checksum, and appears only after its embeddings were compared with those of Keras.

    Args:
        network: A plain network, features to embedding; see `tfsv.quantization.network.strip`.
        coded: Coded weights by layer name, possibly none.
        card: Goes into the file, with `bits` as `coded` has them.
        path: The file to write.
        weights: How kernels are stored: "float32", "int8" with a scale per output channel, or
            "packed": coded layers as codes of their own width, which any interpreter decodes and
            `tfsv.load` expands to what the plain file holds.
        compute: What the file computes with, one of `FORMS[weights]`; None: the first of them.
        calibration: Sound files for `compute="int8"`, from which the ranges of activations come.
        recordings: Sound files whose embeddings are compared with those of Keras too.
        measure: Called with the new file's model before the file appears; returns fields of the
            card to set, so that what a card says of a file was measured with that file.

    Returns:
        Sizes and the outcome of the self-check.

    Raises:
        InputError: `weights` or `compute` is unknown, nothing is there to pack or to calibrate
            with, the network does not fit the card, or the file cannot be written.
        RuntimeError: The self-check failed; nothing was written.
    """
    compute = compute or FORMS.get(weights, ("",))[0]
    reference = KerasEmbedder(network, card)
    conversion = convert(network, coded, card, weights, compute, calibration)
    content = conversion.content()
    with replacing(path) as part:
        part.write_bytes(content)
        embedder = TFLiteEmbedder(part)
        cosine = self_check(embedder, reference, recordings)
        if not cosine > LOWEST_COSINE[compute]:
            raise RuntimeError(
                f"{path}: not written; its embeddings agree with Keras to a cosine of {cosine:.6f}"
                f" only, {compute} needs {LOWEST_COSINE[compute]}"
            )
        card = embedder.card
        if measure is not None:
            card = dataclasses.replace(card, **measure(embedder))
            content = conversion.content(card)
            part.write_bytes(content)
    return ExportReport(conversion.layers, len(content), cosine, card)


def convert(
    network: keras.Model,
    coded: Mapping[str, CodedWeights],
    card: ModelCard,
    weights: str,
    compute: str,
    calibration: Sequence[str | os.PathLike] = (),
) -> Conversion:
    """What `export_tflite` writes, before it is checked; same arguments, same errors."""
    if weights not in FORMS:
        raise InputError(f"--weights={weights}: unknown; choose one of {', '.join(FORMS)}")
    if compute not in FORMS[weights]:
        raise InputError(
            f"--compute={compute}: not possible with --weights={weights}, which takes "
            f"{', '.join(FORMS[weights])}"
        )
    if weights == "packed" and not coded:
        raise InputError("--weights=packed: a float model has no codes; quantize it first")
    if compute == "int8" and not calibration:
        raise InputError("--compute=int8: needs recordings for calibration; see --calibration")
    if network.input_shape[1:] != (None, card.bins):
        raise InputError(
            f"model card: bins is {card.bins}, the network takes {network.input_shape[1:]}"
        )
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(convert_graph(LogMel(**card.front_end), folded.network))
    tidy(model)
    _set_default_length(model)
    kernels = find_kernels(model, folded)
    if compute == "int8_weights":
        write_int8(model, kernels, folded)
    elif compute == "int8":
        write_static_int8(
            model, kernels, folded, calibrate(flatbuffer.serialise(model), calibration)
        )
    layers = tuple(_size(model, kernels[name], name, folded, weights) for name in folded.kernels)
    packed = write_packed(model, kernels, folded) if weights == "packed" else None
    flatbuffer.compact(model, {index: name for name, index in kernels.items()})
    bits = {name: codes.bits for name, codes in coded.items()}
    card = dataclasses.replace(card, bits=bits, versions=card.versions or package_versions())
    return Conversion(model, packed, card, layers)


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


def _size(
    model: schema.ModelT, tensor: int, name: str, folded: FoldedNetwork, weights: str
) -> LayerSize:
    """Sizes of a layer whose constant kernel is about to be packed or stays."""
    tensor = model.subgraphs[0].tensors[tensor]
    kernel = folded.kernels[name]
    width = flatbuffer.numpy_type(tensor).itemsize
    biases = folded.network.get_layer(name).get_weights()[1:]
    scales = 0 if tensor.quantization is None else tensor.quantization.scale
    scales = 0 if scales is None or width > 1 else 4 * len(scales)
    bits, stored, codebook = 8 * width, width * kernel.size, 0
    if weights == "packed" and name in folded.coded:
        bits = folded.coded[name].bits
        stored, codebook = packed_bytes(kernel.size, bits), width * 2**bits
        if width > 1 and np.any(folded.scales[name] != 1):
            scales = width * folded.scales[name].size
    return LayerSize(
        name, kernel.shape, bits, stored, codebook, scales, sum(b.nbytes for b in biases)
    )


def _utterance(samples: int, seed: int) -> np.ndarray:
    """Float32 `[samples]`: something with pitch, formant-like tilt, pauses and noise."""
    random = np.random.default_rng(seed)
    seconds = np.arange(samples) / SAMPLE_RATE
    pitch = random.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k ** random.uniform(0.5, 1.5) for k in range(1, 16))
    voice *= np.sin(2 * np.pi * random.uniform(2, 4) * seconds) > -0.3
    return (0.05 * voice + 0.002 * random.standard_normal(samples)).astype(np.float32)
