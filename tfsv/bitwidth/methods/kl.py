"""Sensitivity by divergence: how far one quantized layer moves the network's outputs."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfsv.bitwidth.methods import METHODS, NoSettings

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras

    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights

LogProbabilities = Callable[[Any], "tf.Tensor"]
"""Function from outputs to logarithms of probabilities, which sum to 1 over the last axis."""


@METHODS.register("kl")
class Divergence:
    """The mean of KL(float || one layer quantized) of the outputs' probabilities (paper 4).

    Example:
        >>> sensitivities = measure(Divergence(network, [inputs], tf.nn.log_softmax), candidates)

    Args:
        network: A float network.
        inputs: Batches of the network's inputs.
        probabilities: Function from outputs to logarithms of probabilities, such as
            `TaskData.log_probabilities`.
        compared: Network on the same layers, whose outputs are compared. None: it is the network.
    """

    name = "kl"
    help: ClassVar = "divergence of the outputs' probabilities"
    record: ClassVar = NoSettings
    uses: ClassVar = ("batches", "objective")

    @classmethod
    def of(cls, subject: "Subject", settings: NoSettings) -> "Divergence":
        """The method for a network, with its batches and the task's reading of outputs."""
        inputs = [batch for batch, _ in subject.batches]
        return cls(subject.network, inputs, subject.log_probabilities, subject.compared)

    def __init__(
        self,
        network: "keras.Model",
        inputs: Sequence[Any],
        probabilities: "LogProbabilities",
        compared: "keras.Model | None" = None,
    ):
        import tensorflow as tf

        self.settings = {}
        self._network = network
        self._inputs = [tf.nest.map_structure(tf.constant, batch) for batch in inputs]

        compared = network if compared is None else compared

        @tf.function(reduce_retracing=True, autograph=False)
        def outputs(batch):
            return probabilities(compared(batch, training=False))

        self._outputs = outputs

    @functools.cached_property
    def _reference(self) -> "list[tf.Tensor]":
        return [self._outputs(batch) for batch in self._inputs]

    def loss(self, coded: "Mapping[str, StoredWeights]") -> float:
        """The divergence with the named layers quantized, 0 or more."""
        import tensorflow as tf

        from tfsv.bitwidth.candidates import replaced

        total, count = 0.0, 0
        reference = self._reference
        with replaced(self._network, coded):
            for batch, before in zip(self._inputs, reference, strict=True):
                before = tf.cast(before, tf.float64)
                after = tf.cast(self._outputs(batch), tf.float64)
                each = tf.reduce_sum(tf.exp(before) * (before - after), axis=-1)
                total += float(tf.reduce_sum(each))
                count += int(tf.size(each))
        return max(0.0, total / count)  # rounding makes probabilities that sum to 1 - 1e-7

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The divergences of a layer at its widths."""
        from tfsv.bitwidth.sensitivity import Row

        losses = {bits: self.loss({layer: weights}) for bits, weights in candidates.items()}
        low = min(losses)
        return Row(losses, f"divergence {losses[low]:.3g} at {low} bits")
