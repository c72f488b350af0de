"""A network run layer by layer over many batches, whose tensors wait on the disk meanwhile."""

import collections
import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.disk_space import shortage
from tfsv.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer in a network.

    Attributes:
        layer: The layer.
        number: Number of the call among those of the layer, from 0.
        node: Keras' record of the call.
    """

    layer: keras.layers.Layer
    number: int
    node: Any

    @property
    def inputs(self) -> list[int]:
        """Identifiers of the tensors that the call takes."""
        return list(self.node.flat_input_ids)

    @property
    def outputs(self) -> list[int]:
        """Identifiers of the tensors that the call gives."""
        return list(self.node.flat_output_ids)


def calls(network: keras.Model) -> list[Call]:
    """The calls of a functional network's layers, each behind those whose results it takes.

    Example:
        >>> [call.layer.name for call in calls(network)][:2]
        ['stem', 'stem_norm']
    """
    found, counts = [], collections.Counter()
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            if not node.is_input:
                found.append(Call(node.layer, counts[node.layer.name], node))
                counts[node.layer.name] += 1
    return found


def readers(network: keras.Model) -> dict[int, list[keras.layers.Layer]]:
    """The layers that take each tensor, by the tensor's identifier.

    Example:
        >>> stem = calls(network)[0]
        >>> [layer.name for layer in readers(network)[stem.outputs[0]]]
        ['stem_norm']
    """
    found = collections.defaultdict(list)
    for call in calls(network):
        for tensor in call.inputs:
            found[tensor].append(call.layer)
    return found


class LayerWalk:
    """A network whose calls are made one after another, each for all batches.

    A call is made once. What it gives waits in a file for each batch until the last layer that
    takes it was called. So the work is that of one pass over the batches, and the memory that of
    one batch, wherever the walk stops to look at a layer or to change it.

    Example:
        >>> walk = LayerWalk(network, batches, pathlib.Path("scratch"))
        >>> for call in calls(network):
        ...     for (inputs,) in walk.inputs(call):
        ...         look_at(inputs)
        ...     walk.make([call])

    Args:
        network: A functional network.
        batches: Batches of the network's inputs: arrays, or lists of arrays for several inputs.
        folder: Empty folder for the files, which the walk removes one by one.

    Raises:
        InputError: The disk is full, or a batch does not fit the network's inputs.
    """

    def __init__(self, network: keras.Model, batches: Iterable[Any], folder: pathlib.Path):
        self._folder = folder
        self._left = collections.Counter(
            tensor for call in calls(network) for tensor in call.inputs
        )
        names = [str(id(tensor)) for tensor in network.inputs]
        self.batches = 0
        for batch in batches:
            arrays = list(batch) if isinstance(batch, list | tuple) else [batch]
            if len(arrays) != len(names):
                raise InputError(
                    f"{network.name}: takes {len(names)} inputs, a batch has {len(arrays)}"
                )
            for name, array in zip(names, arrays, strict=True):
                self._write(name, self.batches, array)
            self.batches += 1

    def inputs(self, call: Call) -> Iterator[list[np.ndarray]]:
        """What a call takes, batch by batch; the calls that give it must have been made."""
        for batch in range(self.batches):
            yield [self._read(tensor, batch) for tensor in call.inputs]

    def make(
        self, group: Sequence[Call], watch: Callable[[Call, list[tf.Tensor]], None] | None = None
    ) -> None:
        """Makes some calls for every batch, in their order.

        Args:
            group: The calls. What they take was made before, or is made by calls among them.
            watch: A function that gets each call and what it takes. None: nothing is watched.
        """
        made = {tensor for call in group for tensor in call.outputs}
        used = collections.Counter(tensor for call in group for tensor in call.inputs)
        kept = [tensor for tensor in made if self._left[tensor] > used[tensor]]
        for batch in range(self.batches):
            values: dict[int, tf.Tensor] = {}
            for call in group:
                for tensor in call.inputs:
                    if tensor not in values:
                        values[tensor] = tf.constant(self._read(tensor, batch))
                if watch is not None:
                    watch(call, [values[tensor] for tensor in call.inputs])
                taken = {tensor: [value] * used[tensor] for tensor, value in values.items()}
                arguments, named = call.node.map_arguments(taken)
                results = tf.nest.flatten(call.layer(*arguments, **named))
                values.update(zip(call.outputs, results, strict=True))
            for tensor in kept:
                self._write(tensor, batch, values[tensor].numpy())
        for tensor, times in used.items():
            self._left[tensor] -= times
            if self._left[tensor] == 0 and tensor not in made:
                for batch in range(self.batches):
                    self._file(tensor, batch).unlink()

    def _file(self, tensor: int, batch: int) -> pathlib.Path:
        return self._folder / f"{tensor}-{batch}.npy"

    def _read(self, tensor: int, batch: int) -> np.ndarray:
        return np.load(self._file(tensor, batch), allow_pickle=False)

    def _write(self, tensor: int, batch: int, value: Any) -> None:
        path = self._file(tensor, batch)
        try:
            with path.open("wb") as file:
                np.save(file, np.asarray(value), allow_pickle=False)
        except OSError as error:
            short = shortage(error, path)
            if short is None:
                raise
            raise InputError(f"{path}: not written ({short.cause}); {short.remedy}") from error
