"""The graph of a model of any origin, read whole and fast into plain lists.

Whatever the file says that files of tfsv do not say is refused: fields of later schemas, custom
operators, tensors that are sparse, constants of another size than their shape, scales that are not
positive.
"""

import dataclasses
import functools
import struct

import numpy as np

from tfsv.packed.operands import HIGHEST_RANK, LARGEST_SIDE, ForeignGraphError, Shape
from tfsv.packed.operator_table import BY_CODE, FIELDS, Operator
from tfsv.packed.word_reader import WordReader

LETTERS = {0: "f", 1: "h", 2: "i", 3: "u", 4: "l", 6: "b", 7: "s", 8: "c", 9: "q"}
"""Letters of the types of tensors, by the schema's number."""

WIDTHS = {"f": 4, "h": 2, "i": 4, "u": 1, "l": 8, "b": 1, "s": 2, "c": 8, "q": 1, "Q": 1, "K": 1}
"""Bytes of an element, by letter."""

METADATA = (b"min_runtime_version", b"tfsv.card", b"tfsv.cohort", b"tfsv.packed", b"tfsv.sha256")
"""Names of the entries that a file may have, each once."""

_SCHEMA = 3
_LAST_OLD = 127  # operators up to here have their number in the old field too
_LONGEST_VERSION = 64
_INFINITE = 0x7F800000  # as a word; those of positive finite floats are below it
_MANY = 64
_LONGEST_CONSTANT = 1 << 20  # bytes of one that is looked into
_MOST_OPERANDS = 1 << 20  # many operators may share long vectors

# Fields of the schema's tables, in order, as `WordReader.table` takes them.
_MODEL = "iooooxoox"
_CODE = "bxiix"
_GRAPH = "ooooox"
_TENSOR = "obioobxobx"
_QUANTIZATION = "xxooxxi"
_OPERATOR = "ioobo" + "xxx" + "o" + "x" * 6
_BUFFER = "oxx"
_NAMED = "oi"
_SIGNATURE = "oooxi"


@dataclasses.dataclass(slots=True)
class Graph:
    """What a file says of its graph.

    Example:
        >>> graph = read_graph(content)
        >>> [operator.rule.name for operator in graph.operators][:2]
        ['MEAN', 'SUB']

    Attributes:
        shapes: Shape of each tensor, as it stands in the file.
        letters: Type of each tensor, one of `WIDTHS`.
        scales: Largest scale of each tensor that has scales; 0 for others.
        constants: Where the bytes of each constant tensor start and end; None for others.
        variables: Tensors that keep their values from run to run.
        operators: The operators, in the order in which they run.
        inputs: Tensors that the graph takes.
        outputs: Tensors that the graph gives.
        words: The file as int32, for constants.
    """

    shapes: list[Shape]
    letters: list[str]
    scales: list[float]
    constants: list[tuple[int, int] | None]
    variables: set[int]
    operators: list["Step"]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    words: memoryview

    def integers(self, tensor: int) -> tuple[int, ...] | None:
        """The values of a constant of int16, int32 or int64; None for other tensors."""
        place = self.constants[tensor]
        if place is None:
            return None
        start, end = place
        if end - start > _LONGEST_CONSTANT:
            raise ForeignGraphError("a vector that is too long")
        if self.letters[tensor] == "i" and end - start <= _MANY:
            return tuple(self.words[start >> 2 : end >> 2])
        kind = {"i": "<i4", "s": "<i2", "l": "<i8"}.get(self.letters[tensor])
        if kind is None:
            return None
        return tuple(
            np.frombuffer(self.words.obj, kind, (end - start) // int(kind[2]), start).tolist()
        )


@dataclasses.dataclass(slots=True)
class Step:
    """An operator of a graph.

    Attributes:
        rule: What the table says of it.
        inputs: Tensors that it reads; -1 for one that is left out.
        outputs: Tensors that it writes.
        options: Its options, in the order of the schema; empty where it has none.

    Example:
        >>> read_graph(content).operators[0].rule.name
        'MEAN'
    """

    rule: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple


def read_graph(content: bytes) -> Graph:
    """Reads the graph of a model.

    Example:
        >>> graph = read_graph(content)
        >>> len(graph.operators), len(graph.shapes)
        (227, 346)

    Args:
        content: A whole TFLite file, of any origin.

    Raises:
        ValueError: The flatbuffer is damaged.
        ForeignGraphError: The file says what no file of tfsv says.
    """
    try:
        return _Reading(content).graph()
    except (IndexError, struct.error) as error:
        raise ValueError("damaged flatbuffer (an offset leads out of the file)") from error


class _Reading(WordReader):
    def __init__(self, content: bytes):
        super().__init__(content)
        self.buffers: list[tuple[int, int]] = []
        self.operands = 0
        self.shapes: dict[int, Shape] = {}
        self.quantizations: dict[int, tuple[int, int, float]] = {}
        self.options: dict[tuple[int, int], tuple] = {}

    def graph(self) -> Graph:
        model, fields = self.table(0, _MODEL)
        if self.number(model, fields[1]) != _SCHEMA:
            raise ForeignGraphError("a schema of another version")
        graphs = self.tables(model, fields[3])
        if len(graphs) != 1:
            raise ForeignGraphError(f"a model of {len(graphs)} graphs")
        vector = self.vector
        buffers = self.all_tables(model, fields[5], _BUFFER)
        self.buffers = [vector(at, inside[1], 1) for at, inside in buffers]
        if not self.buffers or self.buffers[0][0] != self.buffers[0][1]:
            raise ForeignGraphError("no empty buffer to begin with")
        self.check_metadata(self.tables(model, fields[7]))
        codes = [self.code(*table) for table in self.all_tables(model, fields[2], _CODE)]
        graph, inside = self.table(graphs[0], _GRAPH)
        found = Graph([], [], [], [], set(), [], (), (), self.words)
        for table in self.all_tables(graph, inside[1], _TENSOR):
            self.tensor(*table, found)
        found.inputs = self.integers(graph, inside[2])
        found.outputs = self.integers(graph, inside[3])
        found.operators = [
            self.operator(*table, codes) for table in self.all_tables(graph, inside[4], _OPERATOR)
        ]
        self.check_signatures(self.tables(model, fields[8]), found)
        return found

    def code(self, place: int, fields: tuple[int, ...]) -> Operator:
        code = max(self.byte(place, fields[1]), self.number(place, fields[4]))
        if self.byte(place, fields[1]) > _LAST_OLD:
            raise ForeignGraphError("an operator of a negative number")
        version = self.number(place, fields[3], 1)
        found = BY_CODE.get(code)
        if found is None:
            raise ForeignGraphError(f"{operator_name(code)}, an operator that is not in its table")
        if version not in found.versions:
            raise ForeignGraphError(f"{found.name} of version {version}")
        return found

    def tensor(self, place: int, fields: tuple[int, ...], found: Graph) -> None:
        _, shape, kind, buffer, _, quantization, variable, _, signature, _, _ = fields
        dimensions = None
        if shape:
            dimensions = self.shapes.get(place + shape + self.words[(place + shape) >> 2])
        if dimensions is None:
            dimensions = self.shape(place, shape)
        if signature:
            stated = self.integers(place, signature)
            if len(stated) != len(dimensions) or any(
                a not in (-1, b) for a, b in zip(stated, dimensions, strict=True)
            ):
                raise ForeignGraphError("two shapes of one tensor")
        letter = LETTERS.get(self.content[place + kind] if kind else 0)
        if letter is None:
            raise ForeignGraphError("a tensor of a type that no file of tfsv has")
        scale = 0.0
        if quantization:
            number, axis, scale = self.quantization(place + quantization)
            if number:
                if letter == "q":
                    letter = "Q" if number == 1 else "K"
                elif letter != "i":
                    raise ForeignGraphError("scales of a tensor without codes")
                if number > 1 and (axis >= len(dimensions) or dimensions[axis] != number):
                    raise ForeignGraphError("scales that do not fit their tensor")
        number = self.words[(place + buffer) >> 2] if buffer else 0
        if not 0 <= number < len(self.buffers):
            raise ValueError(f"damaged flatbuffer (buffer {number} of {len(self.buffers)})")
        start, end = self.buffers[number]
        if end == start:
            constant = None
        else:
            constant = start, end
            width = WIDTHS[letter]
            for side in dimensions:
                width *= side
            if width != end - start:
                raise ForeignGraphError("a constant of another size than its shape")
            if start & 15:
                raise ForeignGraphError("a constant that is not aligned")
        if letter == "h" and constant is None:
            raise ForeignGraphError("float16 that is no constant")
        if variable and self.content[place + variable]:
            if constant is not None:
                raise ForeignGraphError("a constant that is a variable")
            found.variables.add(len(found.shapes))
        found.shapes.append(dimensions)
        found.letters.append(letter)
        found.scales.append(scale)
        found.constants.append(constant)

    def shape(self, place: int, field: int) -> Shape:
        if not field:
            return ()
        found = self.integers(place, field)
        if len(found) > HIGHEST_RANK:
            raise ForeignGraphError(f"a tensor of {len(found)} axes")
        if not all(0 < side < LARGEST_SIDE for side in found):
            raise ForeignGraphError("a tensor of an impossible shape")
        self.shapes[place + field + self.words[(place + field) >> 2]] = found
        return found

    def quantization(self, slot: int) -> tuple[int, int, float]:
        """Number of a tensor's scales, their axis, and the largest of them."""
        place, fields = self.table(slot, _QUANTIZATION)
        found = self.quantizations.get(place)
        if found is None:
            found = self.quantizations[place] = self.read_quantization(place, fields)
        return found

    def read_quantization(self, place: int, fields: tuple[int, ...]) -> tuple[int, int, float]:
        start, end = self.vector(place, fields[3], 4)
        number, axis = (end - start) // 4, self.number(place, fields[7])
        if not number:
            zeros, after = self.vector(place, fields[4], 8)
            if after > zeros:
                raise ForeignGraphError("zero points without scales")
            return 0, 0, 0.0
        bits = self.words[start >> 2 : end >> 2]
        if number > _MANY:
            array = np.frombuffer(self.content, "<i4", number, start)
            lowest, highest = int(array.min()), int(array.max())
        else:
            lowest, highest = min(bits), max(bits)
        if not 0 < lowest <= highest < _INFINITE:
            raise ForeignGraphError("scales that are not positive and finite")
        zeros, after = self.vector(place, fields[4], 8)
        if after - zeros != 8 * number or axis < 0:
            raise ForeignGraphError("scales that do not fit their zero points")
        if number == 1:
            if not -128 <= struct.unpack_from("<q", self.content, zeros)[0] <= 127:
                raise ForeignGraphError("a zero point out of range")
        elif self.content.count(0, zeros, after) != after - zeros:
            raise ForeignGraphError("zero points of a kernel")
        return number, axis, struct.unpack("<f", struct.pack("<i", highest))[0]

    def operator(self, place: int, fields: tuple[int, ...], codes: list[Operator]) -> Step:
        code = self.words[(place + fields[1]) >> 2] if fields[1] else 0
        if not 0 <= code < len(codes):
            raise ValueError("damaged flatbuffer (an operator without code)")
        rule = codes[code]
        kind = self.content[place + fields[4]] if fields[4] else 0
        if kind not in rule.options or (fields[5] != 0) != (kind != 0):
            raise ForeignGraphError(f"{rule.name} with other options")
        if fields[9] and self.integers(place, fields[9]):
            raise ForeignGraphError(f"{rule.name} with intermediate tensors")
        options: tuple = ()
        if kind:
            at = place + fields[5]
            key = kind, at + self.words[at >> 2]
            known = self.options.get(key)
            if known is None:
                known = self.options[key] = self.read_options(at, kind, rule)
            options = known
        inputs, outputs = self.integers(place, fields[2]), self.integers(place, fields[3])
        self.operands += len(inputs) + len(outputs)
        if self.operands > _MOST_OPERANDS:
            raise ForeignGraphError("operators of too many tensors")
        return Step(rule, inputs, outputs, options)

    def read_options(self, slot: int, kind: int, rule: Operator) -> tuple:
        fields = FIELDS[kind]
        place, offsets = self.table(slot, _layout_of(kind))
        found = []
        for field, offset in zip(fields, offsets[1:], strict=True):
            if field.width == "v":
                found.append(self.integers(place, offset))
                continue
            if not offset:
                value = field.default
            elif field.width == "b":
                value = self.content[place + offset]
            elif field.width == "i":
                value = self.words[(place + offset) >> 2]
            else:
                value = struct.unpack_from("<f", self.content, place + offset)[0]
            if not field.lowest <= value <= field.highest:
                raise ForeignGraphError(f"{rule.name} with an option out of range")
            found.append(value)
        return tuple(found)

    def check_metadata(self, slots: range) -> None:
        names = []
        for slot in slots:
            place, fields = self.table(slot, _NAMED)
            name, number = self.text(place, fields[1]), self.number(place, fields[2])
            names.append(name)
            if name not in METADATA or len(names) > len(METADATA):
                raise ForeignGraphError("a metadata entry that no file of tfsv has")
            if not 0 < number < len(self.buffers):
                raise ValueError("damaged flatbuffer (metadata without a buffer)")
            start, end = self.buffers[number]
            if name == METADATA[0] and not 0 < end - start <= _LONGEST_VERSION:
                raise ForeignGraphError("a runtime's version that is none")
        if len(set(names)) < len(names):
            raise ForeignGraphError("a metadata entry that repeats")

    def check_signatures(self, slots: range, graph: Graph) -> None:
        if len(slots) > 1:
            raise ForeignGraphError(f"{len(slots)} signatures")
        for slot in slots:
            place, fields = self.table(slot, _SIGNATURE)
            if not self.text(place, fields[3]) or self.number(place, fields[5]):
                raise ForeignGraphError("a signature of another graph")
            for field, wanted in ((fields[1], graph.inputs), (fields[2], graph.outputs)):
                entries = self.tables(place, field)
                if len(entries) != len(wanted):
                    raise ForeignGraphError("a signature of other inputs or outputs")
                numbers = []
                for entry in entries:
                    at, inside = self.table(entry, _NAMED)
                    numbers.append(self.number(at, inside[2]))
                    if not self.text(at, inside[1]):
                        raise ForeignGraphError("an input or output without a name")
                if sorted(numbers) != sorted(wanted):
                    raise ForeignGraphError("a signature of other inputs or outputs")


@functools.cache
def _layout_of(kind: int) -> str:
    return "".join(field.width for field in FIELDS[kind])


def operator_name(code: int) -> str:
    """What the schema calls an operator; its number where the schema has none.

    Example:
        >>> operator_name(119)
        'WHILE'
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    names = {number: name for name, number in vars(BuiltinOperator).items() if name.isupper()}
    return names.get(code, f"operator {code}")
