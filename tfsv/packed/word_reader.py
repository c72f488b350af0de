"""Flatbuffer tables of any origin, read fast: the file as words, each table's layout read once.

`tfsv.packed.reader` follows one field after another, which takes a microsecond each. A graph has
thousands of fields, and few layouts. Here the fields of a layout are checked once.
"""

import numpy as np

from tfsv.packed.operands import ForeignGraphError

_BYTES = {"o": 4, "i": 4, "f": 4, "v": 4, "b": 1}
_LONGEST = 1 << 8
_MOST = 1 << 16


class WordReader:
    """The tables of a file.

    A place outside the file raises IndexError or ValueError.

    Example:
        >>> reader = WordReader(content)
        >>> place, fields = reader.table(0, "ioooo")
        >>> reader.number(place, fields[1])
        3

    Attributes:
        content: The file.
        size: Bytes of its whole words.
        words: The file as int32.
        halves: The file as uint16.
    """

    def __init__(self, content: bytes):
        self.content = content
        self.size = len(content) & ~3
        view = memoryview(content)[: self.size]
        self.words, self.halves = view.cast("i"), view.cast("H")
        self._layouts: dict[str, dict[int, tuple[int, ...]]] = {}

    def table(self, slot: int, kind: str) -> tuple[int, tuple[int, ...]]:
        """Where the table that an offset leads to begins, and where in it its fields are.

        Args:
            slot: Where the offset is.
            kind: The fields that the table may have, in the schema's order: o an offset, v one of a
                vector, i and f 4 bytes, b a byte, x none.

        Returns:
            The table's place. Then its bytes, and the place of each field of `kind` in it, 0 for an
            absent one.
        """
        offset = self.words[slot >> 2]
        place = slot + offset
        if offset <= 0 or place & 3:
            raise ValueError("damaged flatbuffer (an offset leads out of the file)")
        layout = place - self.words[place >> 2]
        known = self._layouts.get(kind)
        if known is None:
            known = self._layouts[kind] = {}
        fields = known.get(layout)
        if fields is None:
            fields = known[layout] = self._layout(layout, kind)
        if place + fields[0] > self.size:
            raise ValueError("damaged flatbuffer (a table lies outside the file)")
        return place, fields

    def _layout(self, place: int, kind: str) -> tuple[int, ...]:
        """Bytes of a table and the places of its fields, 0 for absent ones."""
        if place & 1 or not 0 <= place < self.size:
            raise ValueError("damaged flatbuffer (a table's layout lies outside the file)")
        length, size = self.halves[place >> 1], self.halves[(place >> 1) + 1]
        if length < 4 or length & 1 or place + length > self.size or size < 4:
            raise ValueError("damaged flatbuffer (a table's layout lies outside the file)")
        fields = list(self.halves[(place >> 1) + 2 : (place + length) >> 1])
        for number, offset in enumerate(fields):
            if not offset:
                continue
            width = _BYTES.get(kind[number]) if number < len(kind) else None
            if width is None:
                raise ForeignGraphError("a field that no file of tfsv has")
            if offset < 4 or offset % width or offset + width > size:
                raise ValueError("damaged flatbuffer (a field lies outside its table)")
        return (size, *fields[: len(kind)], *[0] * (len(kind) - len(fields)))

    def number(self, place: int, field: int, default: int = 0) -> int:
        """A number of 4 bytes in a field; `default` where it is absent."""
        return self.words[(place + field) >> 2] if field else default

    def byte(self, place: int, field: int, default: int = 0) -> int:
        """A number of a byte in a field; `default` where it is absent."""
        return self.content[place + field] if field else default

    def vector(self, place: int, field: int, width: int) -> tuple[int, int]:
        """Where the elements of a vector start and end; an empty one where there is none."""
        if not field:
            return 0, 0
        slot = place + field
        offset = self.words[slot >> 2]
        start = slot + offset
        if offset <= 0 or start & 3:
            raise ValueError("damaged flatbuffer (an offset leads out of the file)")
        count = self.words[start >> 2]
        end = start + 4 + width * count
        if count < 0 or end > len(self.content):
            raise ValueError("damaged flatbuffer (a vector lies outside the file)")
        return start + 4, end

    def tables(self, place: int, field: int) -> range:
        """Where the offsets of a vector of tables are."""
        start, end = self.vector(place, field, 4)
        if end - start > 4 * _MOST:
            raise ForeignGraphError("a vector that is too long")
        return range(start, end, 4)

    def all_tables(self, place: int, field: int, kind: str) -> list[tuple[int, tuple[int, ...]]]:
        """Every table of a vector, as `table` gives it."""
        slots = self.tables(place, field)
        if not slots:
            return []
        array = np.frombuffer(self.content, "<i4", self.size >> 2)
        offsets = array[slots.start >> 2 : slots.stop >> 2].astype(np.int64)
        places = np.arange(slots.start, slots.stop, 4) + offsets
        if offsets.min() <= 0 or (places & 3).any():
            raise ValueError("damaged flatbuffer (an offset leads out of the file)")
        layouts = (places - array[places >> 2]).tolist()
        known = self._layouts.setdefault(kind, {})
        for layout in set(layouts) - known.keys():
            known[layout] = self._layout(layout, kind)
        found = [(at, known[layout]) for at, layout in zip(places.tolist(), layouts, strict=True)]
        if any(at + fields[0] > self.size for at, fields in found):
            raise ValueError("damaged flatbuffer (a table lies outside the file)")
        return found

    def integers(self, place: int, field: int) -> tuple[int, ...]:
        """A short vector of int32; empty where there is none."""
        start, end = self.vector(place, field, 4)
        if end - start > 4 * _LONGEST:
            raise ForeignGraphError("a vector that is too long")
        return tuple(self.words[start >> 2 : end >> 2])

    def text(self, place: int, field: int) -> bytes:
        """The bytes of a string; empty where there is none."""
        start, end = self.vector(place, field, 1)
        return bytes(self.content[start:end])
