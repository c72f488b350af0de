"""Sensitivity by calibration: what a layer's outputs lose when its codes are calibrated."""

import functools
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfsv.bitwidth.methods import METHODS, NoSettings

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights
    from tfsv.quantization.schemes.base import KernelQuantizer


@METHODS.register("calibrated")
class CalibratedError:
    """Mean squared error of a layer's outputs, of their variance, with calibrated codes.

    Each layer alone is quantized, on the inputs that the float network gives it. Errors of layers
    are taken to add, as noise that each brings in relative to its own signal. No loss and no labels
    are asked for. The method is ours.

    Example:
        >>> method = CalibratedError(network, [inputs], candidate_quantizers(network))
        >>> sensitivities = measure(method, candidate_weights(network))

    Args:
        network: A float network.
        inputs: Batches of the network's inputs.
        quantizers: Quantizers by layer and width.
    """

    name = "calibrated"
    help: ClassVar = "error of a layer's outputs with calibrated codes; needs no labels"
    record: ClassVar = NoSettings
    uses: ClassVar = ("batches",)

    @classmethod
    def of(cls, subject: "Subject", settings: NoSettings) -> "CalibratedError":
        """The method for a network, with the inputs of its batches."""
        return cls(subject.network, [batch for batch, _ in subject.batches], subject.quantizers)

    def __init__(
        self,
        network: "keras.Model",
        inputs: Sequence[Any],
        quantizers: "Mapping[str, Mapping[int, KernelQuantizer]]",
    ):
        self.settings = {}
        self._network = network
        self._inputs = inputs
        self._quantizers = quantizers

    @functools.cached_property
    def errors(self) -> dict[str, dict[int, float]]:
        """Relative errors by layer and width, which are measured in one walk of the network."""
        from tfsv.quantization.calibration import layer_errors

        with tempfile.TemporaryDirectory(prefix="tfsv-") as scratch:
            return layer_errors(
                self._network, self._quantizers, self._inputs, pathlib.Path(scratch)
            )

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The relative errors of a layer at its widths."""
        from tfsv.bitwidth.sensitivity import Row

        losses = {bits: self.errors[layer][bits] for bits in candidates}
        low = min(losses)
        return Row(losses, f"error {losses[low]:.3g} of the outputs at {low} bits")
