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
    from tfsv.quantization.float16_weights import StoredWeights
    from tfsv.quantization.schemes.base import KernelQuantizer


@METHODS.register("architecture")
class Architecture:
    """-log of the probability that b bits are enough, from a search by gradients (paper 4).

    The logits of a softmax over each layer's widths are trained with the network. They train on its
    loss and a penalty on the bytes of the packed file. In paper 4 the penalty is 0.5 Σ p_b √b,
    whatever size comes of it. Here it begins at a limit that falls to the budget. So the search
    ends at the budget, whatever the units of the loss. Weights and logits take their steps on the
    same batches, with batch normalisation in training mode, and the temperature falls. The papers
    say nothing of these.

    Paper 4 keeps each layer's most probable width. These widths seldom fill a budget. A large layer
    that stays undecided between two widths leaves the bytes that the wider one would take. So the
    sensitivity of b bits is -log Σ_{w ≤ b} p_w, which falls with every bit. Allocation finds the
    choice that most probably gives every layer enough bits within the budget.

    Example:
        >>> method = METHODS["architecture"].of(subject, MixingSettings(steps=400))

    Args:
        network: A float network. The search leaves it as it was.
        quantizers: Quantizers by layer and width, as
            `tfsv.bitwidth.candidates.candidate_quantizers` gives them.
        batches: Pairs of inputs of the network and targets of the loss, at least as many as steps.
        loss: Function from outputs and targets to the losses of a batch.
        sizes: Bytes by layer and width, for the quantizers' layers and widths.
        budget: Bytes that layers and tables together may take.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.
        settings: Settings of the search, which runs when the first row is asked for.
    """

    name = "architecture"
    help: ClassVar = "training mixes the widths and learns their shares"
    record: ClassVar = MixingSettings
    uses: ClassVar = ("stream", "objective")

    @classmethod
    def of(cls, subject: "Subject", settings: MixingSettings) -> "Architecture":
        """The method for a network, with its batches and loss."""
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
        """Logarithms of the widths' probabilities, by layer and width."""
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

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """The sensitivities of a layer, -log of the probabilities that its widths are enough."""
        from tfsv.bitwidth.sensitivity import Row

        shares = {bits: math.exp(p) for bits, p in self.log_probabilities[layer].items()}
        best = max(shares, key=shares.__getitem__)
        enough = {bits: sum(p for w, p in shares.items() if w <= bits) for bits in candidates}
        losses = {bits: -math.log(min(1.0, share)) for bits, share in enough.items()}
        return Row(losses, f"most probable {best} bits, with {shares[best]:.2g}")
