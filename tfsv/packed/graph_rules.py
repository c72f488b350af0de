"""What a graph must be before an interpreter gets it: one that the exporter could have written.

LiteRT verifies a file's flatbuffer and refuses most graphs that make no sense. Others end the whole
process or take all memory: operators that no file of tfsv has, with inputs, shapes, scales or
options that none has. A damaged file never comes so far, for its checksum is wrong. These rules are
for files that were made to harm and sealed again.

Every operator is one of `tfsv.packed.operator_table`. Every tensor is written once, before it is
read: by the caller, by the file or by an earlier operator. Shapes follow from those of the inputs
by `tfsv.packed.output_shapes`, and those that the file states must agree. What an inference needs
is added up beforehand. The app has the same rules in `GraphRules.kt`.
"""

import math
from collections.abc import Mapping, Sequence

from tfsv.packed.graph_reader import WIDTHS, Graph, Step, read_graph
from tfsv.packed.operands import ForeignGraphError, Operands, Shape
from tfsv.packed.output_shapes import RULES

LARGEST_MEMORY = 1 << 29
"""Most bytes that computed tensors may need at once, at the lengths that the file states."""

LARGEST_WORK = 1 << 38
"""Most multiplications and additions of an inference at the lengths that the file states.

That is ten times what the field's largest networks take for two seconds.
"""

_MEMORY_OF_A_VALUE = 1 << 12  # of an input; long recordings may take more than LARGEST_MEMORY
_WORK_OF_A_VALUE = 1 << 23
_WORK_OF_A_BYTE = 16  # that an operator writes

_LARGEST_RATIO = float(1 << 16)  # of scales; beyond it kernels overflow or end the process
_PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL")
_STATES = (18, 19)  # inputs of an LSTM that are variables
_MOST_KNOWN = 16  # values of a tensor that are followed through the graph
_ARITHMETIC = {
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "FLOOR_DIV": lambda a, b: a // b if b else _refused("a division by zero"),
    "FLOOR_MOD": lambda a, b: a % b if b else _refused("a division by zero"),
    "MAXIMUM": max,
    "MINIMUM": min,
}
_LARGEST_INTEGER = 2**31


def check_graph(content: bytes) -> Graph:
    """Checks that a model's graph is one that tfsv could have written.

    Example:
        >>> check_graph(content)
        >>> interpreter = Interpreter(model_content=content)

    Args:
        content: A whole TFLite file, of any origin; the expanded one of a packed model.

    Returns:
        The graph, for `check_shapes` with other lengths.

    Raises:
        ForeignGraphError: The graph has what no graph of tfsv has.
        ValueError: The flatbuffer is damaged.
    """
    graph = read_graph(content)
    check_shapes(graph, {index: graph.shapes[index] for index in graph.inputs}, stated=True)
    return graph


def check_shapes(
    graph: Graph, inputs: Mapping[int, Shape], *, stated: bool = False
) -> dict[int, Shape]:
    """Checks a graph's operators, with inputs of these shapes.

    Example:
        >>> graph = check_graph(content)
        >>> check_shapes(graph, {graph.inputs[0]: (1, 48_000)})
        {345: (1, 128)}

    Args:
        graph: The graph.
        inputs: Shape of each input, by its tensor.
        stated: Whether these are the shapes that the file states, so that the others that it states
            must agree with them.

    Returns:
        Shape of each output, by its tensor.

    Raises:
        ForeignGraphError: The graph has what no graph of tfsv has, or cannot compute these shapes.
    """
    walk = _Walk(graph, inputs, stated)
    walk.run()
    return {index: walk.shapes[index] for index in graph.outputs}


class _Walk:
    """A run of a graph with shapes in place of values."""

    def __init__(self, graph: Graph, inputs: Mapping[int, Shape], stated: bool):
        self.graph, self.stated = graph, stated
        self.shapes: list[Shape | None] = [
            None if constant is None else shape
            for constant, shape in zip(graph.constants, graph.shapes, strict=True)
        ]
        if not graph.inputs or not graph.outputs or not graph.operators:
            raise ForeignGraphError("a graph without inputs, outputs or operators")
        for index in graph.inputs + graph.outputs:
            if not 0 <= index < len(graph.shapes):
                raise ForeignGraphError("inputs or outputs that do not exist")
        for index in graph.inputs:
            if self.shapes[index] is not None or index in graph.variables:
                raise ForeignGraphError("an input that is something else too")
            self.shapes[index] = inputs[index]
        if len(set(graph.outputs)) < len(graph.outputs):
            raise ForeignGraphError("outputs that repeat")
        values = 0 if stated else sum(math.prod(self.shapes[index]) for index in graph.inputs)
        self.most_memory = max(LARGEST_MEMORY, _MEMORY_OF_A_VALUE * values)
        self.most_work = max(LARGEST_WORK, _WORK_OF_A_VALUE * values)
        self.known: dict[int, tuple[int, ...]] = {}
        self.sizes = [0] * len(graph.shapes)
        self.work = 0
        self.empty = False

    def run(self) -> None:
        graph, sizes = self.graph, self.sizes
        last = {index: n for n, step in enumerate(graph.operators) for index in step.inputs}
        for number, step in enumerate(graph.operators):
            for index in step.outputs:
                last.setdefault(index, number)
        last |= dict.fromkeys(graph.outputs, len(graph.operators))
        ending: list[list[int]] = [[] for _ in range(len(graph.operators) + 1)]
        for index, number in last.items():
            ending[number].append(index)
        memory = 0
        for index in graph.inputs:
            sizes[index] = WIDTHS[graph.letters[index]] * math.prod(self.shapes[index])
            memory += sizes[index]
        for number, step in enumerate(graph.operators):
            try:
                memory += self.step(step, memory)
            except ForeignGraphError as error:
                raise ForeignGraphError(f"operator {number}, {step.rule.name}: {error}") from None
            for index in ending[number]:
                memory -= sizes[index]
        if any(self.shapes[index] is None for index in graph.outputs):
            raise ForeignGraphError("an output that nothing writes")

    def step(self, step: Step, memory: int) -> int:
        """Bytes of what an operator writes."""
        graph, shapes, letters = self.graph, self.shapes, self.graph.letters
        rule, inputs, outputs = step.rule, step.inputs, step.outputs
        self.check_types(step)
        taken = [shapes[index] if index >= 0 else None for index in inputs]
        if None in taken or graph.variables:
            self.check_read(step, taken)
        if self.empty and rule.name != "CONCATENATION" and any(0 in (x or ()) for x in taken):
            raise ForeignGraphError("nothing to compute")
        given = Operands(taken, lambda place: self.values(inputs[place]), len(outputs))
        found = RULES[rule.rule](given, step.options)
        if len(found) != len(outputs):
            raise ForeignGraphError("other outputs")
        written = 0
        for index, shape in zip(outputs, found, strict=True):
            if shapes[index] is not None or index in graph.variables:
                raise ForeignGraphError("writes what is written already")
            if shape != graph.shapes[index]:
                self.check_stated(step, shape, graph.shapes[index])
            shapes[index] = shape
            self.sizes[index] = size = WIDTHS[letters[index]] * math.prod(shape)
            written += size
        self.work += given.work + _WORK_OF_A_BYTE * written
        if memory + written + given.scratch > self.most_memory:
            raise ForeignGraphError("more memory than any network of tfsv")
        if self.work > self.most_work:
            raise ForeignGraphError("more work than any network of tfsv")
        if graph.scales[outputs[0]]:
            self.check_scales(step)
        if letters[outputs[0]] in "il" and math.prod(found[0]) <= _MOST_KNOWN:
            self.follow(step, taken)
        return written

    def check_stated(self, step: Step, shape: Shape, stated: Shape) -> None:
        """Compares the shape of a result with what the file states of it.

        A slice of a short utterance may have nothing in it, if it is only put behind something.
        """
        if len(stated) != len(shape):
            raise ForeignGraphError("a result of another rank")
        if min(shape, default=1) < 1:
            if self.stated or step.rule.name != "STRIDED_SLICE" or min(shape) < 0:
                raise ForeignGraphError("nothing to compute")
            self.empty = True
        if self.stated:
            for side, other in zip(shape, stated, strict=True):
                if side != other and other != 1:
                    raise ForeignGraphError("a result of another shape")

    def check_types(self, step: Step) -> None:
        """Checks that the types of what an operator reads and writes are in its table."""
        letters = self.graph.letters
        if not step.inputs or not step.outputs:
            raise ForeignGraphError("lacks an input or output")
        if min(step.inputs) < -1 or min(step.outputs) < 0:
            raise ForeignGraphError("reads or writes tensors that do not exist")
        try:
            taken = "".join([letters[index] if index >= 0 else "-" for index in step.inputs])
            given = "".join([letters[index] for index in step.outputs])
        except IndexError:
            raise ForeignGraphError("reads or writes tensors that do not exist") from None
        types = f"{taken}>{given}"
        if types not in step.rule.types:
            many = {f"{_starred(taken)}>{given}", f"{taken}>{_starred(given)}"}
            if not step.rule.many or not many & step.rule.types:
                raise ForeignGraphError(f"{types[:40]}, types that it does not have")

    def check_read(self, step: Step, taken: list[Shape | None]) -> None:
        """Checks that inputs are there, and that a variable is a state of one LSTM."""
        for place, index in enumerate(step.inputs):
            if index < 0:
                continue
            state = step.rule.rule == "lstm" and place in _STATES
            if state != (index in self.graph.variables):
                raise ForeignGraphError("reads a variable, or lacks one")
            if state:
                if self.shapes[index] is not None:
                    raise ForeignGraphError("reads a variable of another operator")
                self.shapes[index] = taken[place] = self.graph.shapes[index]
            elif taken[place] is None:
                raise ForeignGraphError("reads what no operator before it writes")

    def check_scales(self, step: Step) -> None:
        """Checks the scales of int8 tensors, so that what is computed fits the result's."""
        scales = self.graph.scales
        result = min(scales[index] for index in step.outputs)
        if not result or step.rule.rule == "reshape":
            return
        taken = [scales[index] for index in step.inputs[:2] if index >= 0 and scales[index]]
        product = math.prod(taken) if step.rule.name in _PRODUCTS else max(taken, default=0)
        if product > _LARGEST_RATIO * result:
            raise ForeignGraphError("scales that do not fit each other")

    def values(self, index: int) -> tuple[int, ...] | None:
        found = self.known.get(index)
        return self.graph.integers(index) if found is None else found

    def follow(self, step: Step, taken: Sequence[Shape | None]) -> None:
        """Keeps the integers that an operator computes from known ones, such as lengths."""
        name = step.rule.name
        if name == "SHAPE":
            self.known[step.outputs[0]] = taken[0]
            return
        if name not in (*_ARITHMETIC, "STRIDED_SLICE", "CAST", "EXPAND_DIMS", "RESHAPE"):
            return
        first = self.values(step.inputs[0])
        if first is None:
            return
        if name == "STRIDED_SLICE":
            if len(taken[0]) != 1:
                return
            (begin,), (end,), (stride,) = (self.values(index) for index in step.inputs[1:])
            begin_mask, end_mask, _, _, shrink_mask, _ = step.options
            begin = 0 if begin_mask else begin
            if shrink_mask:
                first = (first[begin],)
            else:
                first = first[begin : None if end_mask else end : stride]
        elif name in _ARITHMETIC:
            second = self.values(step.inputs[1])
            if second is None:
                return
            size = max(len(first), len(second))
            if len(first) == 1:
                first *= size
            if len(second) == 1:
                second *= size
            if len(first) != len(second) or len(taken[0]) > 1 or len(taken[1]) > 1:
                return
            first = tuple(map(_ARITHMETIC[name], first, second))
        if not all(-_LARGEST_INTEGER <= value < _LARGEST_INTEGER for value in first):
            raise ForeignGraphError("sizes out of range")
        self.known[step.outputs[0]] = first


def _starred(letters: str) -> str:
    return letters[0] + "*" if len(set(letters)) == 1 else letters


def _refused(reason: str) -> int:
    raise ForeignGraphError(reason)
