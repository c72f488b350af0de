"""Sensitivity by the weights alone, which every method that knows the task must beat."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfsv.bitwidth.methods import METHODS, NoSettings

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights


@METHODS.register("norm")
class WeightNorm:
    """||Q_b(W) - W||²: the squared norm of the weights times the relative error of the quantizer.

    It is the curvature method without the curvature.

    Example:
        >>> sensitivities = measure(WeightNorm(network), candidates)

    Args:
        network: A float network.
    """

    name = "norm"
    help: ClassVar = "squared error of the weights, a baseline"
    record: ClassVar = NoSettings
    uses: ClassVar = ()

    @classmethod
    def of(cls, subject: "Subject", settings: NoSettings) -> "WeightNorm":
        """The method for a network."""
        return cls(subject.network)

    def __init__(self, network: "keras.Model"):
        self.settings = {}
        self._network = network

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The squared errors of a layer at its widths."""
        from tfsv.bitwidth.candidates import kernel, quantization_error
        from tfsv.bitwidth.sensitivity import Row

        latent = kernel(self._network, layer)
        losses = {bits: quantization_error(latent, weights) for bits, weights in candidates.items()}
        return Row(losses, f"squared norm {np.sum(latent.astype(np.float64) ** 2):.3g}")
