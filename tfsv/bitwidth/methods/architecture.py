"""Sensitivity by architecture search: training mixes the widths and learns their shares."""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfsv.bitwidth.methods import METHODS
from tfsv.bitwidth.settings import MixingSettings

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.bitwidth.allocation import LookUpTables, WidthTable
    from tfsv.bitwidth.hessian import Loss
    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.coded import CodedWeights
    from tfsv.quantization.schemes.base import KernelQuantizer


@METHODS.register("architecture")
class Architecture:
    """-log of the probability that b bits are enough, from a search by gradients (paper 4).

    The logits of a softmax over each layer's widths are trained with the network, on its loss and a
    penalty on the bytes of the packed file. In paper 4 the penalty is 0.5 Σ p_b √b, whatever size
    comes of it; here it begins at a limit that falls to the budget, so that the search ends there
    whatever the units of the loss. Weights and logits take their steps on the same batches, batch
    normalisation in training mode, the temperature falls: the papers say nothing of these.

    Paper 4 keeps each layer's most probable width. These seldom fill a budget: a large layer that
    stays undecided between two widths leaves what the wider one would take. So the sensitivity of
    b bits is -log Σ_{w ≤ b} p_w, which falls with every bit, and allocation finds the choice that
    most probably gives every layer enough, in the bytes that there are.
    """

    name = "architecture"
    help: ClassVar = "training mixes the widths and learns their shares"
    record: ClassVar = MixingSettings
    uses: ClassVar = ("stream", "objective")

    @classmethod
    def of(cls, subject: "Subject", settings: MixingSettings) -> "Architecture":
        """See `Method.of`."""
        return cls(
            subject.network, subject.quantizers, subject.stream(), subject.loss, subject.sizes,
            subject.room, tables=subject.tables, settings=settings,
        )  # fmt: skip

    def __init__(
        self,
        network: "keras.Model",
        quantizers: "Mapping[str, Mapping[int, KernelQuantizer]]",
        batches: Iterable[tuple[Any, Any]],
        loss: "Loss",
        sizes: "WidthTable",
        budget: float,
        *,
        tables: "LookUpTables | None" = None,
        settings: MixingSettings | None = None,
    ):
        """Args:
        network: A float network; as it was after the search.
        quantizers: See `tfsv.bitwidth.candidates.candidate_quantizers`.
        batches: Inputs of the network and targets of the loss, at least as many as steps.
        loss: Losses of a batch.
        sizes: Bytes by layer and width; the quantizers' own.
        budget: Bytes that layers and tables together may take.
        tables: See `tfsv.bitwidth.allocation.LookUpTables`.
        settings: Of the search, which runs when the first row is asked for.
        """
        self._mixing = settings or MixingSettings()
        self.settings = {"budget": budget} | dataclasses.asdict(self._mixing)
        self._network = network
        self._quantizers = quantizers
        self._batches = batches
        self._loss = loss
        self._sizes = sizes
        self._tables = tables or {}

    @functools.cached_property
    def log_probabilities(self) -> dict[str, dict[int, float]]:
        """By layer and width."""
        from tfsv.bitwidth.mixing import SuperNetwork

        mixed = SuperNetwork(
            self._network, self._quantizers, self._loss, self._sizes, self._tables,
            self._mixing.penalty,
        )  # fmt: skip
        found = mixed.search(self._batches, self.settings["budget"], self._mixing)
        return {
            name: dict(zip(sorted(self._sizes[name]), map(float, row), strict=True))
            for name, row in found.items()
        }

    def row(self, layer: str, candidates: "Mapping[int, CodedWeights]") -> "Row":
        """See `Method.row`."""
        from tfsv.bitwidth.sensitivity import Row

        shares = {bits: math.exp(p) for bits, p in self.log_probabilities[layer].items()}
        best = max(shares, key=shares.__getitem__)
        enough = {bits: sum(p for w, p in shares.items() if w <= bits) for bits in candidates}
        losses = {bits: -math.log(min(1.0, share)) for bits, share in enough.items()}
        return Row(losses, f"most probable {best} bits, with {shares[best]:.2g}")
