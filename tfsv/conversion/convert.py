"""From a Keras network to a TFLite file that is compared with it before it appears."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import tf_keras as keras
from ai_edge_litert import schema_py_generated as schema

from tfsv.card import ModelCard, package_versions
from tfsv.conversion.activation_ranges import activation_ranges
from tfsv.conversion.ends import Arrays, Ends, keras_runner
from tfsv.conversion.float16 import write_float16
from tfsv.conversion.float_outputs import make_outputs_float
from tfsv.conversion.folding import FoldedNetwork, fold_batch_norm
from tfsv.conversion.forms import COMPUTE_FORMS
from tfsv.conversion.graph import convert_graph, tidy
from tfsv.conversion.int8 import write_int8
from tfsv.conversion.kernels import find_kernels
from tfsv.conversion.packing import write_packed
from tfsv.conversion.static_int8 import write_static_int8
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.kernel_layers import check_quantizable
from tfsv.packed import flatbuffer
from tfsv.packed.assemble import assemble
from tfsv.packed.bits import packed_bytes
from tfsv.packed.cohort import cohort_bytes
from tfsv.packed.expand import is_packed
from tfsv.packed.graph_rules import check_graph
from tfsv.packed.operands import ForeignGraphError
from tfsv.packed.record import Record
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.runtime.runner import Runner
from tfsv.widths import FLOAT16


@dataclasses.dataclass(frozen=True)
class LayerSize:
    """What a layer takes in the file.

    Example:
        >>> report = export_tflite(network, coded, card, "model.tflite", ends, weights="packed")
        >>> for layer in report.layers:
        ...     print(layer.name, layer.bits, layer.size)

    Attributes:
        name: The layer's name.
        shape: The kernel's shape in Keras' layout.
        bits: Bits of a weight in the file.
        weights: Bytes of the kernel or of its codes.
        codebook: Bytes of the layer's codebook.
        scales: Bytes of the scales of the layer's channels.
        bias: Bytes of the layer's bias.
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
        """Bytes of the layer in the file, all parts together."""
        return self.weights + self.codebook + self.scales + self.bias


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What came out of an export.

    Example:
        >>> report = export_tflite(network, {}, card, "model.tflite", Ends.of(network))
        >>> report.size == os.path.getsize("model.tflite")
        True

    Attributes:
        layers: What each layer with a kernel takes, in the network's order.
        size: Bytes of the whole file.
        agreement: The lowest agreement of the file's outputs with Keras' in the self-check.
        card: The card in the file.
        cohort: Bytes of the cohort; 0: there is none.
    """

    layers: tuple[LayerSize, ...]
    size: int
    agreement: float
    card: ModelCard
    cohort: int = 0


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A converted model, all but written.

    Example:
        >>> conversion = convert(network, coded, card, ends, "packed", "int8_weights")
        >>> content = conversion.content()

    Attributes:
        model: The edited model.
        packed: The record of the packed layers; None for a plain file, such as one whose layers all
            have 16 bits.
        card: The card with the bits of the layers.
        layers: What each layer with a kernel takes, in the network's order.
    """

    model: schema.ModelT
    packed: Record | None
    card: ModelCard
    layers: tuple[LayerSize, ...]

    def content(self, card: ModelCard | None = None, cohort: np.ndarray | None = None) -> bytes:
        """Bytes of the file, with `card` in place of its own card where one is given.

        Args:
            card: Another card. None: its own.
            cohort: Vectors that outputs are compared with, int8 `[vectors, values]`. None: the
                file gets none.
        """
        return assemble(self.model, card or self.card, self.packed, cohort)


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """What was found out with a new file, and goes into it.

    Example:
        >>> facts = FileFacts({"measured": {"eer": 0.05}})

    Attributes:
        fields: Fields of the card to set.
        cohort: Vectors that outputs are compared with, int8 `[vectors, values]`. None: those that
            `export_tflite` was given.
    """

    fields: Mapping[str, Any]
    cohort: np.ndarray | None = None


def export_tflite(
    network: keras.Model,
    coded: Mapping[str, StoredWeights],
    card: ModelCard,
    path: str | os.PathLike,
    ends: Ends,
    weights: str = "float32",
    compute: str | None = None,
    *,
    calibration: Iterable[Arrays] = (),
    examples: Iterable[Arrays] = (),
    measure: Callable[[Runner], FileFacts] | None = None,
    cohort: np.ndarray | None = None,
) -> ExportReport:
    """Writes a Keras network as a TFLite file of built-in operators.

    The graph is `ends.before`, the network with batch normalisation folded, and `ends.after`. Its
    inputs and outputs are those of the ends and go by name; axes of any length can be resized. The
    file carries the card and a checksum. It appears only after its outputs were compared with
    those of Keras.

    Args:
        network: A plain network, such as `tfsv.quantization.network.strip` gives.
        coded: Coded weights by layer name, possibly none.
        card: The card that goes into the file; its `bits` become those of `coded`.
        path: The file to write.
        ends: What the file takes and gives; `Ends.of(network)` for a network as it is.
        weights: How kernels are stored: "float32", "int8" with a scale for each output channel, or
            "packed". A packed file holds coded layers as codes of their own width. Any interpreter
            decodes them, and `tfsv.runtime.Runner` expands them to what the plain file holds.
            Layers of 16 bits are float16 in int8 and packed files, and float32 in float32 ones.
        compute: What the file computes with, one of `COMPUTE_FORMS[weights]`. None: the first of
            them.
        calibration: Real inputs for `compute="int8"`, from which the ranges of activations come.
        examples: Inputs that are compared with Keras beside the made-up ones of the ends.
        measure: A function that is called with the new file's runner before the file appears. It
            returns fields of the card to set, so that what a card says of a file was measured with
            that file.
        cohort: Vectors that outputs are compared with, int8 `[vectors, values]`, as the card's
            decision needs them. None: the file gets none.

    Returns:
        Sizes and the outcome of the self-check.

    Raises:
        InputError: `weights` or `compute` is unknown, or there is nothing to pack or to take ranges
            from. Or the network does not fit the ends, or the file cannot be written.
        RuntimeError: The self-check failed; nothing was written.

    Example:
        >>> network, coded = strip(quantized)
        >>> report = export_tflite(
        ...     network, coded, card, "model.tflite", Ends.of(network), weights="packed"
        ... )
        >>> report.agreement > 0.7
        True
        >>> outputs = Runner("model.tflite")({"input_1": features})
    """
    compute = compute or COMPUTE_FORMS.get(weights, ("",))[0]
    conversion = convert(network, coded, card, ends, weights, compute, calibration)
    content = conversion.content(cohort=cohort)
    with replacing(path, len(content)) as part:
        part.write_bytes(content)
        runner = open_new(part)
        agreement = self_check(runner, keras_runner(network, ends), ends, examples)
        if not agreement > ends.lowest[compute]:
            raise RuntimeError(
                f"{path}: not written; its outputs agree with Keras to {agreement:.6f} only,"
                f" {compute} needs {ends.lowest[compute]}"
            )
        card = runner.card
        if measure is not None:
            facts = measure(runner)
            card = dataclasses.replace(card, **facts.fields)
            cohort = cohort if facts.cohort is None else facts.cohort
            content = conversion.content(card, cohort)
            part.write_bytes(content)
    size = 0 if cohort is None else len(cohort_bytes(cohort))
    return ExportReport(conversion.layers, len(content), agreement, card, size)


def convert(
    network: keras.Model,
    coded: Mapping[str, StoredWeights],
    card: ModelCard,
    ends: Ends,
    weights: str,
    compute: str,
    ranges_from: Iterable[Arrays] = (),
) -> Conversion:
    """Makes what `export_tflite` writes, without checking it.

    Example:
        >>> conversion = convert(network, coded, card, Ends.of(network), "packed", "float32")
        >>> pathlib.Path("model.tflite").write_bytes(conversion.content())

    Args:
        network: A plain network, such as `tfsv.quantization.network.strip` gives.
        coded: Coded weights by layer name, possibly none.
        card: The card that goes into the file; its `bits` become those of `coded`.
        ends: What the file takes and gives.
        weights: How kernels are stored, a key of `COMPUTE_FORMS`.
        compute: What the file computes with, one of `COMPUTE_FORMS[weights]`.
        ranges_from: Real inputs for `compute="int8"`, from which the ranges of activations come.

    Raises:
        InputError: `weights` or `compute` is unknown, there is nothing to pack or to take ranges
            from, or the network does not fit the ends.
    """
    _check_form(weights, compute)
    if weights == "packed" and not coded:
        raise InputError("weights=packed: a float model has no codes; quantize it first")
    if weights != "float32":
        check_quantizable(network, f"weights={weights}")
    if compute == "int8" and not ranges_from:
        raise InputError("compute=int8: needs recordings for calibration; see 'calibration'")
    folded = fold_batch_norm(network, coded)
    model = flatbuffer.parse(convert_graph(ends, folded.network))
    tidy(model)
    _set_default_lengths(model, ends)
    kernels = find_kernels(model, folded)
    if compute == "int8_weights":
        write_int8(model, kernels, folded)
    elif compute == "int8":
        ranges = activation_ranges(flatbuffer.serialise(model), ranges_from)
        write_static_int8(model, kernels, folded, ranges)
        make_outputs_float(model)
    layers = tuple(_size(model, kernels[name], name, folded, weights) for name in folded.kernels)
    if weights != "float32":
        write_float16(model, kernels, folded)
    packed = write_packed(model, kernels, folded) if weights == "packed" and folded.coded else None
    flatbuffer.compact(model, {index: name for name, index in kernels.items()})
    bits = {name: codes.bits for name, codes in coded.items()}
    card = dataclasses.replace(card, bits=bits, versions=card.versions or package_versions())
    return Conversion(model, packed, card, layers)


def self_check(
    candidate: Callable[[Arrays], Arrays],
    reference: Callable[[Arrays], Arrays],
    ends: Ends,
    examples: Iterable[Arrays] = (),
) -> float:
    """The lowest agreement of two models over the made-up inputs of the ends and further ones.

    Example:
        >>> ends = Ends.of(network)
        >>> agreement = self_check(Runner("model.tflite"), keras_runner(network, ends), ends)
        >>> agreement > ends.lowest["float32"]
        True

    Args:
        candidate: The model to check, such as a `Runner`.
        reference: A function that computes what the model should, such as `keras_runner` makes.
        ends: The ends of both models.
        examples: Inputs to compare beside the made-up ones of the ends.

    Returns:
        The agreement. It is -inf where results differ in shape, and NaN where they hold NaN.
    """
    lowest = np.inf
    for inputs in itertools.chain(ends.examples(), examples):
        results, wanted = candidate(inputs), reference(inputs)
        alike = all(results[name].shape == array.shape for name, array in wanted.items())
        agreement = ends.agreement(results, wanted) if alike else -np.inf
        lowest = np.minimum(lowest, agreement)  # which passes NaN on
    return float(lowest)


def open_new(path: str | os.PathLike) -> Runner:
    """Opens a new file by the rules by which tfsv and the app know their own.

    A packed file has to keep them as it is and as it is expanded, which the runner does once.

    Example:
        >>> conversion = convert(network, coded, card, ends, "packed", "int8_weights")
        >>> written = pathlib.Path("model.tflite").write_bytes(conversion.content())
        >>> runner = open_new("model.tflite")

    Args:
        path: The file.

    Raises:
        InputError: Its graph has an operator, or a form of one, that is not in the table.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        if is_packed(content):
            check_graph(content)
        return Runner(path)
    except (ForeignGraphError, InputError) as error:
        foreign = error if isinstance(error, ForeignGraphError) else error.__cause__
        if not isinstance(foreign, ForeignGraphError):
            raise
        raise InputError(
            f"the network cannot be exported: its graph has {foreign}; build the network of other"
            " layers, or add the operator to tfsv/packed/operator_table.py and to the app's"
            " OperatorTable.kt"
        ) from foreign


def _check_form(weights: str, compute: str) -> None:
    if weights not in COMPUTE_FORMS:
        raise InputError(f"weights={weights}: unknown; choose one of {', '.join(COMPUTE_FORMS)}")
    if compute not in COMPUTE_FORMS[weights]:
        raise InputError(
            f"compute={compute}: not possible with weights={weights}, which takes "
            f"{', '.join(COMPUTE_FORMS[weights])}"
        )


def _set_default_lengths(model: schema.ModelT, ends: Ends) -> None:
    """Lets an interpreter start without resizing: inputs of length 1 may be too short."""
    tensors = model.subgraphs[0].tensors
    ports = {port.name: port for port in ends.inputs}
    for entry in model.signatureDefs[0].inputs:
        port, tensor = ports[entry.name.decode()], tensors[entry.tensorIndex]
        tensor.shape = np.array(port.with_length(ends.default_length), np.int32)
        tensor.shapeSignature = np.array(port.with_length(-1), np.int32)


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
    if weights != "float32" and name in folded.float16:
        bits, stored = FLOAT16, FLOAT16 // 8 * kernel.size
    if weights == "packed" and name in folded.coded:
        bits = folded.coded[name].bits
        stored, codebook = packed_bytes(kernel.size, bits), width * 2**bits
        if width > 1 and np.any(folded.scales[name] != 1):
            scales = width * folded.scales[name].size
    return LayerSize(
        name, kernel.shape, bits, stored, codebook, scales, sum(b.nbytes for b in biases)
    )
