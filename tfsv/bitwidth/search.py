"""The search for the plan that fits a budget of the packed file.

The true size of a file is known only once it is written.
"""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from tfsv.bitwidth.allocation import LookUpTables, WidthTable, allocate, smallest
from tfsv.bitwidth.plan import LayerPlan
from tfsv.bitwidth.sensitivity import Row
from tfsv.errors import InputError
from tfsv.quantization.shortcuts import block_of, is_shortcut

_TRIES = 10  # files written in search of the budget; each takes seconds
_BLOCK = re.compile(r"(?:.*_)?block\d+(?=_)")
_UNITS = {"bytes": 1, "byte": 1, "kb": 1000, "mb": 1_000_000, "b": 1, "": 1}


@dataclasses.dataclass(frozen=True)
class Choice:
    """The widths that a search found.

    Example:
        >>> choice = Choice({"stem": 4, "embedding": 2}, loss=0.3, size=900)

    Attributes:
        bits: Width of each layer.
        loss: Predicted loss, the sum of sensitivities.
        size: Bytes of the file, as written.
        note: Reason why the file is farther from the budget than was wanted. Empty: it is not.
    """

    bits: Mapping[str, int]
    loss: float
    size: int
    note: str = ""


def parse_budget(text: str) -> int:
    """The bytes of a budget such as `900kB`, `1.2MB`, `640000` or `640000 bytes`.

    1 kB is 1000 bytes.

    Example:
        >>> parse_budget("1.2MB")
        1200000

    Raises:
        InputError: The text is no such budget, or not above 0.
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
    """The bytes by which a file may stay below the budget: 1 % or 2 kB, whichever is more.

    Example:
        >>> budget_tolerance(900_000)
        9000
    """
    return max(budget // 100, 2000)


def shortcut_ties(layers: Collection[str]) -> list[list[str]]:
    """A group for each projection shortcut, with the other layers of its block (HAWQ-V2).

    Example:
        >>> shortcut_ties(["stem", "stage2_block1_conv1", "stage2_block1_shortcut"])
        [['stage2_block1_conv1', 'stage2_block1_shortcut']]
    """
    blocks = [block_of(name) for name in layers if is_shortcut(name)]
    return [[name for name in layers if name.startswith(block)] for block in blocks]


def block_ties(layers: Collection[str]) -> list[list[str]]:
    """A group for each block of several layers, which then share a width.

    A block is known by the names of its layers, which begin alike up to "block" and a number.
    Paper 4 gives each of a block's layers a width of its own.

    Example:
        >>> block_ties(["stem", "stack1_block1_in", "stack1_block1_out", "stack1_block2_in"])
        [['stack1_block1_in', 'stack1_block1_out']]
    """
    groups: dict[str, list[str]] = {}
    for name in layers:
        if found := _BLOCK.match(name):
            groups.setdefault(found.group(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def predicted_loss(sensitivities: WidthTable, bits: Mapping[str, int]) -> float:
    """The sum of the sensitivities of the chosen widths.

    Example:
        >>> losses = {"stem": {2: 0.5, 4: 0.25}, "embedding": {2: 0.25, 4: 0.125}}
        >>> predicted_loss(losses, {"stem": 4, "embedding": 2})
        0.5
    """
    return sum(sensitivities[name][width] for name, width in bits.items())


def predicted_size(
    sizes: WidthTable, bits: Mapping[str, int], tables: LookUpTables | None = None
) -> float:
    """The bytes of the layers and of the tables that their widths need.

    Example:
        >>> sizes = {"stem": {2: 100, 4: 200}, "embedding": {2: 100, 4: 200}}
        >>> predicted_size(sizes, {"stem": 4, "embedding": 2}, {2: {0: 64}})
        364
    """
    needed = set().union(*((tables or {}).get(width, {}).items() for width in bits.values()))
    return sum(sizes[name][width] for name, width in bits.items()) + sum(n for _, n in needed)


def check_budget(budget: int, least: int) -> None:
    """Raises an InputError if the budget is below the bytes of the smallest possible file.

    Example:
        >>> check_budget(900_000, least=400_000)
    """
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

    `allocate` counts the bytes of layers exactly. The bytes of the rest are learned from files. The
    rest is front end, graph, card, and the operators that decode, of which there are fewer where
    layers of a shape share a width. The bytes left for the layers are moved until the file is
    within `budget_tolerance` of the budget. They move by the gap of the last file, or into the
    middle between too small and too large. The papers count codes alone.

    Example:
        >>> losses = {"stem": {2: 0.9, 4: 0.1}, "embedding": {2: 0.2, 4: 0.1}}
        >>> sizes = {"stem": {2: 1e5, 4: 2e5}, "embedding": {2: 1e5, 4: 2e5}}
        >>> search(losses, sizes, 340_000, lambda bits: 40_000 + 50_000 * sum(bits.values())).bits
        {'stem': 4, 'embedding': 2}

    Args:
        sensitivities: Loss of the network when a layer alone has a width, by layer and width.
        sizes: Bytes of a layer at a width, by layer and width.
        budget: Bytes that the file may take.
        true_size: Function that writes the file of a choice of widths and returns its bytes.
        tied: Groups of layers that get one width.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.

    Raises:
        InputError: The budget is below the smallest file. The message names its size.
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
    """The layers of a plan, each with its reason: the losses and bytes of the next widths.

    Example:
        >>> rows = {"stem": Row({2: 0.5, 4: 0.25}, "divergence 0.5 at 2 bits")}
        >>> plans = explained(Choice({"stem": 4}, 0.25, 900), rows, {"stem": {2: 100, 4: 200}})
        >>> plans["stem"].why
        'divergence 0.5 at 2 bits; 2 bits: loss +0.25, -100 bytes'

    Args:
        choice: Widths that were chosen.
        rows: Sensitivities of each layer.
        sizes: Bytes of a layer at a width, by layer and width.
    """
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
