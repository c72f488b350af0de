"""TFLite flatbuffers as Python objects: read, search, edit, write.

The object API is the one that LiteRT generates from its schema
(`ai_edge_litert.schema_py_generated`). It leaves two things to do here: the generated code writes
constants without the 16-byte alignment that the schema demands and that kernels rely on, and it
has no notion of searching.
"""

import struct
from collections.abc import Mapping

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # `force_align` of Buffer.data in the schema
_NUMPY_TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.BOOL: np.bool_,
}


class _AlignedBuffer(schema.BufferT):
    """A buffer whose bytes begin at a multiple of 16 in the file."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (name of the generated API)
        vector = None
        if self.data is not None:
            payload = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(payload), _ALIGNMENT)
            builder.head -= len(payload)
            builder.Bytes[builder.head : builder.head + len(payload)] = payload
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def parse(content: bytes) -> schema.ModelT:
    """Unpacks a flatbuffer into objects that can be edited.

    Args:
        content: A whole TFLite file that is known to be sound (the converter's, or one that an
            interpreter has accepted).
    """
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def serialise(model: schema.ModelT) -> bytes:
    """Packs `model` into a flatbuffer with identifier TFL3 and constants at multiples of 16."""
    model.buffers = [_AlignedBuffer(buffer.data) for buffer in model.buffers]
    size = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = flatbuffers.Builder(size + (1 << 16))  # growing would copy everything each time
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def constant(model: schema.ModelT, tensor: schema.TensorT) -> np.ndarray | None:
    """Value of a constant tensor; None for one that is computed or of an unusual type."""
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type not in _NUMPY_TYPES:
        return None
    shape = () if tensor.shape is None else tuple(tensor.shape)
    return np.asarray(data, np.uint8).view(_NUMPY_TYPES[tensor.type]).reshape(shape)


def set_constant(model: schema.ModelT, tensor: schema.TensorT, value: np.ndarray) -> None:
    """Gives `tensor` a constant of its own; a buffer that others share stays as it is.

    Args:
        model: The model that holds the tensor.
        tensor: Keeps its name; type and shape become those of `value`.
        value: Of a type that TFLite and numpy share (float32, int8, uint8, int32, int64, bool).
    """
    types = {np.dtype(numpy_type): code for code, numpy_type in _NUMPY_TYPES.items()}
    users = sum(
        other.buffer == tensor.buffer for graph in model.subgraphs for other in graph.tensors
    )
    if users > 1 or tensor.buffer == 0:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    tensor.type = types[value.dtype]
    tensor.shape = np.asarray(value.shape, np.int32)
    model.buffers[tensor.buffer].data = np.frombuffer(value.tobytes(), np.uint8)


def find_constants(model: schema.ModelT, value: np.ndarray) -> list[int]:
    """Indices of the tensors whose type, shape and content are those of `value`, bit for bit."""
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
    """Operators that read the tensor of this index."""
    return [operator for operator in model.subgraphs[0].operators if index in operator.inputs]


def builtin_code(model: schema.ModelT, operator: schema.OperatorT) -> int:
    """The operator's `schema.BuiltinOperator`."""
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def require_version(model: schema.ModelT, operator: schema.OperatorT, version: int) -> None:
    """Raises the version that `operator` asks of the runtime, its own only.

    A runtime that is too old then refuses the file instead of computing something else.
    """
    current = model.operatorCodes[operator.opcodeIndex]
    if current.version >= version:
        return
    for index, code in enumerate(model.operatorCodes):
        same = code.builtinCode == current.builtinCode and code.customCode == current.customCode
        if same and code.version == version:
            operator.opcodeIndex = index
            return
    code = schema.OperatorCodeT()
    code.builtinCode = current.builtinCode
    code.deprecatedBuiltinCode = current.deprecatedBuiltinCode
    code.customCode = current.customCode
    code.version = version
    model.operatorCodes.append(code)
    operator.opcodeIndex = len(model.operatorCodes) - 1


def set_metadata(model: schema.ModelT, name: str, content: bytes) -> None:
    """Adds the metadata entry `name`, or replaces it."""
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


def read_metadata(content: bytes, name: str) -> bytes | None:
    """Content of a metadata entry, read from the file without unpacking the rest.

    Args:
        content: The whole file, from wherever it came.
        name: The entry's name.

    Returns:
        Its bytes, or None where there is no such entry.

    Raises:
        ValueError: The flatbuffer is damaged.
    """
    try:
        model = schema.Model.GetRootAsModel(content, 0)
        for i in range(model.MetadataLength()):
            entry = model.Metadata(i)
            if entry.Name() == name.encode():
                if entry.Buffer() >= model.BuffersLength():
                    raise ValueError("metadata points outside the file")
                data = model.Buffers(entry.Buffer()).DataAsNumpy()
                return b"" if isinstance(data, int) else data.tobytes()
    except (
        struct.error,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise ValueError(f"damaged flatbuffer ({error})") from error
    return None


def compact(model: schema.ModelT, names: Mapping[int, str]) -> None:
    """Drops what no interpreter needs, a quarter of what a graph takes beside its constants.

    Names of tensors go, but those given and those of the inputs and outputs; so do empty
    quantization records and the empty buffer that the converter gives each computed tensor.

    Args:
        model: A model with one graph; changed in place.
        names: Names to give, by tensor index.
    """
    (graph,) = model.subgraphs
    ends = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        if index not in ends:
            tensor.name = names.get(index)
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None
    owners = [*graph.tensors, *(model.metadata or [])]
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
