"""The plan for a budget of the packed file, whose true size is known only once it is written."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

from tfsv.bitwidth.allocation import LookUpTables, WidthTable, allocate, smallest
from tfsv.bitwidth.plan import LayerPlan
from tfsv.bitwidth.sensitivity import Row
from tfsv.errors import InputError
from tfsv.quantization.shortcuts import block_of, is_shortcut

_TRIES = 10  # files written in search of the budget; each takes seconds
_UNITS = {"bytes": 1, "byte": 1, "kb": 1000, "mb": 1_000_000, "b": 1, "": 1}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a search found.

    Attributes:
        bits: By layer.
        loss: Predicted: the sum of sensitivities.
        size: Bytes of the file, as written.
        note: Why it is farther from the budget than was wanted; empty where it is not.
    """

    bits: Mapping[str, int]
    loss: float
    size: int
    note: str = ""


def parse_budget(text: str) -> int:
    """Bytes of a budget such as `900kB`, `1.2MB`, `640000` or `640000 bytes`; 1 kB = 1000 bytes.

    Raises:
        InputError: It is not such a text or not above 0.
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(number) :].lower()
    try:
        size = round(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        size = 0
    if size < 1:
        raise InputError(f"budget={text}: expected a size such as 900kB, 1.2MB or 900000")
    return size


def budget_tolerance(budget: int) -> int:
    """How far below the budget a file may stay: 1 % or 2 kB, whichever is more."""
    return max(budget // 100, 2000)


def shortcut_ties(layers: Collection[str]) -> list[list[str]]:
    """A group for each projection shortcut: it and the other layers of its block (HAWQ-V2)."""
    blocks = [block_of(name) for name in layers if is_shortcut(name)]
    return [[name for name in layers if name.startswith(block)] for block in blocks]


def predicted_loss(sensitivities: WidthTable, bits: Mapping[str, int]) -> float:
    """The sum of the sensitivities of the chosen widths."""
    return sum(sensitivities[name][width] for name, width in bits.items())


def predicted_size(
    sizes: WidthTable, bits: Mapping[str, int], tables: LookUpTables | None = None
) -> float:
    """The bytes of the layers and of the tables that their widths need."""
    needed = set().union(*((tables or {}).get(width, {}).items() for width in bits.values()))
    return sum(sizes[name][width] for name, width in bits.items()) + sum(n for _, n in needed)


def check_budget(budget: int, least: int) -> None:
    """Raises InputError if the budget is below the bytes of the smallest possible file."""
    if least > budget:
        raise InputError(
            f"budget={budget}: too small; the smallest possible file has {least} bytes"
        )


def search(
    sensitivities: WidthTable,
    sizes: WidthTable,
    budget: int,
    true_size: Callable[[Mapping[str, int]], int],
    *,
    tied: Sequence[Sequence[str]] = (),
    tables: LookUpTables | None = None,
) -> Choice:
    """The widths of least predicted loss whose file fits the budget.

    `allocate` is exact in what layers take; what the rest of the file takes (front end, graph,
    card, and the operators that decode, fewer where layers of a shape share a width) is learned
    from files: the bytes left for the layers are moved, by the gap of the last file or into the
    middle of what is known to be too small and too large, until the file is within
    `budget_tolerance` of the budget. The papers count codes alone.

    Args:
        sensitivities: By layer and width.
        sizes: Bytes by layer and width.
        budget: Bytes that the file may take.
        true_size: Writes the file of such widths and returns its bytes.
        tied: See `allocate`.
        tables: See `allocate`.

    Raises:
        InputError: The budget is below the smallest file; names its size.
    """
    least = smallest(sizes, tied, tables)
    least_size = true_size(least)
    check_budget(budget, least_size)
    richest = allocate(sensitivities, sizes, float("inf"), tied=tied)
    richest_size = true_size(richest)
    if richest_size <= budget:
        note = ""
        if budget - richest_size > budget_tolerance(budget):
            note = "no choice of these widths is predicted to lose less, with more bytes or fewer"
        return Choice(richest, predicted_loss(sensitivities, richest), richest_size, note)

    best = Choice(least, predicted_loss(sensitivities, least), least_size)
    low = predicted_size(sizes, least, tables)  # bytes of the layers that are known to fit
    high = predicted_size(sizes, richest, tables)  # and not to fit
    limit = budget - (least_size - low)
    for _ in range(_TRIES):
        if not low < limit < high:
            limit = (low + high) / 2
        bits = allocate(sensitivities, sizes, limit, tied=tied, tables=tables)
        size, used = true_size(bits), predicted_size(sizes, bits, tables)
        if size <= budget:
            loss = predicted_loss(sensitivities, bits)
            best = min(best, Choice(bits, loss, size), key=lambda choice: choice.loss)
            low = max(low, limit)
            if budget - size <= budget_tolerance(budget):
                break
        else:
            high = min(high, used)
        if high - low < 1:
            break
        limit = used + budget - size
    note = ""
    if budget - best.size > budget_tolerance(budget):
        note = "the next better choice of these widths makes a file above the budget"
    return dataclasses.replace(best, note=note)


def explained(choice: Choice, rows: Mapping[str, Row], sizes: WidthTable) -> dict[str, LayerPlan]:
    """The layers of a plan, each with its reason: what the next widths would lose and take."""
    layers = {}
    for name, bits in choice.bits.items():
        row = rows[name]
        parts = [row.because]
        widths = sorted(row.losses)
        place = widths.index(bits)
        for other in widths[max(0, place - 1) : place] + widths[place + 1 : place + 2]:
            change = row.losses[other] - row.losses[bits]
            size = sizes[name][other] - sizes[name][bits]
            parts.append(f"{other} bits: loss {change:+.3g}, {size:+,.0f} bytes")
        layers[name] = LayerPlan(bits, int(sizes[name][bits]), row.losses[bits], "; ".join(parts))
    return layers
