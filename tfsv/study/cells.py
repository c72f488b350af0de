"""Cells of a comparison: schemes at widths and bit plans, post-training and fine-tuned."""

import dataclasses
import re
from collections.abc import Iterable

from tfsv.errors import InputError
from tfsv.folders import FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.quantization.schemes import Scheme
from tfsv.tasks.task import sensitivity_methods
from tfsv.training.stage_orders import ORDERS


@dataclasses.dataclass(frozen=True)
class Cell:
    """One scheme at one width or with one bit plan, or the float model.

    Example:
        >>> Cell("kmeans", 2, plan="kl").folder("fine_tuned")
        'kmeans_2bit_kl/fine_tuned'

    Attributes:
        scheme: Name of the scheme, as `Scheme` writes itself; "float" for the float model.
        bits: Width of the codes of all layers; 0 for the float model.
        plan: Method of a bit plan that has the bytes of all layers at `bits`. Empty: there is no
            plan.
        order: Order of the stages of fine-tuning, one of `tfsv.training.stage_orders.ORDERS`.
            Empty: all layers in one go.
    """

    scheme: str
    bits: int
    plan: str = ""
    order: str = ""

    @property
    def name(self) -> str:
        """Name of the cell's files and folders."""
        name = f"{re.sub('[^a-z0-9_.]+', '-', self.scheme)}_{self.bits}bit"
        return f"{name}_{self.plan}" if self.plan else name

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are compared; stages make a difference to fine-tuned ones only."""
        return (FINE_TUNED,) if self.order else (POST_TRAINING, FINE_TUNED)

    def folder(self, model: str) -> str:
        """Folder of one of the cell's models, under the folder of the comparison."""
        if not self.bits:
            return model
        return f"{self.name}/{model}" + (f"_{self.order}" if self.order else "")


FLOAT_CELL = Cell(FLOAT, 0)
"""The cell of the float model, whose models are `FLOAT` and `CONTROL`."""


def read_cells(lines: Iterable[str]) -> list[Cell]:
    """Reads lines such as `kmeans 8 4 2` into one cell for each width.

    Example:
        >>> [cell.name for cell in read_cells(["kmeans 4 2", "uniform 2"])]
        ['kmeans_4bit', 'kmeans_2bit', 'uniform_2bit']

    Raises:
        InputError: A scheme, a setting or a width is unknown, or a cell comes twice.
    """
    cells = []
    for line in lines:
        flag = f"scheme={line}"
        name, *widths = line.split()
        if not widths:
            raise InputError(f"{flag}: expected a scheme and its bits, as 'kmeans 4 2'")
        cells += [_cell(name, width, flag) for width in widths]
    return _each_once(cells, "scheme")


def read_plan_cells(lines: Iterable[str]) -> list[Cell]:
    """Reads lines such as `kmeans 2 kl norm` into one cell for each method of a bit plan.

    Example:
        >>> [cell.name for cell in read_plan_cells(["kmeans 2 kl norm"])]
        ['kmeans_2bit_kl', 'kmeans_2bit_norm']

    Raises:
        InputError: A scheme, a setting, a width or a method is unknown, or a cell comes twice.
    """
    cells = []
    for line in lines:
        flag = f"plan={line}"
        name, width, *methods = [*line.split(), "", ""]
        methods, known = list(filter(None, methods)), sensitivity_methods()
        if not methods or not set(methods) <= set(known):
            raise InputError(
                f"{flag}: expected a scheme, bits and methods, as 'kmeans 2 kl norm'; methods are "
                f"{', '.join(known)}"
            )
        cell = _cell(name, width, flag)
        cells += [dataclasses.replace(cell, plan=method) for method in methods]
    return _each_once(cells, "plan")


def read_staged_cells(lines: Iterable[str]) -> list[Cell]:
    """Reads lines such as `kmeans 2 kl bits front` into one cell for each order of stages.

    Example:
        >>> [cell.order for cell in read_staged_cells(["kmeans 2 kl bits front"])]
        ['bits', 'front']

    Raises:
        InputError: A scheme, a setting, a width, a method or an order is unknown, or a cell comes
            twice.
    """
    cells = []
    for line in lines:
        name, width, method, *orders = [*line.split(), "", "", ""]
        orders = list(filter(None, orders))
        if not orders or not set(orders) <= set(ORDERS):
            raise InputError(
                f"staged={line}: expected a scheme, bits, a method and orders, as "
                f"'kmeans 2 kl bits front'; orders are {', '.join(ORDERS)}"
            )
        (cell,) = read_plan_cells([f"{name} {width} {method}"])
        cells += [dataclasses.replace(cell, order=order) for order in orders]
    return _each_once(cells, "staged")


def _cell(name: str, width: str, flag: str) -> Cell:
    scheme = Scheme.parse(name)
    if not width.isdecimal():
        raise InputError(f"{flag}: expected a scheme and its bits, not {width!r}")
    scheme.check_bits(int(width))
    return Cell(str(scheme), int(width))


def _each_once(cells: list[Cell], flag: str) -> list[Cell]:
    for cell in cells:
        if cells.count(cell) > 1:
            words = [cell.scheme, str(cell.bits), cell.plan, cell.order]
            raise InputError(f"{flag}={' '.join(filter(None, words))}: given twice")
    return cells
