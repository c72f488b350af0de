"""What goes into a model and what comes out of it: named arrays."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or an output of a model.

    Attributes:
        name: Name of the port in the model's file.
        shape: Shape with the batch axis, which is 1; None stands for an axis of any length.
        dtype: Type of the values, as numpy names it.

    Example:
        >>> port = Port("features", (1, None, 80))
        >>> port.fits(np.zeros((1, 200, 80), np.float32))
        True
        >>> port.with_length(100)
        (1, 100, 80)
        >>> str(port)
        'features float32 [1, any, 80]'
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"

    def with_length(self, length: int) -> tuple[int, ...]:
        """The shape with this length in place of every axis of any length."""
        return tuple(length if size is None else size for size in self.shape)

    def fits(self, array: np.ndarray) -> bool:
        """Whether an array has this type and shape; an axis of any length must not be empty."""
        return (
            array.dtype == self.dtype
            and len(array.shape) == len(self.shape)
            and all(
                size == wanted if wanted is not None else size > 0
                for size, wanted in zip(array.shape, self.shape, strict=True)
            )
        )

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.dtype} [{sizes}]"
