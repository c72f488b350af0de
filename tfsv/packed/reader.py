"""Bounds-checked reading of flatbuffer tables, for files that come from anywhere.

The generated API trusts what it reads; here every offset is checked before it is followed. Each
value knows where it lies in the file, and the expander of packed models patches it there.
"""

import struct
from collections.abc import Iterator

import numpy as np

_U16 = struct.Struct("<H")
_I32 = struct.Struct("<i")
U32 = struct.Struct("<I")
I8 = struct.Struct("<b")


class TableReader:
    """A table of a flatbuffer.

    Example:
        >>> model = TableReader.root(content)
        >>> graph = model.tables(fields.MODEL_SUBGRAPHS)[0]
        >>> inputs = graph.numbers(fields.GRAPH_INPUTS, "<i4")

    Args:
        content: The whole file.
        position: Position of the table in the file.

    Raises:
        ValueError: Something of the table lies outside the file.
    """

    __slots__ = ("_fields", "_vtable", "content", "position")

    def __init__(self, content: bytes, position: int):
        self.content, self.position = content, position
        self._vtable = position - _read(_I32, content, position)
        size = _read(_U16, content, self._vtable)
        if size < 4 or self._vtable + size > len(content):
            raise ValueError("damaged flatbuffer (a table's layout lies outside the file)")
        self._fields = (size - 4) // 2

    @classmethod
    def root(cls, content: bytes) -> "TableReader":
        """The table that the file begins with."""
        return cls(content, _read(U32, content, 0))

    def slot(self, field: int) -> int | None:
        """Position of the value of the schema's field of this number; None where it is absent."""
        if field >= self._fields:
            return None
        offset = _read(_U16, self.content, self._vtable + 4 + 2 * field)
        return self.position + offset if offset else None

    def number(self, field: int, form: struct.Struct = U32) -> int:
        """A number in a field; 0 where the field is absent."""
        slot = self.slot(field)
        return 0 if slot is None else _read(form, self.content, slot)

    def table(self, field: int) -> "TableReader | None":
        """The table that a field refers to."""
        slot = self.slot(field)
        return None if slot is None else TableReader(self.content, _followed(self.content, slot))

    def tables(self, field: int) -> "TableVector":
        """The vector of tables that a field refers to; empty where it is absent."""
        start, end = self.span(field, 4) or (0, 0)
        return TableVector(self.content, start, (end - start) // 4)

    def span(self, field: int, width: int = 1) -> tuple[int, int] | None:
        """Where the vector of scalars of `width` bytes that a field refers to starts and ends."""
        slot = self.slot(field)
        if slot is None:
            return None
        start = _followed(self.content, slot)
        end = start + 4 + width * _read(U32, self.content, start)
        if end > len(self.content):
            raise ValueError("damaged flatbuffer (a vector lies outside the file)")
        return start + 4, end

    def numbers(self, field: int, dtype: str) -> np.ndarray:
        """The vector of scalars of a little-endian numpy type; empty where it is absent."""
        width = np.dtype(dtype).itemsize
        start, end = self.span(field, width) or (0, 0)
        return np.frombuffer(self.content, dtype, (end - start) // width, start)


class TableVector:
    """A vector of tables, each read when it is asked for.

    Example:
        >>> graphs = TableReader.root(content).tables(fields.MODEL_SUBGRAPHS)
        >>> len(graphs), len(graphs[0].tables(fields.GRAPH_OPERATORS))

    Attributes:
        position: Position of the first of the vector's offsets in the file.
    """

    __slots__ = ("_content", "_length", "position")

    def __init__(self, content: bytes, position: int, length: int):
        self._content, self.position, self._length = content, position, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[TableReader]:
        return (self[index] for index in range(self._length))

    def __getitem__(self, index: int) -> TableReader:
        if not 0 <= index < self._length:
            raise ValueError(f"damaged flatbuffer (entry {index} of {self._length})")
        return TableReader(self._content, _followed(self._content, self.position + 4 * index))


def _followed(content: bytes, position: int) -> int:
    return position + _read(U32, content, position)


def _read(form: struct.Struct, content: bytes, position: int) -> int:
    if not 0 <= position <= len(content) - form.size:
        raise ValueError("damaged flatbuffer (an offset leads out of the file)")
    return form.unpack_from(content, position)[0]
