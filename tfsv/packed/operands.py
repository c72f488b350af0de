"""What an operator takes, as the rules for the shapes of its outputs see it."""

from collections.abc import Callable, Sequence

Shape = tuple[int, ...]

HIGHEST_RANK = 5
"""Most axes of any tensor."""

BROADCAST_RANK = 4
"""Most axes of what is broadcast, reduced or padded; kernels end the process at more."""

LARGEST_SIDE = 1 << 28
"""Longest axis; the product of two is exact in every language."""


class ForeignGraphError(ValueError):
    """Why a file was not made by tfsv, though nothing of it is damaged.

    Example:
        >>> raise ForeignGraphError("a kernel that does not fit")
    """


class Operands:
    """What an operator takes, as the rules see it.

    Example:
        >>> operands = Operands(shapes=[(1, 8), (2,)], values=lambda place: (2, 4))
        >>> RULES["reshape"](operands, ())
        [(2, 4)]

    Attributes:
        shapes: Shape of each input; None: it is left out.
        values: A function that gives an input's integers by its place among the inputs; None where
            they are not known before the graph runs.
        outputs: Number of outputs.
        work: Multiplications and additions of one inference; rules of layers set it.
        scratch: Bytes that the operator may need beside its outputs; rules of layers set it.
    """

    __slots__ = ("outputs", "scratch", "shapes", "values", "work")

    def __init__(
        self,
        shapes: Sequence[Shape | None],
        values: Callable[[int], tuple[int, ...] | None],
        outputs: int = 1,
    ):
        self.shapes, self.values, self.outputs = shapes, values, outputs
        self.work = self.scratch = 0

    def known(self, place: int) -> tuple[int, ...]:
        """The integers of an input that must be known."""
        found = self.values(place)
        if found is None:
            raise ForeignGraphError("sizes that only running it would tell")
        return found


def checked_axis(axis: int, rank: int) -> int:
    """An axis of a tensor, counted from its first.

    Example:
        >>> checked_axis(-1, 4)
        3

    Raises:
        ForeignGraphError: The tensor has no such axis.
    """
    if not -rank <= axis < rank:
        raise ForeignGraphError("an axis beyond the rank")
    return axis % rank


def check_rank(shape: Shape, lowest: int, highest: int) -> None:
    """Checks how many axes a tensor has.

    Example:
        >>> check_rank((1, 200, 80), 3, 3)

    Raises:
        ForeignGraphError: It has fewer than `lowest` or more than `highest`.
    """
    if not lowest <= len(shape) <= highest:
        raise ForeignGraphError(f"a tensor of {len(shape)} axes")
