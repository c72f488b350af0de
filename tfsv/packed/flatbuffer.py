"""TFLite flatbuffers as Python objects: read, search, edit, write.

The object API is the one that LiteRT generates from its schema
(`ai_edge_litert.schema_py_generated`). It leaves three things to do here. The generated code writes
constants without the 16-byte alignment that the schema demands and that kernels rely on. It writes
equal vectors (shapes, zero points) as often as they occur. It cannot search.
"""

from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.packed import fields
from tfsv.packed.reader import TableReader

IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # `force_align` of Buffer.data in the schema
_LAST_DEPRECATED = 127  # operators up to here have their number in the old field too
_NUMPY_TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.BOOL: np.bool_,
}
_TYPE_CODES = {np.dtype(numpy_type): code for code, numpy_type in _NUMPY_TYPES.items()}

KERNEL_OPERATORS = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)
"""Operators whose second input is a kernel."""


class _Buffer(schema.BufferT):
    """A buffer whose bytes were written before."""

    def __init__(self, vector: int | None):
        super().__init__()
        self.vector = vector

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (name of the generated API)
        schema.BufferStart(builder)
        if self.vector is not None:
            schema.BufferAddData(builder, self.vector)
        return schema.BufferEnd(builder)


class _Options:
    """An operator's options, written once for all operators with the same ones."""

    def __init__(self, options: object):
        self._options = options

    def Pack(self, builder: "_SharingBuilder") -> int:  # noqa: N802
        fields = vars(self._options).items()
        key = type(self._options), *((name, np.asarray(value).tobytes()) for name, value in fields)
        if key not in builder.written:
            builder.written[key] = self._options.Pack(builder)
        return builder.written[key]


class _SharingBuilder(flatbuffers.Builder):
    """A builder that refers to equal vectors of numbers and options instead of repeating them."""

    def __init__(self, size: int):
        super().__init__(size)
        self.written: dict[tuple, int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802
        key = x.dtype.str, x.tobytes()
        if key not in self.written:
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]

    def aligned_vector(self, payload: bytes) -> int:
        """Writes bytes that begin at a multiple of 16 in the file."""
        self.StartVector(1, len(payload), _ALIGNMENT)
        self.head -= len(payload)
        self.Bytes[self.head : self.head + len(payload)] = payload
        return self.EndVector()


def parse(content: bytes) -> schema.ModelT:
    """Unpacks a flatbuffer into objects that can be edited.

    Example:
        >>> model = parse(content)
        >>> names = [tensor.name for tensor in model.subgraphs[0].tensors]

    Args:
        content: A whole TFLite file that is known to be sound: the converter's, or one that an
            interpreter has accepted.
    """
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def serialise(model: schema.ModelT, last: Sequence[int] = (), empty: Sequence[int] = ()) -> bytes:
    """Packs `model` into a flatbuffer with identifier TFL3 and constants at multiples of 16.

    Example:
        >>> content = serialise(model)
        >>> Interpreter(model_content=content).allocate_tensors()

    Args:
        model: The model to write; its buffers hold numpy bytes or nothing.
        last: Buffers whose bytes end the file, in this order.
        empty: Buffers that share one empty vector, which stands before those of `last`.
    """
    payloads = [b"" if b.data is None else np.asarray(b.data).tobytes() for b in model.buffers]
    builder = _SharingBuilder(sum(map(len, payloads)) + (1 << 16))  # growing would copy everything
    vectors = {index: builder.aligned_vector(payloads[index]) for index in reversed(last)}
    if empty:
        vectors |= dict.fromkeys(empty, builder.aligned_vector(b""))
    for index, payload in enumerate(payloads):
        if payload and index not in vectors:
            vectors[index] = builder.aligned_vector(payload)
    held = model.buffers
    operators = [x for x in model.subgraphs[0].operators if x.builtinOptions is not None]
    options = [operator.builtinOptions for operator in operators]
    model.buffers = [_Buffer(vectors.get(index)) for index in range(len(held))]
    for operator in operators:
        operator.builtinOptions = _Options(operator.builtinOptions)
    try:
        builder.Finish(model.Pack(builder), IDENTIFIER)
    finally:
        model.buffers = held
        for operator, own in zip(operators, options, strict=True):
            operator.builtinOptions = own
    return bytes(builder.Output())


def numpy_type(tensor: schema.TensorT) -> np.dtype:
    """The tensor's type, one of those that TFLite and numpy share.

    Example:
        >>> graph = model.subgraphs[0]
        >>> numpy_type(graph.tensors[graph.inputs[0]])
        dtype('float32')
    """
    return np.dtype(_NUMPY_TYPES[tensor.type])


def add_tensor(model: schema.ModelT, shape: Sequence[int], dtype: np.dtype) -> int:
    """Adds a tensor that an operator will compute or `set_constant` will fill.

    Example:
        >>> index = add_tensor(model, (1, 80), np.float32)
        >>> model.subgraphs[0].tensors[index].name = "energies"

    Returns:
        Index of the tensor.
    """
    tensor = schema.TensorT()
    tensor.shape = np.array(shape, np.int32)
    tensor.type = _TYPE_CODES[np.dtype(dtype)]
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def constant(model: schema.ModelT, tensor: schema.TensorT) -> np.ndarray | None:
    """Value of a constant tensor; None for one that is computed or of an unusual type.

    Example:
        >>> graph = model.subgraphs[0]
        >>> constant(model, graph.tensors[graph.inputs[0]]) is None
        True
    """
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type not in _NUMPY_TYPES:
        return None
    shape = () if tensor.shape is None else tuple(tensor.shape)
    return np.asarray(data, np.uint8).view(_NUMPY_TYPES[tensor.type]).reshape(shape)


def set_constant(model: schema.ModelT, tensor: schema.TensorT, value: np.ndarray) -> None:
    """Gives `tensor` a constant of its own; a buffer that others share stays as it is.

    Example:
        >>> tensor = model.subgraphs[0].tensors[add_tensor(model, (2,), np.float32)]
        >>> set_constant(model, tensor, np.array([0.5, 1], np.float32))

    Args:
        model: The model that holds the tensor.
        tensor: The tensor. It keeps its name; type and shape become those of `value`.
        value: The constant, in a type that TFLite and numpy share: float32, float16, int8, uint8,
            int16 to int64, or bool.
    """
    users = sum(
        other.buffer == tensor.buffer for graph in model.subgraphs for other in graph.tensors
    )
    if users > 1 or tensor.buffer == 0:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    tensor.type = _TYPE_CODES[value.dtype]
    tensor.shape = np.asarray(value.shape, np.int32)
    model.buffers[tensor.buffer].data = np.frombuffer(value.tobytes(), np.uint8)


def find_constants(model: schema.ModelT, value: np.ndarray) -> list[int]:
    """Indices of the tensors whose type, shape and content are those of `value`, bit for bit.

    Example:
        >>> index = add_tensor(model, (2,), np.float32)
        >>> set_constant(model, model.subgraphs[0].tensors[index], value)
        >>> index in find_constants(model, value)
        True
    """
    wanted = np.ascontiguousarray(value).tobytes()
    found = []
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if tensor.shape is None or tuple(tensor.shape) != value.shape:
            continue
        held = constant(model, tensor)
        if held is not None and held.dtype == value.dtype and held.tobytes() == wanted:
            found.append(index)
    return found


def consumers(model: schema.ModelT, index: int) -> list[schema.OperatorT]:
    """Operators that read the tensor of this index.

    Example:
        >>> first = model.subgraphs[0].inputs[0]
        >>> codes = [builtin_code(model, operator) for operator in consumers(model, first)]
    """
    return [operator for operator in model.subgraphs[0].operators if index in operator.inputs]


def builtin_code(model: schema.ModelT, operator: schema.OperatorT) -> int:
    """The operator's `schema.BuiltinOperator`.

    Example:
        >>> operators = model.subgraphs[0].operators
        >>> dense = schema.BuiltinOperator.FULLY_CONNECTED
        >>> number = sum(builtin_code(model, operator) == dense for operator in operators)
    """
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def operator_code(model: schema.ModelT, builtin: int, version: int) -> int:
    """Index of the model's entry for a built-in operator of this version; adds it when needed.

    Example:
        >>> operator = schema.OperatorT()
        >>> operator.opcodeIndex = operator_code(model, schema.BuiltinOperator.GATHER, 1)
    """
    for index, code in enumerate(model.operatorCodes):
        known = max(code.builtinCode, code.deprecatedBuiltinCode)
        if known == builtin and code.version == version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = builtin
    code.deprecatedBuiltinCode = min(builtin, _LAST_DEPRECATED)
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def require_version(model: schema.ModelT, operator: schema.OperatorT, version: int) -> None:
    """Raises the version that `operator` asks of the runtime; other operators keep theirs.

    A runtime that is too old then refuses the file instead of computing something else.

    Example:
        >>> operator = model.subgraphs[0].operators[0]
        >>> require_version(model, operator, 5)
    """
    if model.operatorCodes[operator.opcodeIndex].version < version:
        builtin = builtin_code(model, operator)
        operator.opcodeIndex = operator_code(model, builtin, version)


def set_metadata(model: schema.ModelT, name: str, content: bytes) -> None:
    """Adds the metadata entry `name`, or replaces it.

    Example:
        >>> set_metadata(model, "note", b"trained on AN4")
        >>> content = serialise(model)
        >>> content[find_metadata(content, "note")]
        b'trained on AN4'
    """
    model.metadata = model.metadata or []
    for entry in model.metadata:
        if _text(entry.name) == name:
            model.buffers[entry.buffer].data = np.frombuffer(content, np.uint8)
            return
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name = name
    entry.buffer = len(model.buffers) - 1
    model.metadata.append(entry)


def drop_metadata(model: schema.ModelT, name: str) -> None:
    """Removes the metadata entry `name` if there is one; an empty buffer stays in its place.

    Example:
        >>> drop_metadata(model, "note")
        >>> find_metadata(serialise(model), "note") is None
        True
    """
    for entry in model.metadata or ():
        if _text(entry.name) == name:
            model.buffers[entry.buffer].data = None
    model.metadata = [entry for entry in model.metadata or () if _text(entry.name) != name]


def find_metadata(content: bytes, name: str) -> slice | None:
    """Where the content of a metadata entry lies in a file of any origin.

    Example:
        >>> place = find_metadata(content, "tfsv.sha256")
        >>> place.stop - place.start
        32

    Args:
        content: The whole file.
        name: The entry's name.

    Returns:
        The entry's place in `content`, or None where there is no such entry.

    Raises:
        ValueError: The flatbuffer is damaged.
    """
    model, wanted = TableReader.root(content), name.encode()
    for entry in model.tables(fields.MODEL_METADATA):
        start, end = entry.span(fields.METADATA_NAME) or (0, 0)
        if end - start == len(wanted) and content[start:end] == wanted:
            buffer = model.tables(fields.MODEL_BUFFERS)[entry.number(fields.METADATA_BUFFER)]
            return slice(*(buffer.span(fields.BUFFER_DATA) or (0, 0)))
    return None


def compact(model: schema.ModelT, names: Mapping[int, str]) -> None:
    """Drops what no interpreter needs, a quarter of what a graph takes beside its constants.

    Tensors lose their names, but for those given here and those of the inputs and outputs. They
    also lose the signatures of their shapes and empty quantization records. The empty buffer that
    the converter gives each computed tensor goes too, and so does what it notes about itself.

    Example:
        >>> compact(model, {kernel: "stem"})
        >>> content = serialise(model)

    Args:
        model: A model with one graph; changed in place.
        names: Names to give, by tensor index.
    """
    (graph,) = model.subgraphs
    ends = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        if index not in ends:
            tensor.name = names.get(index)
            tensor.shapeSignature, tensor.hasRank = None, False
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None
    noted = model.metadata or []
    model.metadata = [x for x in noted if _text(x.name) != "CONVERSION_METADATA"]
    owners = [*graph.tensors, *model.metadata]
    kept = [schema.BufferT()]  # buffer 0 is empty by convention
    moved = {}
    for owner in owners:
        data = model.buffers[owner.buffer].data
        if data is None or not len(data):
            owner.buffer = 0
            continue
        if owner.buffer not in moved:
            moved[owner.buffer] = len(kept)
            kept.append(model.buffers[owner.buffer])
        owner.buffer = moved[owner.buffer]
    model.buffers = kept


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
