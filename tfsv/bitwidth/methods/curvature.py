"""Sensitivity by curvature: the trace of the loss' Hessian times the error of quantization."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tfsv.bitwidth.methods import METHODS
from tfsv.settings import setting

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.bitwidth.hessian import Batches, Loss, Trace
    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights


@dataclasses.dataclass(frozen=True)
class CurvatureSettings:
    """Settings of the estimate of traces.

    Example:
        >>> settings = CurvatureSettings(vectors=100)

    Attributes:
        vectors: Number of random vectors, at least 2.
        seed: Seed of the random vectors.
    """

    vectors: int = setting(50, "Random vectors of the Hessian trace (curvature).")
    seed: int = setting(0, "Seed of crops, vectors, trials and of random.")


@METHODS.register("curvature")
class Curvature:
    """Ω(b) = Tr(H) / n · ||Q_b(W) - W||² of a layer with n weights (HAWQ-V2; papers 1 and 4).

    Tr(H) / n is the mean curvature, for HAWQ-V2 divides the trace by the number of weights. A step
    as long as the error in a random direction raises the loss by half of Ω on average. The error is
    that of the quantizer in use. A trace that is not above its standard error cannot be told from
    zero, and counts as that error. So no layer looks as if it gained by fewer bits, which is our
    choice.

    Example:
        >>> sensitivities = measure(Curvature(network, batches, loss, vectors=2), candidates)

    Args:
        network: A float network.
        batches: Pairs of inputs and targets.
        loss: Function from outputs and targets to the losses of a batch.
        vectors: Number of random vectors, at least 2.
        seed: Seed of the random vectors.
    """

    name = "curvature"
    help: ClassVar = "trace of the loss' Hessian"
    record: ClassVar = CurvatureSettings
    uses: ClassVar = ("batches", "objective")

    @classmethod
    def of(cls, subject: "Subject", settings: CurvatureSettings) -> "Curvature":
        """The method for a network, with its batches and loss."""
        return cls(subject.network, subject.batches, subject.loss, **dataclasses.asdict(settings))

    def __init__(
        self,
        network: "keras.Model",
        batches: "Batches",
        loss: "Loss",
        *,
        vectors: int = 50,
        seed: int = 0,
    ):
        self.settings = {"vectors": vectors, "seed": seed}
        self._network = network
        self._batches = batches
        self._loss = loss

    @functools.cached_property
    def traces(self) -> "dict[str, Trace]":
        """Traces by layer, which are estimated when the first row is asked for."""
        from tfsv.bitwidth.hessian import hessian_traces

        return hessian_traces(self._network, self._batches, self._loss, **self.settings)

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The sensitivities Ω of a layer at its widths."""
        from tfsv.bitwidth.candidates import kernel, quantization_error
        from tfsv.bitwidth.sensitivity import Row

        latent = kernel(self._network, layer)
        trace = self.traces[layer]
        mean = max(trace.value, trace.standard_error) / latent.size
        losses = {bits: mean * quantization_error(latent, c) for bits, c in candidates.items()}
        return Row(
            losses,
            f"trace {trace.value:.3g} ± {trace.standard_error:.2g} over {latent.size} weights",
        )
