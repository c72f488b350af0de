"""Sensitivity by the loss itself: how much worse the task is done with one quantized layer."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfsv.bitwidth.methods import METHODS, NoSettings

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras

    from tfsv.bitwidth.hessian import Batches, Loss
    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights


@METHODS.register("loss")
class LossRise:
    """The rise of the mean training loss, at least 0. In separation it is what SI-SNR loses.

    It is what curvature and divergence estimate, so it is the reference for both where a task has
    no trials to perturb. The batches of one layer and width take as long as those of a divergence.
    A rise below the noise of few batches may be negative, and counts as 0.

    Example:
        >>> sensitivities = measure(LossRise(network, batches, loss), candidates)

    Args:
        network: A float network.
        batches: Pairs of the network's inputs and targets.
        loss: Function from outputs and targets to the losses of a batch.
    """

    name = "loss"
    help: ClassVar = "rise of the training loss, a reference"
    record: ClassVar = NoSettings
    uses: ClassVar = ("batches", "objective")

    @classmethod
    def of(cls, subject: "Subject", settings: NoSettings) -> "LossRise":
        """The method for a network, with its batches and the task's loss."""
        return cls(subject.network, subject.batches, subject.loss)

    def __init__(self, network: "keras.Model", batches: "Batches", loss: "Loss"):
        import tensorflow as tf

        self.settings = {}
        self._network = network
        self._batches = [tf.nest.map_structure(tf.constant, batch) for batch in batches]

        @tf.function(reduce_retracing=True, autograph=False)
        def mean(inputs: Any, targets: Any) -> "tf.Tensor":
            return tf.reduce_mean(loss(network(inputs, training=False), targets))

        self._mean = mean

    @functools.cached_property
    def _before(self) -> float:
        return self._now()

    def _now(self) -> float:
        return sum(float(self._mean(*batch)) for batch in self._batches) / len(self._batches)

    def loss(self, coded: "Mapping[str, StoredWeights]") -> float:
        """The rise with the named layers quantized, 0 or more."""
        from tfsv.bitwidth.candidates import replaced

        before = self._before
        with replaced(self._network, coded):
            return max(0.0, self._now() - before)

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The rises of a layer at its widths."""
        from tfsv.bitwidth.sensitivity import Row

        losses = {bits: self.loss({layer: weights}) for bits, weights in candidates.items()}
        low = min(losses)
        return Row(losses, f"loss rises by {losses[low]:.3g} at {low} bits")
