"""The widths that lose least within a budget of bytes."""

from collections.abc import Collection, Mapping

import numpy as np
import scipy.optimize
import scipy.sparse

from tfsv.errors import InputError

Table = Mapping[str, Mapping[int, float]]
"""A number for each layer and each of its candidate widths."""


def allocate(
    sensitivities: Table,
    sizes: Table,
    budget: float,
    *,
    tied: Collection[Collection[str]] = (),
    width_sizes: Mapping[int, float] | None = None,
) -> dict[str, int]:
    """Minimises the sum of sensitivities subject to the sum of sizes, exactly.

    An integer programme: one binary variable for each layer and width, one for each width that
    brings a cost of its own as soon as any layer has it. Paper 1 and HAWQ-V2 choose widths by the
    same sum; paper 1 names no solver, an exact one is our choice.

    Args:
        sensitivities: What the network loses when this layer alone has this width; lower is
            better. Every layer may have candidates of its own.
        sizes: Bytes of the layer at this width; the same layers and widths.
        budget: Bytes that all layers together may take.
        tied: Groups of layers that get one width, such as a block's shortcut and main branch.
        width_sizes: Bytes that a width costs once, however many layers have it.

    Returns:
        The width of each layer, in the order of `sensitivities`.

    Raises:
        InputError: The tables do not fit each other, or even the smallest widths exceed the
            budget; names the smallest possible.
    """
    _check(sensitivities, sizes)
    width_sizes = width_sizes or {}
    choices = [(layer, bits) for layer, row in sensitivities.items() for bits in row]
    widths = sorted({bits for _, bits in choices if width_sizes.get(bits)})
    place = {choice: i for i, choice in enumerate(choices)}
    place |= {bits: len(choices) + i for i, bits in enumerate(widths)}

    loss = np.array([sensitivities[layer][bits] for layer, bits in choices] + [0.0] * len(widths))
    cost = np.array(
        [sizes[layer][bits] for layer, bits in choices] + [width_sizes[bits] for bits in widths]
    )
    rules = _Rules(len(place))
    for layer, row in sensitivities.items():
        rules.add({place[layer, bits]: 1 for bits in row}, 1, 1)
    for layer, bits in choices:
        if bits in widths:
            rules.add({place[layer, bits]: 1, place[bits]: -1}, -np.inf, 0)
    for group in tied:
        first, *others = group
        for other in others:
            for bits in {*sensitivities[first], *sensitivities[other]}:
                pair = ((first, 1), (other, -1))
                terms = {place[x, bits]: sign for x, sign in pair if (x, bits) in place}
                rules.add(terms, 0, 0)

    smallest = _solve(cost, rules)
    if smallest is None:
        raise InputError("no choice of bits satisfies the ties; tied layers need a width in common")
    least = int(np.ceil(cost @ smallest))
    if least > budget:
        raise InputError(
            f"--budget={budget:.0f}: too small; the smallest possible is {least} bytes"
        )
    rules.add(dict(enumerate(cost)), -np.inf, budget)
    chosen = _solve(loss / (np.abs(loss).max() or 1.0), rules)
    return {layer: bits for layer, bits in choices if chosen[place[layer, bits]] > 0.5}


def _check(sensitivities: Table, sizes: Table) -> None:
    different = set(sensitivities) ^ set(sizes)
    if different:
        raise InputError(f"sensitivities and sizes are of different layers: {sorted(different)}")
    for layer, row in sensitivities.items():
        if not row or set(row) != set(sizes[layer]):
            raise InputError(f"{layer}: sensitivities for {sorted(row)}, sizes for other widths")
        if not all(np.isfinite(value) for value in row.values()):
            raise InputError(f"{layer}: a sensitivity is not finite")


class _Rules:
    """Linear constraints, row by row."""

    def __init__(self, columns: int):
        self._columns = columns
        self._rows: list[dict[int, float]] = []
        self._bounds: list[tuple[float, float]] = []

    def add(self, terms: Mapping[int, float], low: float, high: float) -> None:
        self._rows.append(dict(terms))
        self._bounds.append((low, high))

    def constraint(self) -> scipy.optimize.LinearConstraint:
        entries = [(r, c, v) for r, row in enumerate(self._rows) for c, v in row.items()]
        rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
        shape = len(self._rows), self._columns
        matrix = scipy.sparse.csr_array((values, (rows, columns)), shape=shape)
        low, high = zip(*self._bounds, strict=True)
        return scipy.optimize.LinearConstraint(matrix, low, high)


def _solve(objective: np.ndarray, rules: _Rules) -> np.ndarray | None:
    outcome = scipy.optimize.milp(
        objective,
        integrality=np.ones(len(objective)),
        bounds=scipy.optimize.Bounds(0, 1),
        constraints=rules.constraint(),
        options={"mip_rel_gap": 0.0},
    )
    return None if outcome.x is None else np.rint(outcome.x)
