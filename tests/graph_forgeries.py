"""Graphs that were forged: a model's with changes in it, and ones of a single operator.

Each forgery is known by its seed and number. It has the card of a sound model and is sealed, so
that nothing but its graph is wrong. Half of the changed graphs state shapes of ones for what
operators compute, as converters do for axes of any length; then no other statement of the file
contradicts the change. `tests/hostile.py` opens them in processes that may die of it.
"""

import copy
import functools
import pickle
import random
import struct
from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.packed import expand, flatbuffer, graph_rules, operator_table, record, seal
from tfsv.packed.graph_reader import LETTERS

_INTEGERS = (-(2**31), -65536, -7, -2, -1, 0, 1, 2, 3, 4, 5, 7, 16, 127, 128, 255, 4096, 65536)
_INTEGERS += (2**20, 2**28, 2**30, 2**31 - 1)
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 1e-38, 1e-20, 1e-3, 1.0, 50.0, 1e20, 3e38)
_TYPES = {letter: code for code, letter in LETTERS.items()} | {"Q": 9, "K": 9}
_KINDS = {
    number: name for name, number in vars(schema.BuiltinOptions).items() if isinstance(number, int)
}
_METADATA = (
    "min_runtime_version",
    "reduced_precision_support",
    "buffer_location",
    "x",
    "tfsv.card",
)


def graph_forgery(content: bytes, seed: int, number: int) -> bytes:
    """A model's graph with one to three changes, sealed; a packed model is expanded first."""
    drawn = random.Random(f"graph {seed} {number}")
    while True:
        model = pickle.loads(_pickled(content))  # four times as fast as a deep copy
        try:
            for _ in range(drawn.choice((1, 1, 1, 2, 3))):
                drawn.choice(_CHANGES)(model, drawn)
            if drawn.random() < 0.5:
                _forget_shapes(model)
            return seal.seal(flatbuffer.serialise(model))
        except (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue  # what no flatbuffer can say


@functools.lru_cache(maxsize=2)
def _plain(content: bytes) -> schema.ModelT:
    packed = expand.is_packed(content)
    model = flatbuffer.parse(expand.expand(content) if packed else content)
    flatbuffer.drop_metadata(model, record.RECORD_ENTRY)
    flatbuffer.set_metadata(model, seal.SEAL_ENTRY, seal.BLANK)
    return model


@functools.lru_cache(maxsize=2)
def _pickled(content: bytes) -> bytes:
    return pickle.dumps(_plain(content))


def _forget_shapes(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    for operator in graph.operators:
        for index in np.asarray(operator.outputs).tolist():
            if 0 <= index < len(graph.tensors) and graph.tensors[index].shape is not None:
                tensor = graph.tensors[index]
                tensor.shape, tensor.shapeSignature = np.ones(len(tensor.shape), np.int32), None


def _integer(drawn: random.Random, before: int = 0) -> int:
    if drawn.random() < 0.4:
        return max(-(2**31), min(2**31 - 1, before + drawn.choice((-2, -1, 1, 2, 8))))
    return drawn.choice(_INTEGERS)


def _tensor(model: schema.ModelT, drawn: random.Random) -> schema.TensorT:
    return drawn.choice(model.subgraphs[0].tensors)


def _operator(model: schema.ModelT, drawn: random.Random) -> schema.OperatorT:
    return drawn.choice(model.subgraphs[0].operators)


def _other_operator(model: schema.ModelT, drawn: random.Random) -> None:
    operator = _operator(model, drawn)
    known = drawn.random() < 0.7
    code = drawn.choice([*operator_table.BY_CODE]) if known else drawn.randrange(210)
    version = drawn.choice((1, 1, 1, 2, 3, 5, 9))
    kinds = [0]
    if known:
        version = drawn.choice(sorted(operator_table.BY_CODE[code].versions))
        kinds = sorted(operator_table.BY_CODE[code].options)
    operator.opcodeIndex = flatbuffer.operator_code(model, code, version)
    if drawn.random() < 0.7:
        _set_options(operator, drawn.choice(kinds), drawn)


def _set_options(operator: schema.OperatorT, kind: int, drawn: random.Random) -> None:
    operator.builtinOptionsType, operator.builtinOptions = kind, None
    if kind:
        operator.builtinOptions = getattr(schema, f"{_KINDS[kind]}T")()
        fields = operator_table.FIELDS.get(kind, ())
        for name, field in zip(vars(operator.builtinOptions), fields, strict=False):
            value = drawn.choice((field.lowest, field.highest, field.default, 1, 2))
            if field.width == "v":
                value = [drawn.randrange(-1, 4) for _ in range(drawn.randrange(3))]
            elif field.width != "f":
                value = int(max(field.lowest, min(field.highest, value)))
            setattr(operator.builtinOptions, name, value)


def _other_code(model: schema.ModelT, drawn: random.Random) -> None:
    code = drawn.choice(model.operatorCodes)
    if drawn.random() < 0.3:
        code = schema.OperatorCodeT()
        model.operatorCodes.append(code)
    builtin = drawn.randrange(212)
    code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, 127)
    code.version = drawn.choice((0, 1, 1, 2, 3, 12, 99, -1))
    if drawn.random() < 0.2:
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = drawn.choice((None, b"", b"FlexConv2D", b"VarHandle"))


def _swap_operators(model: schema.ModelT, drawn: random.Random) -> None:
    operators = model.subgraphs[0].operators
    a, b = drawn.randrange(len(operators)), drawn.randrange(len(operators))
    match drawn.randrange(4):
        case 0:
            operators[a], operators[b] = operators[b], operators[a]
        case 1:
            operators.insert(a, copy.deepcopy(operators[b]))
        case 2:
            del operators[a]
        case 3:
            first, second = operators[a], operators[b]
            first.opcodeIndex, second.opcodeIndex = second.opcodeIndex, first.opcodeIndex


def _type(model: schema.ModelT, drawn: random.Random) -> None:
    _tensor(model, drawn).type = drawn.choice(
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 16, 17, 22)
    )


def _shape(model: schema.ModelT, drawn: random.Random) -> None:
    tensor = _tensor(model, drawn)
    shape = [] if tensor.shape is None else np.asarray(tensor.shape).tolist()
    match drawn.randrange(5):
        case 0 | 1 if shape:
            place = drawn.randrange(len(shape))
            shape[place] = _integer(drawn, shape[place])
        case 2:
            shape = shape[1:] if drawn.random() < 0.5 else shape[:-1]
        case 3:
            shape.insert(drawn.randint(0, len(shape)), drawn.choice((0, 1, 1, 2, 65536)))
        case _:
            drawn.shuffle(shape)
    tensor.shape = np.array(shape, np.int64).astype(np.int32)
    if drawn.random() < 0.2:
        tensor.shapeSignature = np.array([drawn.choice((-1, 1, 7)) for _ in shape], np.int32)


def _buffer(model: schema.ModelT, drawn: random.Random) -> None:
    tensor, other = _tensor(model, drawn), _tensor(model, drawn)
    match drawn.randrange(4):
        case 0:
            tensor.buffer = other.buffer
        case 1:
            tensor.buffer = drawn.choice((0, len(model.buffers) - 1, len(model.buffers), 2**31))
        case 2:
            data = model.buffers[drawn.randrange(len(model.buffers))]
            held = b"" if data.data is None else np.asarray(data.data).tobytes()
            data.data = np.frombuffer(held[: drawn.randint(0, len(held))], np.uint8)
        case 3:
            tensor.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            size = drawn.choice((0, 1, 4, 16, 4096))
            model.buffers[-1].data = np.zeros(size, np.uint8)


def _options(model: schema.ModelT, drawn: random.Random) -> None:
    operators = [x for x in model.subgraphs[0].operators if x.builtinOptions is not None]
    operator = drawn.choice(operators)
    names = [*vars(operator.builtinOptions)]
    match drawn.randrange(8):
        case 0:
            operator.builtinOptions, operator.builtinOptionsType = None, 0
        case 1:
            _set_options(operator, drawn.choice([*operator_table.FIELDS]), drawn)
        case _ if names:
            name = drawn.choice(names)
            before = getattr(operator.builtinOptions, name)
            if isinstance(before, bool):
                setattr(operator.builtinOptions, name, not before)
            elif isinstance(before, int):
                value = _integer(drawn, before) if before > 3 or drawn.random() < 0.5 else None
                setattr(
                    operator.builtinOptions, name, drawn.randrange(5) if value is None else value
                )
            elif isinstance(before, float):
                setattr(operator.builtinOptions, name, drawn.choice(_FLOATS))


def _operands(model: schema.ModelT, drawn: random.Random) -> None:
    operator, tensors = _operator(model, drawn), len(model.subgraphs[0].tensors)
    name = drawn.choice(("inputs", "outputs"))
    held = np.asarray(getattr(operator, name)).tolist()
    other = drawn.choice((drawn.randrange(tensors), drawn.randrange(tensors), -1, -2, tensors))
    if drawn.random() < 0.3:
        other = int(drawn.choice(np.asarray(_operator(model, drawn).inputs).tolist() or [0]))
    match drawn.randrange(4):
        case 0 | 1 if held:
            held[drawn.randrange(len(held))] = other
        case 2 if held:
            del held[drawn.randrange(len(held))]
        case _:
            held.insert(drawn.randint(0, len(held)), other)
    setattr(operator, name, np.array(held, np.int32))


def _scales(model: schema.ModelT, drawn: random.Random) -> None:
    tensors = model.subgraphs[0].tensors
    scaled = [x for x in tensors if x.quantization is not None] or tensors
    tensor = drawn.choice(scaled if drawn.random() < 0.8 else tensors)
    held = tensor.quantization
    if held is None or held.scale is None:
        held = tensor.quantization = schema.QuantizationParametersT()
        held.scale, held.zeroPoint = np.ones(1, np.float32), np.zeros(1, np.int64)
        held.quantizedDimension = 0
        return
    scale, zero = np.array(held.scale), np.array(held.zeroPoint)
    match drawn.randrange(6):
        case 0 | 1:
            scale[drawn.randrange(len(scale))] = drawn.choice(_FLOATS)
        case 2:
            scale *= np.float32(drawn.choice((1e-30, 1e-6, 0.01, 3, 100, 1e6, 1e30)))
        case 3 if len(zero):
            zero[drawn.randrange(len(zero))] = drawn.choice((-129, -128, 1, 127, 2**31, 2**62))
        case 4:
            count = drawn.choice((0, 1, 2, len(scale) + 1))
            scale, zero = np.resize(scale, count), np.resize(zero, count)
        case _:
            held.quantizedDimension = drawn.choice((-1, 0, 1, 2, 3, 4, 2**31 - 1))
    held.scale, held.zeroPoint = scale.astype(np.float32), zero
    if drawn.random() < 0.1:
        tensor.quantization = None


def _flags(model: schema.ModelT, drawn: random.Random) -> None:
    tensor = _tensor(model, drawn)
    match drawn.randrange(4):
        case 0 | 1:
            tensor.isVariable = True
        case 2:
            tensor.sparsity = schema.SparsityParametersT()
            tensor.sparsity.traversalOrder = np.array([0, 1], np.int32)
        case 3:
            tensor.hasRank = True
            tensor.variantTensors = [schema.VariantSubTypeT()]


def _constant(model: schema.ModelT, drawn: random.Random) -> None:
    """Other numbers in a constant of integers: axes, orders, margins, sizes, indices."""
    held = []
    for tensor in model.subgraphs[0].tensors:
        value = flatbuffer.constant(model, tensor) if tensor.buffer < len(model.buffers) else None
        if value is not None and value.dtype.kind == "i" and 0 < value.size <= 4096:
            held.append((tensor, value))
    if held:
        tensor, value = drawn.choice(held)
        value = value.copy()
        place = drawn.randrange(value.size)
        limits = np.iinfo(value.dtype)
        other = _integer(drawn, int(value.flat[place]))
        value.flat[place] = max(limits.min, min(limits.max, other))
        flatbuffer.set_constant(model, tensor, value)


def _ends(model: schema.ModelT, drawn: random.Random) -> None:
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    tensors = len(graph.tensors)
    match drawn.randrange(7):
        case 0:
            graph.inputs = np.array([*graph.inputs, drawn.randrange(tensors)], np.int32)
        case 1:
            graph.outputs = np.array([drawn.randrange(tensors)], np.int32)
        case 2:
            entry = drawn.choice(signature.inputs + signature.outputs)
            entry.tensorIndex = drawn.choice((drawn.randrange(tensors), tensors, 2**31))
        case 3:
            signature.subgraphIndex = drawn.choice((1, 2**31))
        case 4:
            drawn.choice(signature.inputs + signature.outputs).name = None
        case 5:
            signature.signatureKey = None
        case 6:
            index = drawn.randrange(tensors)
            graph.inputs, signature.inputs[0].tensorIndex = np.array([index], np.int32), index


def _model(model: schema.ModelT, drawn: random.Random) -> None:
    match drawn.randrange(6):
        case 0:
            model.subgraphs.append(copy.deepcopy(model.subgraphs[0]))
        case 1:
            model.version = drawn.choice((0, 1, 2, 4))
        case 2:
            size = drawn.choice((0, 1, 16, 4096))
            flatbuffer.set_metadata(
                model, drawn.choice(_METADATA), bytes([drawn.choice((0, 49))]) * size
            )
        case 3:
            drawn.choice(model.metadata).buffer = drawn.choice((0, 1, len(model.buffers), 2**31))
        case 4:
            model.signatureDefs.append(copy.deepcopy(model.signatureDefs[0]))
        case 5:
            model.metadataBuffer = np.array([0, 1, 2**30], np.int32)


_CHANGES: tuple[Callable[[schema.ModelT, random.Random], None], ...] = (
    _other_operator, _other_operator, _other_operator, _other_code, _swap_operators, _type, _shape,
    _buffer, _options, _options, _operands, _operands, _scales, _scales, _flags, _constant,
    _constant, _ends, _model,
)  # fmt: skip


# A single operator.


def lone_operator(content: bytes, seed: int, number: int) -> bytes:
    """A model of one operator of the table, drawn at random, with the card of `content`."""
    drawn = random.Random(f"lone {seed} {number}")
    held = _plain(content)
    model = copy.copy(held)
    model.buffers = [schema.BufferT()]
    model.metadata = []
    for entry in held.metadata:
        payload = held.buffers[entry.buffer].data
        flatbuffer.set_metadata(model, entry.name.decode(), np.asarray(payload).tobytes())
    model.operatorCodes, graph = [], schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    model.subgraphs = [graph]
    code = drawn.choice([*operator_table.BY_CODE])
    rule = operator_table.BY_CODE[code]
    taken, given = drawn.choice(sorted(rule.types)).split(">")
    taken, given = (_repeated(letters, drawn) for letters in (taken, given))
    rank = drawn.choice((1, 2, 2, 3, 3, 4, 4, 4, 4, 5))
    first = [drawn.choice((1, 2, 3, 4, 6, 8, 16)) for _ in range(rank)]
    made = [_operand(model, letter, n, first, drawn) for n, letter in enumerate(taken)]
    results = [_operand(model, letter, -1, first, drawn) for letter in given]
    operator = schema.OperatorT()
    version = drawn.choice(sorted(rule.versions))
    operator.opcodeIndex = flatbuffer.operator_code(model, code, version)
    operator.inputs, operator.outputs = np.array(made, np.int32), np.array(results, np.int32)
    _set_options(operator, drawn.choice(sorted(rule.options)), drawn)
    graph.operators.append(operator)
    inputs = [x for x in made if x >= 0 and graph.tensors[x].buffer == 0]
    inputs = [x for x in inputs if not graph.tensors[x].isVariable]
    graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(results, np.int32)
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = (
        [_entry(f"{end}{index}", index) for index in held]
        for end, held in (("x", inputs), ("y", results))
    )
    model.signatureDefs = [signature]
    for rank in range(6):  # whichever is that of what comes out
        forged = seal.seal(flatbuffer.serialise(model))
        try:
            graph_rules.check_graph(forged)
            break
        except ValueError:
            for index in results:
                graph.tensors[index].shape = np.ones(rank, np.int32)
    return forged


def _repeated(letters: str, drawn: random.Random) -> str:
    while "*" in letters:
        place = letters.index("*")
        times = letters[place - 1] * drawn.randrange(4)
        letters = letters[:place] + times + letters[place + 1 :]
    return letters


def _operand(
    model: schema.ModelT, letter: str, place: int, first: list[int], drawn: random.Random
) -> int:
    """Adds a tensor, constant or not, that may fit; -1 for one that is left out."""
    if letter == "-":
        return -1
    graph, shape = model.subgraphs[0], list(first)
    if place > 0 and drawn.random() < 0.6:
        side = drawn.choice(first)
        choices = [[], [1], [2], [len(first)], [len(first), 2], [side], first[-1:], first[1:]]
        choices += [[drawn.choice((1, 2, 4, 8)), 3, 3, first[-1]], [4, first[-1]], [1, 2, 2, 16]]
        shape = drawn.choice(choices)
    elif place > 0 and drawn.random() < 0.3:
        shape = [drawn.choice((1, side)) for side in first]
    elif place < 0:
        shape = [1] * drawn.choice((len(first), len(first), len(first) - 1, len(first) + 1, 2, 0))
    tensor = schema.TensorT()
    tensor.shape, tensor.type = np.array(shape, np.int32), _TYPES[letter]
    if letter in "QK":
        axis = drawn.choice((0, len(shape) - 1))
        count = 1 if letter == "Q" or not shape else shape[axis]
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.full(count, drawn.choice((0.01, 0.5, 1, 1e-30)), np.float32)
        zero = drawn.choice((0, 0, -128, 5)) if letter == "Q" else 0
        tensor.quantization.zeroPoint = np.full(count, zero, np.int64)
        tensor.quantization.quantizedDimension = max(axis, 0)
    graph.tensors.append(tensor)
    tensor.name = f"t{len(graph.tensors)}"
    likely = 0.9 if letter in "ils" and place else 0.5 if place else 0.15
    if place >= 0 and drawn.random() < likely:
        size = int(np.prod(shape, dtype=np.int64))
        kind = {"f": "f4", "i": "i4", "l": "i8", "s": "i2", "c": "c8"}.get(letter, "i1")
        if letter in "ils" and drawn.random() < 0.15:
            value = np.array([_integer(drawn) for _ in range(size)], np.int64)
            value = np.clip(value, -(2**15), 2**15 - 1) if letter == "s" else value
        elif letter in "ils" and drawn.random() < 0.3:
            value = np.resize(np.array([*first, 1, 2]), size)
        else:
            value = np.array([drawn.randrange(-1, 4) for _ in range(size)], np.int64)
            if letter == "b":
                value = value > 0
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
        model.buffers[-1].data = np.frombuffer(value.astype(kind).tobytes(), np.uint8)
    elif letter == "f" and place in (18, 19) and drawn.random() < 0.9:
        tensor.isVariable = True
    return len(graph.tensors) - 1


def _entry(name: str, index: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
