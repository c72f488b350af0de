"""A TFLite model in memory, run by the names of its inputs and outputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfsv.packed.signature import named_ends
from tfsv.runtime.ports import Port


class InterpreterSession:
    """An interpreter whose inputs and outputs go by name.

    It takes what it is given and is for code that knows the model; `tfsv.runtime.Runner` opens
    files of any origin and checks what it is given.

    Example:
        >>> session = InterpreterSession(content, num_threads=2)
        >>> session.run({"features": np.zeros((1, 200, 80), np.float32)})
        >>> outputs = session.results()

    Attributes:
        interpreter: The LiteRT interpreter.
        inputs: What the model takes, in the graph's order.
        outputs: What the model gives, in the graph's order.
        tensors: Index of the tensor of each input, by name.
    """

    def __init__(self, content: bytes, **options: Any):
        """Prepares a model.

        Args:
            content: A whole TFLite file that is sound, and not packed unless the graph is to
                decode its codes at every inference.
            **options: Further arguments of the interpreter, such as `num_threads`.

        Raises:
            ValueError: The file is damaged.
            RuntimeError: The interpreter refuses the file.
        """
        self.tensors, self._output_tensors = named_ends(content)
        self.interpreter = Interpreter(model_content=content, **options)
        self.inputs = _ports(self.tensors, self.interpreter.get_input_details())
        self.outputs = _ports(self._output_tensors, self.interpreter.get_output_details())
        self._shapes: dict[str, tuple[int, ...]] = {}

    def run(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Runs an inference; buffers are made anew only when the shape of an input changes.

        Args:
            inputs: An array for each of the model's inputs, by name.

        Raises:
            ValueError: The interpreter refuses an input.
            RuntimeError: The interpreter cannot compute these shapes.
        """
        shapes = {name: array.shape for name, array in inputs.items()}
        if shapes != self._shapes:
            before, self._shapes = self._shapes, {}
            for name, shape in shapes.items():
                if shape != before.get(name):
                    self.interpreter.resize_tensor_input(self.tensors[name], shape)
            self.interpreter.allocate_tensors()
            self._shapes = shapes
        for name, array in inputs.items():
            self.interpreter.set_tensor(self.tensors[name], array)
        self.interpreter.invoke()

    def results(self) -> dict[str, np.ndarray]:
        """Copies of all outputs of the latest run, by name."""
        return {
            name: self.interpreter.get_tensor(index) for name, index in self._output_tensors.items()
        }


def _ports(tensors: Mapping[str, int], details: list[dict[str, Any]]) -> tuple[Port, ...]:
    known = {entry["index"]: entry for entry in details}
    ports = []
    for name, index in tensors.items():
        entry = known[index]
        shape = tuple(None if size == -1 else size for size in entry["shape_signature"].tolist())
        ports.append(Port(name, shape, np.dtype(entry["dtype"]).name))
    return tuple(ports)
