"""The subject of a sensitivity method: all that the method may ask for."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras

    from tfsv.bitwidth.allocation import LookUpTables, WidthTable
    from tfsv.bitwidth.candidates import Candidates
    from tfsv.bitwidth.hessian import Batches, Loss
    from tfsv.card import ModelCard
    from tfsv.quantization.schemes.base import KernelQuantizer


class Subject(Protocol):
    """A float network whose layers are to get bits, and all that is known of it.

    Slow attributes are made once, when they are first asked for.

    Attributes:
        network: The float network.
        card: Card of the network.
        data: Data of the task, for methods that only this task has.
        candidates: Coded weights by layer and width.
        quantizers: Quantizers by layer and width.
        sizes: Bytes of a layer at a width, by layer and width.
        tables: Bytes of the look-up tables that decode each width, by width and table.
        room: Bytes that layers and tables together may take.
        batches: Some pairs of network inputs and targets.
        loss: Function from outputs and targets to the losses of a batch.
        compared: Network on the same layers, whose outputs divergences compare.
        log_probabilities: Function from its outputs to logarithms of probabilities.
    """

    network: "keras.Model"
    card: "ModelCard"
    data: Any
    candidates: "Candidates"
    quantizers: "Mapping[str, Mapping[int, KernelQuantizer]]"
    sizes: "WidthTable"
    tables: "LookUpTables"
    room: float
    batches: "Batches"
    loss: "Loss"
    compared: "keras.Model"
    log_probabilities: "Callable[[Any], tf.Tensor]"

    def stream(self) -> Iterator[tuple[Any, Any]]:
        """Endless batches of network inputs and targets, as training has them."""
        ...
