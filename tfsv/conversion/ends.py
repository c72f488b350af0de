"""The two ends of an exported file: what it takes, what it gives, and how it is checked."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.runtime.ports import Port

Arrays = Mapping[str, np.ndarray]
"""Inputs or outputs of a model by name."""

_LENGTHS = (96, 64, 33, 64)

LOWEST_AGREEMENT = {"float32": 0.999, "int8_weights": 0.7, "int8": 0.5}
"""Lowest `relative_agreement` for each way to compute. A file below it is broken, not rounded."""


@dataclasses.dataclass(frozen=True)
class Ends:
    """What a file takes and gives, what stands around the network in it, and how it is checked.

    Attributes:
        inputs: What the file takes.
        outputs: What the file gives.
        before: A function that makes the network's inputs of the file's. It takes tensors by the
            names of `inputs` and returns a tensor, or tensors nested as the network takes them.
        after: A function that makes the file's outputs of the network's. It takes what the network
            returns and returns tensors by the names of `outputs`.
        examples: A function that gives made-up inputs, with which a new file is compared with
            Keras. They have several lengths, and one length comes twice, so that an interpreter
            that does not survive resizing is found out.
        agreement: A function that says how well two results agree; 1 for equal ones. The second
            result is Keras'.
        lowest: Number that the agreement must exceed, for each of the three ways to compute:
            "float32", "int8_weights" and "int8". Below it a file is broken, not rounded.
        default_length: The length of every axis of any length in an interpreter that resizes
            nothing.
        in_file: A function that makes the network as it is in the file of the trained one: another
            network of layers of the same names, with its weights. By default it is the same one.

    Example:
        A reader's own network needs nothing before or behind it:

        >>> ends = Ends.of(network)
        >>> print(*ends.inputs)
        input_1 float32 [1, any, 80]

        Outputs that the network leaves to others go behind it:

        >>> dataclasses.replace(ends, after=lambda logits: {"mask": tf.sigmoid(logits)})
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    before: Callable[[Mapping[str, tf.Tensor]], Any]
    after: Callable[[Any], Mapping[str, tf.Tensor]]
    examples: Callable[[], Iterable[Arrays]]
    agreement: Callable[[Arrays, Arrays], float]
    lowest: Mapping[str, float]
    default_length: int
    in_file: Callable[[keras.Model], keras.Model] = lambda network: network

    @classmethod
    def of(cls, network: keras.Model, lengths: Sequence[int] = _LENGTHS) -> "Ends":
        """The ends of a Keras network that is exported as it is.

        The file's inputs have the names and shapes of the network's, with a batch axis of 1. Its
        outputs are named after the layers that give them. All axes of any length have one length
        in an example, since some networks demand that.

        `agreement` is 1 less the size of the difference relative to that of Keras' outputs, over
        all outputs together. It is not a cosine, because a network's scale may matter. It is not
        the worst of the outputs, because rounding is large beside an output that is almost zero.
        The lowest agreements of 0.7 with int8 weights and 0.5 with int8 activations are for broken
        files: they are as far off as cosines of 0.955 and 0.875.

        Example:
            >>> ends = Ends.of(network, lengths=(300, 200, 150, 200))
            >>> ends.default_length
            300

        Args:
            network: A functional network, or a sequential one that knows its input's shape.
            lengths: Lengths of the examples, for axes of any length; the first is the default
                length too. Raise them for a network that needs longer inputs.

        Raises:
            ValueError: The network does not know the shapes of its inputs.
        """
        if not getattr(network, "inputs", None):
            raise ValueError(
                f"expected a network that knows its inputs. Received: {network.name!r}, not built"
            )
        inputs = tuple(map(_port, network.input_names, network.inputs))
        outputs = tuple(map(_port, network.output_names, network.outputs))

        def before(given: Mapping[str, tf.Tensor]) -> Any:
            return tf.nest.pack_sequence_as(network.input, [given[port.name] for port in inputs])

        def after(results: Any) -> dict[str, tf.Tensor]:
            tensors = tf.nest.flatten(results)
            return {port.name: tensor for port, tensor in zip(outputs, tensors, strict=True)}

        def examples() -> Iterator[dict[str, np.ndarray]]:
            for seed, length in enumerate(lengths):
                random = np.random.default_rng(seed)
                yield {port.name: _drawn(port, length, random) for port in inputs}

        return cls(
            inputs,
            outputs,
            before,
            after,
            examples,
            relative_agreement,
            dict(LOWEST_AGREEMENT),
            lengths[0],
        )


def traced(network: Callable[..., Any], ends: Ends) -> tf.types.experimental.PolymorphicFunction:
    """The whole graph of a file: `before`, the network in inference mode, `after`.

    It is traced once for all lengths. The network stays the caller's: the graph follows later
    changes of its weights.

    Example:
        >>> graph = traced(network, Ends.of(network))
        >>> outputs = graph(tf.zeros((1, 200, 80)))

    Args:
        network: A Keras network, or what can be called like one.
        ends: The ends of the file.

    Returns:
        A function that takes a tensor for each of the ends' inputs, in their order. It raises
        InputError when the network does not take what the ends give it.
    """
    specs = [tf.TensorSpec(port.shape, port.dtype, name=port.name) for port in ends.inputs]

    # Without autograph, which would spend seconds on translating Keras.
    @tf.function(input_signature=specs, autograph=False)
    def graph(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        given = {port.name: tensor for port, tensor in zip(ends.inputs, tensors, strict=True)}
        inputs = ends.before(given)
        try:
            results = network(inputs, training=False)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"the network does not take what its ends give ({reason})") from error
        return dict(ends.after(results))

    return graph


def keras_runner(
    network: Callable[..., Any], ends: Ends
) -> Callable[[Arrays], dict[str, np.ndarray]]:
    """What a file should compute, computed by Keras; `tfsv.runtime.Runner` is called alike.

    Args:
        network: A Keras network, or what can be called like one. It stays the caller's: the
            function follows later changes of its weights, unless a file has another network.
        ends: The ends of the file.

    Returns:
        A function from arrays by the names of the ends' inputs to arrays by those of its outputs.

    Example:
        >>> run = keras_runner(network, Ends.of(network))
        >>> outputs = run({"input_1": np.zeros((1, 200, 80), np.float32)})
    """
    graph = traced(ends.in_file(network), ends)

    def run(inputs: Arrays) -> dict[str, np.ndarray]:
        outputs = graph(*(inputs[port.name] for port in ends.inputs))
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return run


def _port(name: str, tensor: Any) -> Port:
    """A port of batch 1 for a tensor of a Keras network; files compute in float32 only."""
    dtype = tf.as_dtype(tensor.dtype)
    return Port(name, (1, *tensor.shape[1:]), "float32" if dtype.is_floating else dtype.name)


def _drawn(port: Port, length: int, random: np.random.Generator) -> np.ndarray:
    """Values of a normal distribution, or zeros and ones where they are whole numbers."""
    shape = port.with_length(length)
    if port.dtype == "float32":
        return random.standard_normal(shape, np.float32)
    return random.integers(0, 2, shape).astype(port.dtype)


def relative_agreement(results: Arrays, wanted: Arrays) -> float:
    """1 less the size of the difference to what is wanted, relative to that, over all outputs.

    Example:
        >>> relative_agreement({"mask": np.ones(4)}, {"mask": np.ones(4)})
        1.0

    Args:
        results: Outputs by name.
        wanted: Those that are right, by the same names.
    """
    names = list(wanted)
    a, b = (
        np.concatenate([np.asarray(x[name], np.float64).reshape(-1) for name in names])
        for x in (results, wanted)
    )
    size = np.linalg.norm(b)
    difference = np.linalg.norm(a - b)
    return float(1 - difference / size) if size else float(difference == 0)
