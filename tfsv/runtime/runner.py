"""Runs any exported file: named arrays in, named arrays out."""

import os
from collections.abc import Mapping

import numpy as np

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.packed.expand import expand, is_packed
from tfsv.packed.graph_rules import check_graph, check_shapes
from tfsv.runtime.model_files import (
    first_line,
    printable,
    read_card,
    read_cohort_of,
    read_model,
    shortened,
    unsound,
)
from tfsv.runtime.ports import Port
from tfsv.runtime.session import InterpreterSession


class Runner:
    """An exported file, run with LiteRT and its XNNPACK kernels, without TensorFlow.

    The file may come from anywhere: it is checked before it is run. A packed model is expanded in
    memory first, which takes a few milliseconds and makes it as fast as a plain one. A runner is
    not for several Python threads at once, since an interpreter has one set of buffers.

    Attributes:
        card: The model card in the file.
        inputs: What the model takes, in the graph's order.
        outputs: What the model gives, in the graph's order.
        threads: Threads of one inference.
        path: The file that was opened.
        cohort: Vectors that outputs are compared with, int8 `[vectors, values]`. None: the file has
            none.

    Example:
        >>> runner = Runner("model.tflite", threads=2)
        >>> print(*runner.inputs)
        features float32 [1, any, 80]
        >>> outputs = runner({"features": np.zeros((1, 200, 80), np.float32)})
        >>> outputs["mask"].shape
        (1, 200, 257)
    """

    card: ModelCard
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    threads: int
    path: str | os.PathLike
    cohort: np.ndarray | None

    def __init__(self, path: str | os.PathLike, *, threads: int = 1, expanded: bool = True) -> None:
        """Opens a file.

        Args:
            path: A file that tfsv exported. It is read once and may change afterwards.
            threads: Threads of one inference.
            expanded: Whether a packed model is expanded. If not, the graph decodes its codes at
                every inference, as with any other interpreter; that is slower and takes less
                memory.

        Raises:
            InputError: The file is absent, unreadable, damaged, or was not exported by tfsv, or
                `threads` is below 1.
        """
        if threads < 1:
            raise InputError(f"threads={threads}: must be at least 1")
        content = read_model(path)
        self.card, self.threads, self.path = read_card(content, path), threads, path
        self.cohort = read_cohort_of(content, path)
        try:
            if expanded and is_packed(content):
                content = expand(content)
            self._graph = check_graph(content)
            self._session = InterpreterSession(content, num_threads=threads)
        except (ValueError, RuntimeError) as error:
            raise unsound(path, error) from error
        self.inputs, self.outputs = self._session.inputs, self._session.outputs
        self._wanted = {port.name: port for port in self.inputs}
        self._shapes = {index: self._graph.shapes[index] for index in self._graph.inputs}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Computes the outputs; buffers are made anew only when the shape of an input changes.

        Args:
            inputs: An array for each of the model's inputs, by name, with its shape and type. The
                values are not looked at.

        Returns:
            An array for each of the model's outputs, by name, which stays as it is when the model
            is run again.

        Raises:
            InputError: An input is missing, unknown, or of another shape or type, or the model
                cannot compute inputs of these lengths.
        """
        self._check(inputs)
        try:
            self._check_shapes(inputs)
            self._session.run(inputs)
        except (ValueError, RuntimeError) as error:
            shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
            raise self._refused(f"cannot compute {shapes} ({first_line(error)})") from error
        return self._session.results()

    def _check(self, inputs: Mapping[str, np.ndarray]) -> None:
        if inputs.keys() != self._wanted.keys():
            wanted, received = (", ".join(names) or "nothing" for names in (self._wanted, inputs))
            raise self._refused(f"takes {wanted}; received {received}")
        for name, array in inputs.items():
            if not isinstance(array, np.ndarray):
                received = type(array).__name__
            elif not self._wanted[name].fits(array):
                received = f"{array.dtype} {list(array.shape)}"
            else:
                continue
            raise self._refused(f"takes {self._wanted[name]}; received {received}")

    def _check_shapes(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Refuses lengths of which LiteRT would end the process, when they change."""
        shapes = {self._session.tensors[name]: array.shape for name, array in inputs.items()}
        if shapes != self._shapes:
            check_shapes(self._graph, shapes)
            self._shapes = shapes

    def _refused(self, reason: str) -> InputError:
        return InputError(f"{self.path}: {printable(shortened(reason))}")
