"""A packed model as the plain one that XNNPACK runs at full speed: the same graph, constants.

Expansion is a copy and a few patches, so that every implementation gives the same bytes:

1. The copy ends where the codes begin: behind the empty vector that all spare buffers share.
2. Behind it come the kernels, in the order of the record. Each is a vector of bytes whose data
   starts at the next multiple of 16; gaps are zeros.
3. Each spare buffer is pointed to its kernel, and the kernel's tensor to that buffer.
4. The tensors of the codes lose their buffers, and these are pointed to the empty vector.
5. The vector of operators begins behind the decoding ones, and the graph points there. The new
   length stands in the place of the last decoding operator.
"""

import dataclasses
import io
import math

import numpy as np

from tfsv.packed import bits, fields
from tfsv.packed.flatbuffer import find_metadata
from tfsv.packed.reader import I8, U32, TableReader, TableVector
from tfsv.packed.record import RECORD_ENTRY, Group, Record

LARGEST_MODEL = 1 << 29
"""Most bytes that an expanded model may have; four times the largest float network of the field."""

_ALIGNMENT = 16
_PIECE = 1 << 20  # weights decoded at once; a multiple of 8, so that every plane has whole bytes
_TYPES = {0: np.dtype("<f4"), 3: np.dtype("u1"), 9: np.dtype("i1")}  # schema.TensorType


def is_packed(content: bytes) -> bool:
    """Whether the file has packed layers.

    Example:
        >>> content = pathlib.Path(tfsv.demo.located("demo")).read_bytes()
        >>> is_packed(content)
        True

    Raises:
        ValueError: The flatbuffer is damaged.
    """
    return find_metadata(content, RECORD_ENTRY) is not None


def expand(content: bytes) -> bytes:
    """Expands a packed model.

    Example:
        >>> plain = expand(content)
        >>> len(plain) == packed_record(content).expanded
        True

    Args:
        content: The packed file, of any origin. Everything that expansion relies on is checked
            before anything is allocated.

    Returns:
        The plain model, of exactly the size that the record declares.

    Raises:
        ValueError: The file has no packed layers, or is damaged.
    """
    return _Expansion(content).run()


def packed_record(content: bytes) -> Record:
    """The record of the packed layers.

    Example:
        >>> record = packed_record(content)
        >>> layers = sum(len(group.kernels) for group in record.groups)

    Raises:
        ValueError: The file has no record, or the record is damaged.
    """
    place = find_metadata(content, RECORD_ENTRY)
    if place is None:
        raise ValueError("has no packed layers")
    return Record.from_bytes(content[place])


def packed_groups(content: bytes) -> list["PackedGroup"]:
    """The packed layers, group by group.

    Example:
        >>> for group in packed_groups(content):
        ...     print(group.group.bits, group.shape)

    Raises:
        ValueError: The file has no packed layers, or something of them is damaged.
    """
    return _Expansion(content).groups


def finish(content: bytearray, record: Record) -> None:
    """Completes a packed file that has just been serialised, in place.

    The kernels' tensors, which refer to the spare buffers, become computed ones, and the record
    gets the size of the expanded model.

    Example:
        >>> content = bytearray(flatbuffer.serialise(model, last=codes, empty=spares))
        >>> finish(content, record)

    Args:
        content: The file; its metadata hold a record of the same length already.
        record: The record, complete but for the size of the expanded model.
    """
    model = TableReader.root(content)
    tensors = model.tables(fields.MODEL_SUBGRAPHS)[0].tables(fields.GRAPH_TENSORS)
    buffers = model.tables(fields.MODEL_BUFFERS)
    size = buffers[record.spare].span(fields.BUFFER_DATA)[0]
    for entry in record.groups:
        size += PackedGroup(entry, tensors, buffers).expanded_bytes
        for kernel in entry.kernels:
            U32.pack_into(content, tensors[kernel].slot(fields.TENSOR_BUFFER), 0)
    content[find_metadata(content, RECORD_ENTRY)] = dataclasses.replace(
        record, expanded=size
    ).to_bytes()


class PackedGroup:
    """The layers of one group, read from a packed file.

    Example:
        >>> group = packed_groups(content)[0]
        >>> group.codes(0).shape == group.shape
        True
        >>> kernel = group.decode(0).reshape(group.shape)

    Attributes:
        group: The group's entry in the record.
        shape: Shape of each kernel, in the layout of its operator.
        count: Number of weights of each kernel.
        codebooks: The codebook of each layer, int8 or float32 `[layers, 2^bits]`.
        factors: Factors on the channels, `[layers, rows, 1]` or `[layers, 1, columns]`, in the
            codebooks' type. None: no factors.
        planes: Planes of the codes, each uint8 `[layers, bytes]`.
    """

    def __init__(self, group: Group, tensors: TableVector, buffers: TableVector):
        """Reads a group and checks it.

        Args:
            group: The group's entry in the record.
            tensors: Tensors of the file's graph.
            buffers: Buffers of the file.

        Raises:
            ValueError: Something of the group is damaged.
        """
        self.group = group
        self._tensors, self._buffers = tensors, buffers
        layers = len(group.kernels)
        kernels = [tensors[index] for index in group.kernels]
        self.shape = self._shape(kernels[0])
        self.count = math.prod(self.shape)
        self.codebooks = self._constant(group.codebook, (layers, 2**group.bits))
        dtype = self.codebooks.dtype
        if dtype == np.uint8 or not 1 <= self.count <= LARGEST_MODEL:
            raise ValueError("packed layers of an impossible type or size")
        for kernel in kernels:
            if self._shape(kernel) != self.shape or self._type(kernel) != dtype:
                raise ValueError("packed layers of one group differ in shape or type")
        self.planes = [
            self._constant(index, (layers, bits.plane_bytes(self.count, width)))
            for index, width in zip(group.codes, bits.PLANES[group.bits], strict=True)
        ]
        if any(plane.dtype != np.uint8 for plane in self.planes):
            raise ValueError("codes that are not bytes")
        self.factors = None
        if group.scale is not None:
            shape = self._shape(tensors[group.scale])
            self.factors = self._constant(group.scale, shape)
            if (
                len(shape) != 3
                or shape[0] != layers
                or 1 not in shape[1:]
                or self.count % (shape[1] * shape[2])
                or self.factors.dtype != dtype
            ):
                raise ValueError("factors that do not fit their layers")

    @property
    def kernel_bytes(self) -> int:
        """Bytes of each expanded kernel."""
        return self.count * self.codebooks.dtype.itemsize

    @property
    def expanded_bytes(self) -> int:
        """Bytes that the group adds to the expanded model."""
        return len(self.group.kernels) * (_ALIGNMENT + _rounded_up(self.kernel_bytes))

    def codes(self, layer: int) -> np.ndarray:
        """The codes of a layer, uint8 of `shape`."""
        planes = [plane[layer] for plane in self.planes]
        return bits.unpack(planes, self.group.bits, self.count).reshape(self.shape)

    def decode(self, layer: int) -> np.ndarray:
        """The kernel of a layer, `[count]` in the codebooks' type."""
        values = np.empty(self.count, self.codebooks.dtype)
        for start in range(0, self.count, _PIECE):
            count = min(_PIECE, self.count - start)
            values[start : start + count] = self._piece(layer, start, count)
        if self.factors is not None:
            factors = self.factors[layer]
            rows = len(factors) if factors.shape[1] == 1 else self.count // factors.size
            matrix = values.reshape(rows, -1)
            with np.errstate(all="ignore"):
                np.multiply(matrix, factors, out=matrix)
        return values

    def _piece(self, layer: int, start: int, count: int) -> np.ndarray:
        """Centroids of a layer's codes from `start` on, a multiple of 8, as `[count]`."""
        codebook = self.codebooks[layer]
        planes = [
            plane[layer, start * width // 8 :][: bits.plane_bytes(count, width)]
            for plane, width in zip(self.planes, bits.PLANES[self.group.bits], strict=True)
        ]
        if len(planes) == 1:
            table = codebook[bits.byte_table(self.group.bits)]
            return bits.look_up(table, planes[0], count)
        table = np.pad(codebook, (0, 256 - len(codebook)))[:, np.newaxis]
        return bits.look_up(table, bits.unpack(planes, self.group.bits, count), count)

    def _constant(self, index: int, shape: tuple[int, ...]) -> np.ndarray:
        tensor = self._tensors[index]
        dtype = self._type(tensor)
        buffer = self._buffers[tensor.number(fields.TENSOR_BUFFER)]
        values = buffer.numbers(fields.BUFFER_DATA, "u1")
        if self._shape(tensor) != shape or values.size != math.prod(shape) * dtype.itemsize:
            raise ValueError("packed layers whose codes or codebooks have the wrong size")
        return values.view(dtype).reshape(shape)

    @staticmethod
    def _shape(tensor: TableReader) -> tuple[int, ...]:
        shape = tuple(tensor.numbers(fields.TENSOR_SHAPE, "<i4").tolist())
        if not 1 <= len(shape) <= 5 or min(shape) < 1:
            raise ValueError("packed layers of an impossible shape")
        return shape

    @staticmethod
    def _type(tensor: TableReader) -> np.dtype:
        dtype = _TYPES.get(tensor.number(fields.TENSOR_TYPE, I8))
        if dtype is None:
            raise ValueError("packed layers of an unknown type")
        return dtype


class _Expansion:
    def __init__(self, content: bytes):
        self._content = content
        self.record = packed_record(content)
        model = TableReader.root(content)
        graphs = model.tables(fields.MODEL_SUBGRAPHS)
        if len(graphs) != 1:
            raise ValueError(f"a model of {len(graphs)} graphs")
        self._graph = graphs[0]
        self._tensors = self._graph.tables(fields.GRAPH_TENSORS)
        self._buffers = model.tables(fields.MODEL_BUFFERS)
        kernels = [tensor for group in self.record.groups for tensor in group.kernels]
        codes = [tensor for group in self.record.groups for tensor in group.codes]
        if len({*kernels, *codes}) < len(kernels) + len(codes):
            raise ValueError("packed layers that repeat")
        self.groups = [PackedGroup(g, self._tensors, self._buffers) for g in self.record.groups]
        empty = self._buffers[self.record.spare].span(fields.BUFFER_DATA)
        if empty is None or empty[0] != empty[1] or empty[0] % _ALIGNMENT:
            raise ValueError("no place for expanded layers")
        self._start = empty[0]
        self._size = self._start + sum(group.expanded_bytes for group in self.groups)
        if self._size != self.record.expanded or self._size > LARGEST_MODEL:
            raise ValueError(
                f"would expand to {self._size} bytes instead of the declared {self.record.expanded}"
            )

    def run(self) -> bytes:
        out = io.BytesIO()  # gives away its bytes without another copy
        out.seek(self._size - 1)
        out.write(b"\0")
        self._write(out, 0, memoryview(self._content)[: self._start])
        data = self._start + _ALIGNMENT
        spare = self.record.spare
        for group in self.groups:
            for layer, kernel in enumerate(group.group.kernels):
                self._write(out, data - 4, U32.pack(group.kernel_bytes))
                self._write(out, data, group.decode(layer).data)
                self._point(out, self._buffers[spare], data - 4)
                self._patch(out, self._tensors[kernel].slot(fields.TENSOR_BUFFER), spare)
                data += _rounded_up(group.kernel_bytes) + _ALIGNMENT
                spare += 1
            for index in group.group.codes:
                tensor = self._tensors[index]
                buffer = self._buffers[tensor.number(fields.TENSOR_BUFFER)]
                self._point(out, buffer, self._start - 4)
                self._patch(out, tensor.slot(fields.TENSOR_BUFFER), 0)
        self._cut_decoding(out)
        return out.getvalue()

    def _cut_decoding(self, out: io.BytesIO) -> None:
        operators = self._graph.tables(fields.GRAPH_OPERATORS)
        decoding = self.record.decoding
        if not 1 <= decoding < len(operators):
            raise ValueError(f"{decoding} decoding operators of {len(operators)}")
        slot = self._graph.slot(fields.GRAPH_OPERATORS)
        length = operators.position + 4 * (decoding - 1)
        self._patch(out, slot, length - slot)
        self._patch(out, length, len(operators) - decoding)

    def _point(self, out: io.BytesIO, buffer: TableReader, target: int) -> None:
        slot = buffer.slot(fields.BUFFER_DATA)
        self._patch(out, slot, -1 if slot is None else target - slot)

    def _patch(self, out: io.BytesIO, slot: int | None, value: int) -> None:
        if slot is None or slot + 4 > self._start or value < 0:
            raise ValueError("packed layers that cannot be expanded in place")
        self._write(out, slot, U32.pack(value))

    @staticmethod
    def _write(out: io.BytesIO, position: int, content: bytes | memoryview) -> None:
        out.seek(position)
        out.write(content)


def _rounded_up(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
