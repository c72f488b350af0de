"""Kernels as b-bit codes in a TFLite graph that decodes them with built-in operators.

A byte of codes is a row number: `GATHER(table, CAST(bytes))` looks all the weights up that the
byte names, `RESHAPE` makes the kernel of it. The table, 256 rows for a width of 1, 2 or 4 bits, is
itself `GATHER(codebook, index)`, with one index a width for all layers. Widths of several planes
look each plane up as integers, add them, and gather from the codebook. Layers of one shape and
width are decoded together, a row for each, and taken apart by `UNPACK`. Deep networks repeat
shapes, and every operator costs bytes.

Where folding put factors on channels, float kernels are multiplied by them here. Int8 kernels carry
them as the scales of their tensor, and are multiplied by the factors' signs where one is negative.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.folding import FoldedNetwork
from tfsv.conversion.int8 import signed_centroids
from tfsv.conversion.kernels import tflite_layout
from tfsv.packed import flatbuffer
from tfsv.packed.bits import PLANES, byte_table, pack, plane_bytes
from tfsv.packed.record import Group, Record

LARGEST_GROUP = 1 << 20
"""Most weights that are decoded together, which bounds what decoding needs beside its result.

A larger layer is a group of its own.
"""

_MOST_LAYERS = 255
_UNKNOWN = float("nan")
_Op = schema.BuiltinOperator


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A layer about to be packed; arrays in the layout of its TFLite operator."""

    name: str
    tensor: int
    bits: int
    codes: np.ndarray
    codebook: np.ndarray  # padded to 2^bits entries
    factors: np.ndarray | None  # [rows, 1] or [1, columns]
    error: float

    @property
    def kind(self) -> tuple:
        """What layers of one group share."""
        factors = None if self.factors is None else self.factors.shape
        return self.bits, self.codebook.dtype.str, self.codes.shape, factors

    def decoded(self) -> np.ndarray:
        values = self.codebook[self.codes]
        if self.factors is None:
            return values
        return (values.reshape(_matrix(self)) * self.factors).reshape(values.shape)


def write_packed(model: schema.ModelT, kernels: Mapping[str, int], folded: FoldedNetwork) -> Record:
    """Replaces the constant kernel of every coded layer by codes and their decoding.

    The decoding operators become the first ones of the graph; the kernels' tensors stay, with
    their quantization, and are computed instead of constant.

    Example:
        >>> packed = write_packed(model, find_kernels(model, folded), folded)
        >>> content = assemble(model, card, packed)

    Args:
        model: The conversion of `folded.network`, kernels float32 or int8; changed in place.
        kernels: Tensor of each layer's kernel, as `find_kernels` gives it.
        folded: The folded network that was converted.

    Returns:
        The record, which `tfsv.packed.assemble` completes.

    Raises:
        ValueError: A layer's codes would decode to another kernel than the one that they replace.
    """
    writer = _Writer(model)
    groups = tuple(writer.group(layers) for layers in _grouped(model, kernels, folded))
    graph = model.subgraphs[0]
    graph.operators = writer.operators + list(graph.operators)
    return Record(groups, decoding=len(writer.operators), spare=0, expanded=0)


def _grouped(
    model: schema.ModelT, kernels: Mapping[str, int], folded: FoldedNetwork
) -> list[list[_Layer]]:
    open_groups: dict[tuple, list[_Layer]] = {}
    groups = []
    for name, tensor in kernels.items():
        if name not in folded.coded:
            continue
        layer = _layer(model, name, tensor, folded)
        group = open_groups.get(layer.kind)
        room = LARGEST_GROUP // layer.codes.size
        single = _per_tensor(model.subgraphs[0].tensors[tensor])  # UNPACK refuses to rescale it
        if group is None or single or len(group) >= min(room, _MOST_LAYERS):
            group = []
            groups.append(group)
            if not single:
                open_groups[layer.kind] = group
        group.append(layer)
    return groups


def _layer(model: schema.ModelT, name: str, tensor: int, folded: FoldedNetwork) -> _Layer:
    coded = folded.coded[name]
    depthwise = name in folded.depthwise
    held = flatbuffer.constant(model, model.subgraphs[0].tensors[tensor])
    if held.dtype == np.int8:
        codebook, factors = signed_centroids(coded, folded.scales[name])
    else:
        codebook, factors = coded.codebook, folded.scales[name]
    codebook = np.pad(codebook, (0, 2**coded.bits - len(codebook)), mode="edge")
    if np.all(factors == 1):
        factors = None
    else:
        factors = factors.reshape((1, -1) if depthwise else (-1, 1))
    codes = tflite_layout(coded.codes, depthwise=depthwise)
    error = _UNKNOWN if coded.error is None else coded.error
    layer = _Layer(name, tensor, coded.bits, codes, codebook, factors, error)
    if layer.decoded().tobytes() != held.tobytes():
        raise ValueError(f"{name}: its codes do not decode to its kernel")
    return layer


def _per_tensor(tensor: schema.TensorT) -> bool:
    """Whether an int8 kernel has one scale for all channels."""
    scale = None if tensor.quantization is None else tensor.quantization.scale
    return scale is not None and len(scale) == 1


def _matrix(layer: _Layer) -> tuple[int, int]:
    """Rows and columns of a kernel such that its channels are either of them."""
    if layer.factors is not None and layer.factors.shape[0] == 1:
        return -1, layer.factors.shape[1]
    return layer.codes.shape[0], -1


class _Writer:
    """Adds tensors and operators to a model; constants of equal content are one tensor."""

    def __init__(self, model: schema.ModelT):
        self.operators: list[schema.OperatorT] = []
        self._model = model
        self._constants: dict[tuple, int] = {}
        self._tables: dict[tuple[int, int], int] = {}

    def group(self, layers: Sequence[_Layer]) -> Group:
        first = layers[0]
        count = first.codes.size
        planes = [np.stack(p) for p in zip(*(pack(x.codes, x.bits) for x in layers), strict=True)]
        codes = tuple(self._new_constant(plane) for plane in planes)
        codebook = self._new_constant(np.stack([layer.codebook for layer in layers]))
        if len(planes) == 1:
            values = self._looked_up(codes[0], codebook, first.bits, len(layers), count)
        else:
            values = self._summed(codes, codebook, first.bits, len(layers), count)
        scale = None
        if first.factors is not None:
            scale = self._new_constant(np.stack([layer.factors for layer in layers]))
            values = self._scaled(values, scale, first, len(layers))
        self._kernels(values, layers)
        errors = tuple(layer.error for layer in layers)
        return Group(
            first.bits, codebook, scale, codes, tuple(layer.tensor for layer in layers), errors
        )

    def _looked_up(self, codes: int, codebook: int, bits: int, layers: int, count: int) -> int:
        """Values of codes of one plane, `[layers, count]` or in rows of a byte's values."""
        dtype = self._type(codebook)
        length = plane_bytes(count, bits)
        per_byte = 8 // bits
        if bits == 8:
            return self._gather(codebook, self._rows(codes), (layers, length), dtype, rows=True)
        index = self._byte_table(bits)
        table = self._gather(codebook, index, (layers, 256, per_byte), dtype, axis=1)
        shape = (layers, length, per_byte)
        values = self._gather(table, self._rows(codes), shape, dtype, rows=True)
        return self._trimmed(values, layers, length * per_byte, count)

    def _summed(
        self, codes: Sequence[int], codebook: int, bits: int, layers: int, count: int
    ) -> int:
        """Values of codes of several planes, `[layers, count]`."""
        total, shift = None, 0
        for plane, width in zip(codes, PLANES[bits], strict=True):
            length, per_byte = plane_bytes(count, width), 8 // width
            shape = (layers, length, per_byte)
            values = self._gather(self._shifted(width, shift), self._rows(plane), shape, np.int32)
            if length * per_byte == count:
                values = self._reshaped(values, (layers, count))
            else:
                values = self._trimmed(values, layers, length * per_byte, count)
            if total is None:
                total = values
            else:
                total = self._operator(_Op.ADD, 1, [total, values], (layers, count), np.int32)
            shift += width
        return self._gather(codebook, total, (layers, count), self._type(codebook), rows=True)

    def _shifted(self, width: int, shift: int) -> int:
        """Tensor of what a plane's bytes contribute to the codes, int32 `[256, 8 / width]`."""
        if not shift:
            return self._byte_table(width)
        if (width, shift) not in self._tables:
            levels = self._constant(np.arange(2**width, dtype=np.int32) << shift)
            table = self._gather(levels, self._byte_table(width), (256, 8 // width), np.int32)
            self._tables[width, shift] = table
        return self._tables[width, shift]

    def _byte_table(self, width: int) -> int:
        """Tensor of the codes that each byte names, int32 `[256, 8 / width]`, stored as bytes."""
        if (width, 0) not in self._tables:
            self._tables[width, 0] = self._rows(self._constant(byte_table(width)))
        return self._tables[width, 0]

    def _rows(self, codes: int) -> int:
        """Casts bytes to the integers that GATHER takes."""
        shape = self._model.subgraphs[0].tensors[codes].shape
        return self._operator(_Op.CAST, 1, [codes], shape, np.int32)

    def _trimmed(self, values: int, layers: int, padded: int, count: int) -> int:
        """Drops what only fills the last byte of each row."""
        if padded == count:
            return values
        dtype = self._type(values)
        values = self._reshaped(values, (layers, padded))
        begin = self._constant(np.zeros(2, np.int32))
        size = self._constant(np.array([layers, count], np.int32))
        version = 2 if dtype == np.int8 else 1
        return self._operator(_Op.SLICE, version, [values, begin, size], (layers, count), dtype)

    def _scaled(self, values: int, scale: int, layer: _Layer, layers: int) -> int:
        """Multiplies values, `[layers, rows, columns]`, by the factors of their channels."""
        dtype = self._type(scale)
        rows, columns = _matrix(layer)
        size = layer.codes.size
        shape = (layers, *((rows, size // rows) if columns == -1 else (size // columns, columns)))
        values = self._reshaped(values, shape)
        version = 2 if dtype == np.int8 else 1
        product = self._operator(_Op.MUL, version, [values, scale], shape, dtype)
        if dtype == np.int8:
            for tensor in (values, scale, product):  # so that the product of integers is exact
                quantization = schema.QuantizationParametersT()
                quantization.scale = np.ones(1, np.float32)
                quantization.zeroPoint = np.zeros(1, np.int64)
                self._model.subgraphs[0].tensors[tensor].quantization = quantization
        return product

    def _kernels(self, values: int, layers: Sequence[_Layer]) -> None:
        """Lets the values be what the kernels' tensors hold."""
        graph = self._model.subgraphs[0]
        for layer in layers:
            graph.tensors[layer.tensor].buffer = 0
        shape, dtype = layers[0].codes.shape, layers[0].codebook.dtype
        if len(layers) == 1:
            self._add(_Op.RESHAPE, 1, [values, self._shape(shape)], [layers[0].tensor])
            return
        values = self._reshaped(values, (len(layers), *shape))
        options = schema.UnpackOptionsT()
        options.num, options.axis = len(layers), 0
        operator = self._add(
            _Op.UNPACK,
            2 if dtype == np.int8 else 1,
            [values],
            [layer.tensor for layer in layers],
        )
        operator.builtinOptionsType = schema.BuiltinOptions.UnpackOptions
        operator.builtinOptions = options

    def _gather(
        self,
        table: int,
        index: int,
        shape: Sequence[int],
        dtype: np.dtype,
        *,
        axis: int = 0,
        rows: bool = False,
    ) -> int:
        """Adds a GATHER. With `rows`, it takes row i of `index` from row i of `table`."""
        version = 5 if rows else 2 if dtype == np.int8 else 1
        tensor = self._operator(_Op.GATHER, version, [table, index], shape, dtype)
        if rows or axis:
            options = schema.GatherOptionsT()
            options.axis, options.batchDims = (1, 1) if rows else (axis, 0)
            self.operators[-1].builtinOptionsType = schema.BuiltinOptions.GatherOptions
            self.operators[-1].builtinOptions = options
        return tensor

    def _reshaped(self, values: int, shape: Sequence[int]) -> int:
        inputs = [values, self._shape(shape)]
        return self._operator(_Op.RESHAPE, 1, inputs, shape, self._type(values))

    def _shape(self, shape: Sequence[int]) -> int:
        return self._constant(np.array(shape, np.int32))

    def _operator(
        self,
        code: int,
        version: int,
        inputs: Sequence[int],
        shape: Sequence[int],
        dtype: np.dtype,
    ) -> int:
        """Adds an operator and the tensor that it computes."""
        output = flatbuffer.add_tensor(self._model, shape, dtype)
        self._add(code, version, inputs, [output])
        return output

    def _add(
        self, code: int, version: int, inputs: Sequence[int], outputs: Sequence[int]
    ) -> schema.OperatorT:
        operator = schema.OperatorT()
        operator.opcodeIndex = flatbuffer.operator_code(self._model, code, version)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array(outputs, np.int32)
        self.operators.append(operator)
        return operator

    def _constant(self, value: np.ndarray) -> int:
        """A constant that others may share."""
        key = value.dtype.str, value.shape, value.tobytes()
        if key not in self._constants:
            self._constants[key] = self._new_constant(value)
        return self._constants[key]

    def _new_constant(self, value: np.ndarray) -> int:
        index = flatbuffer.add_tensor(self._model, value.shape, value.dtype)
        flatbuffer.set_constant(self._model, self._model.subgraphs[0].tensors[index], value)
        return index

    def _type(self, tensor: int) -> np.dtype:
        return flatbuffer.numpy_type(self._model.subgraphs[0].tensors[tensor])
