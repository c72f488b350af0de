"""Allocation: the widths that lose least within a budget of bytes."""

from collections.abc import Collection, Mapping

import numpy as np
import scipy.optimize
import scipy.sparse

from tfsv.errors import InputError

WidthTable = Mapping[str, Mapping[int, float]]
"""Number for each layer and each of its candidate widths."""


LookUpTables = Mapping[int, Mapping[int, int]]
"""Bytes of the look-up tables that decode each width, by width and table. Widths share tables."""


def allocate(
    sensitivities: WidthTable,
    sizes: WidthTable,
    budget: float,
    *,
    tied: Collection[Collection[str]] = (),
    tables: LookUpTables | None = None,
) -> dict[str, int]:
    """Minimises the sum of sensitivities subject to the sum of sizes, exactly.

    It is an integer programme with a binary variable for each layer and width, and one for each
    look-up table. A table costs its bytes once, however many layers and widths need it. Paper 1 and
    HAWQ-V2 choose widths by the same sum, without tables. Paper 1 names no solver, and an exact one
    is our choice.

    Example:
        >>> losses = {"stem": {2: 0.9, 4: 0.1}, "embedding": {2: 0.2, 4: 0.1}}
        >>> sizes = {"stem": {2: 100, 4: 200}, "embedding": {2: 100, 4: 200}}
        >>> allocate(losses, sizes, budget=300)
        {'stem': 4, 'embedding': 2}

    Args:
        sensitivities: Loss of the network when a layer alone has a width, by layer and width. Every
            layer may have candidates of its own.
        sizes: Bytes of a layer at a width, for the same layers and widths.
        budget: Bytes that all layers and the tables of their widths together may take.
        tied: Groups of layers that get one width, such as a block's shortcut and main branch.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.

    Returns:
        The width of each layer, in the order of `sensitivities`.

    Raises:
        InputError: Sensitivities and sizes do not fit each other, or even the smallest widths
            exceed the budget. The message names the smallest possible bytes.
    """
    _check(sensitivities, sizes)
    programme = _Programme(sizes, tied, tables or {})
    least = int(np.ceil(programme.cost @ programme.solve(programme.cost)))
    if least > budget:
        raise InputError(f"budget={budget:.0f}: too small; the smallest possible is {least} bytes")
    programme.add(dict(enumerate(programme.cost)), -np.inf, budget)
    return programme.choice(programme.least(programme.objective(sensitivities)))


def smallest(
    sizes: WidthTable, tied: Collection[Collection[str]] = (), tables: LookUpTables | None = None
) -> dict[str, int]:
    """The widths with the fewest bytes, tables included.

    Example:
        >>> smallest({"stem": {2: 100, 4: 200}, "embedding": {2: 100, 4: 200}})
        {'stem': 2, 'embedding': 2}

    Args:
        sizes: Bytes of a layer at a width, by layer and width.
        tied: Groups of layers that get one width.
        tables: Bytes of the look-up tables that decode each width, by width and table. None: no
            width needs tables.

    Raises:
        InputError: Tied layers have no width in common.
    """
    programme = _Programme(sizes, tied, tables or {})
    return programme.choice(programme.solve(programme.cost))


def _check(sensitivities: WidthTable, sizes: WidthTable) -> None:
    different = set(sensitivities) ^ set(sizes)
    if different:
        raise InputError(f"sensitivities and sizes are of different layers: {sorted(different)}")
    for layer, row in sensitivities.items():
        if not row or set(row) != set(sizes[layer]):
            raise InputError(f"{layer}: sensitivities for {sorted(row)}, sizes for other widths")
        if not all(np.isfinite(value) for value in row.values()):
            raise InputError(f"{layer}: a sensitivity is not finite")


_TOLERANCE = 1e-6  # HiGHS's, absolute


class _Programme:
    """The integer programme: variables, their bytes, and constraints row by row."""

    def __init__(self, sizes: WidthTable, tied: Collection[Collection[str]], tables: LookUpTables):
        self._choices = [(layer, bits) for layer, row in sizes.items() for bits in row]
        table_bytes = {table: size for row in tables.values() for table, size in row.items()}
        keys = [*self._choices, *table_bytes]
        self._place = place = {key: number for number, key in enumerate(keys)}
        self._rows: list[dict[int, float]] = []
        self._bounds: list[tuple[float, float]] = []
        self.cost = np.array(
            [*(sizes[layer][bits] for layer, bits in self._choices), *table_bytes.values()], float
        )
        for layer, row in sizes.items():
            self.add({place[layer, bits]: 1 for bits in row}, 1, 1)
            for table in table_bytes:
                users = {place[layer, bits]: 1 for bits in row if table in tables.get(bits, {})}
                if users:
                    self.add(users | {place[table]: -1}, -np.inf, 0)
        for first, *others in tied:
            for other in others:
                for bits in {*sizes[first], *sizes[other]}:
                    pair = ((first, 1), (other, -1))
                    terms = {place[x, bits]: sign for x, sign in pair if (x, bits) in place}
                    self.add(terms, 0, 0)

    def add(self, terms: Mapping[int, float], low: float, high: float) -> None:
        """Bounds a sum of variables, by place, times factors."""
        self._rows.append(dict(terms))
        self._bounds.append((low, high))

    def objective(self, values: WidthTable) -> np.ndarray:
        """Values of the choices above their layer's least, at most 1. Tables have none."""
        least = {layer: min(row.values()) for layer, row in values.items()}
        above = np.array([values[layer][bits] - least[layer] for layer, bits in self._choices])
        return np.pad(above / (above.max() or 1.0), (0, len(self.cost) - len(above)))

    def least(self, objective: np.ndarray) -> np.ndarray:
        """Zeros and ones of least objective, which is nowhere negative, to a millionth of it.

        The solver's tolerance is absolute, and the least total may be a tiny part of the worst
        choice. So this solves again in units of the total that it found, until nothing is gained.
        It leaves out the choices that are worse than that total alone.
        """
        solution, total = self.solve(objective), np.inf
        while 0 < objective @ solution < total * (1 - _TOLERANCE):
            best, total = solution, objective @ solution
            solution = self.solve(objective / total, objective <= total)
        return solution if objective @ solution < total else best

    def solve(self, objective: np.ndarray, possible: np.ndarray | float = 1) -> np.ndarray:
        """Zeros and ones of least objective, with zeros only where `possible` is 0.

        Raises:
            InputError: There is no solution, which only ties can cause.
        """
        outcome = scipy.optimize.milp(
            objective,
            integrality=np.ones(len(objective)),
            bounds=scipy.optimize.Bounds(0, np.asarray(possible, float)),
            constraints=self._constraint(),
            options={"mip_rel_gap": 0.0},
        )
        if outcome.x is None:
            raise InputError(
                "no choice of bits satisfies the ties; tied layers need a width in common"
            )
        return np.rint(outcome.x)

    def choice(self, solution: np.ndarray) -> dict[str, int]:
        """The width of each layer."""
        return {
            layer: bits for layer, bits in self._choices if solution[self._place[layer, bits]] > 0.5
        }

    def _constraint(self) -> scipy.optimize.LinearConstraint:
        entries = [(r, c, v) for r, row in enumerate(self._rows) for c, v in row.items()]
        rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
        shape = len(self._rows), len(self.cost)
        matrix = scipy.sparse.csr_array((values, (rows, columns)), shape=shape)
        low, high = zip(*self._bounds, strict=True)
        return scipy.optimize.LinearConstraint(matrix, low, high)
