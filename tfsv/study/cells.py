"""What a comparison compares: schemes at widths, post-training and fine-tuned."""

import dataclasses
import re
from collections.abc import Iterable

from tfsv.errors import InputError
from tfsv.quantization.schemes import Scheme

FLOAT, CONTROL = "float", "control"
POST_TRAINING, FINE_TUNED = "post_training", "fine_tuned"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One scheme at one width, or the float model.

    Attributes:
        scheme: As `Scheme` writes itself; "float" for the float model.
        bits: Width of the codes; 0 for the float model.
    """

    scheme: str
    bits: int

    def folder(self, model: str) -> str:
        """Where one of the cell's models is, under the folder of the comparison."""
        if not self.bits:
            return model
        return f"{re.sub('[^a-z0-9_.]+', '-', self.scheme)}_{self.bits}bit/{model}"


FLOAT_CELL = Cell(FLOAT, 0)
"""Its models are `FLOAT` and `CONTROL`."""


def read_cells(lines: Iterable[str]) -> list[Cell]:
    """Reads lines such as `kmeans 8 4 2` into one cell for each width.

    Raises:
        InputError: A scheme, a setting or a width is unknown, or a cell comes twice.
    """
    cells = []
    for line in lines:
        name, *widths = line.split()
        scheme = Scheme.parse(name)
        if not widths or not all(width.isdecimal() for width in widths):
            raise InputError(f"--scheme={line}: expected a scheme and its bits, as 'kmeans 4 2'")
        for width in map(int, widths):
            scheme.check_bits(width)
            cells.append(Cell(str(scheme), width))
    if len(set(cells)) < len(cells):
        again = next(cell for cell in cells if cells.count(cell) > 1)
        raise InputError(f"--scheme={again.scheme} {again.bits}: given twice")
    return cells
