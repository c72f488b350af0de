"""Bytes of the packed file that a bit plan makes."""

import dataclasses
import math
from collections.abc import Mapping

from tfsv.bitwidth.allocation import smallest
from tfsv.bitwidth.candidates import Candidates, chosen, replaced
from tfsv.conversion.convert import Conversion, LayerSize, convert
from tfsv.packed.bits import PLANES, byte_table, packed_bytes
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.tasks.model_folder import read_folder_cohort
from tfsv.tasks.task import PlainModel, Task
from tfsv.widths import FLOAT16

TABLES = {
    bits: {width: byte_table(width).size for width in planes if width < 8}
    for bits, planes in PLANES.items()
}
"""Look-up tables that each width needs, with the bytes of each; layers share them."""

_NOTES = 256  # room in the card for what training and measuring add to it


class PlanFiles:
    """The packed files of a float network, one for each choice of widths.

    A quantized model whose parent normalises scores by a cohort is likely to get one of the same
    size. So the parent's cohort counts, and so does what its card decides with.

    Example:
        >>> files = PlanFiles(parent, task, candidates, "kmeans")
        >>> files.size(dict.fromkeys(candidates, 4)), files.float_size()

    Attributes:
        sizes: Bytes of codes or float16 weights, codebook, scales and bias, by layer and candidate
            width.
        others: Bytes of each layer without candidates, by name.
    """

    def __init__(
        self,
        parent: PlainModel,
        task: Task,
        candidates: Candidates,
        scheme: str,
        compute: str = "int8_weights",
    ):
        """Converts once, to learn what layers take.

        Args:
            parent: The float model, in whose folder the cohort of its card's decision is, if any.
            task: The task of the model, which knows the ends of its file.
            candidates: Coded weights by layer and width.
            scheme: The scheme that made the coded weights.
            compute: What the file computes with, "int8_weights" or "float32".

        Raises:
            InputError: The parent's cohort cannot be read.
        """
        self._network = parent.network
        self._ends = task.ends(parent.card)
        self._candidates = candidates
        self._compute = compute
        card = task.filled(parent.card)
        self._card = dataclasses.replace(card, scheme=scheme, notes="x" * _NOTES)
        self._cohort = read_folder_cohort(parent.folder) if parent.card.decision else None
        self._known: dict[tuple, int] = {}
        first = smallest(
            {name: _codes(row) or {FLOAT16: 0} for name, row in candidates.items()}, tables=TABLES
        )
        conversion = self._convert(first)
        self._known[tuple(first.items())] = self._bytes(conversion)
        layers = {layer.name: layer for layer in conversion.layers}
        self.sizes = {
            name: {bits: _size(layers[name], bits) for bits in row}
            for name, row in candidates.items()
        }
        self.others = {n: layer.size for n, layer in layers.items() if n not in candidates}

    def size(self, bits: Mapping[str, int]) -> int:
        """Bytes of the file with these widths."""
        key = tuple((name, bits[name]) for name in self._candidates)
        if key not in self._known:
            self._known[key] = self._bytes(self._convert(bits))
        return self._known[key]

    def float_size(self) -> int:
        """Bytes of the float file."""
        card = dataclasses.replace(self._card, scheme=None)
        return self._bytes(convert(self._network, {}, card, self._ends, "float32", "float32"))

    def _bytes(self, conversion: Conversion) -> int:
        return len(conversion.content(cohort=self._cohort))

    def _convert(self, bits: Mapping[str, int]) -> Conversion:
        coded = chosen(self._candidates, bits)
        with replaced(self._network, coded):
            return convert(self._network, coded, self._card, self._ends, "packed", self._compute)


def _codes(row: Mapping[int, StoredWeights]) -> dict[int, int]:
    """Bytes of a layer's codes, by width."""
    return {bits: packed_bytes(x.count, bits) for bits, x in row.items() if bits != FLOAT16}


def _size(layer: LayerSize, bits: int) -> int:
    """Bytes of a coded layer at another width. At 16 bits it has no codebook and no scales."""
    if bits == FLOAT16:
        return FLOAT16 // 8 * math.prod(layer.shape) + layer.bias
    codebook = layer.codebook // 2**layer.bits * 2**bits
    return packed_bytes(math.prod(layer.shape), bits) + codebook + layer.scales + layer.bias
