"""Reads Dalvik executables as far as asking what they define and what they call.

The format is Android's: source.android.com, "Dalvik executable format".
"""

import dataclasses
import struct
from collections.abc import Iterator

NO_INDEX = 0xFFFFFFFF
# Positions in the header of (count, offset) of each table.
STRINGS, TYPES, PROTOTYPES, FIELDS, METHODS, CLASSES = 56, 64, 72, 80, 88, 96


@dataclasses.dataclass(frozen=True)
class DefinedClass:
    """A class that the file defines: the classes above it and the members that it declares."""

    parents: tuple[str, ...]
    members: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Dex:
    """What one file holds. Members are `length()I` or `count#I`, classes `java/lang/String`.

    Attributes:
        defined: Its classes.
        classes: All classes that it names, arrays left out.
        members: Class and member of all fields and methods that it names, those of arrays left out.
    """

    defined: dict[str, DefinedClass]
    classes: frozenset[str]
    members: frozenset[tuple[str, str]]


def read(content: bytes) -> Dex:
    """Reads a `classes.dex`."""
    return _Reader(content).read()


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._strings = [self._string(offset) for (offset,) in self._table(STRINGS, "<I")]
        self._types = [self._strings[index] for (index,) in self._table(TYPES, "<I")]
        prototypes = [
            f"({''.join(self._type_list(parameters))}){self._types[returned]}"
            for _, returned, parameters in self._table(PROTOTYPES, "<III")
        ]
        self._methods = [
            (self._types[owner], self._strings[name] + prototypes[prototype])
            for owner, prototype, name in self._table(METHODS, "<HHI")
        ]
        self._fields = [
            (self._types[owner], f"{self._strings[name]}#{self._types[kind]}")
            for owner, kind, name in self._table(FIELDS, "<HHI")
        ]

    def read(self) -> Dex:
        defined = {}
        for index, _, parent, interfaces, _, _, data, _ in self._table(CLASSES, "<8I"):
            above = [] if parent == NO_INDEX else [self._types[parent]]
            above += self._type_list(interfaces)
            defined[_plain(self._types[index])] = DefinedClass(
                tuple(_plain(name) for name in above), frozenset(self._declared(data))
            )
        return Dex(
            defined,
            frozenset(_plain(name) for name in self._types if name.startswith("L")),
            frozenset(
                (_plain(owner), member)
                for owner, member in self._methods + self._fields
                if owner.startswith("L")
            ),
        )

    def _declared(self, offset: int) -> Iterator[str]:
        if not offset:
            return
        counts = []
        for _ in range(4):
            count, offset = self._number(offset)
            counts.append(count)
        static_fields, instance_fields, direct_methods, virtual_methods = counts
        for count, table, numbers in (
            (static_fields, self._fields, 2),
            (instance_fields, self._fields, 2),
            (direct_methods, self._methods, 3),
            (virtual_methods, self._methods, 3),
        ):
            index = 0
            for _ in range(count):
                step, offset = self._number(offset)
                for _ in range(numbers - 1):
                    _, offset = self._number(offset)
                index += step
                yield table[index][1]

    def _table(self, header: int, layout: str) -> list[tuple[int, ...]]:
        count, offset = struct.unpack_from("<II", self._content, header)
        size = struct.calcsize(layout)
        return list(struct.iter_unpack(layout, self._content[offset : offset + count * size]))

    def _type_list(self, offset: int) -> list[str]:
        if not offset:
            return []
        (count,) = struct.unpack_from("<I", self._content, offset)
        indices = struct.unpack_from(f"<{count}H", self._content, offset + 4)
        return [self._types[index] for index in indices]

    def _string(self, offset: int) -> str:
        _, start = self._number(offset)
        end = self._content.index(0, start)
        return self._content[start:end].decode("utf-8", "surrogatepass")

    def _number(self, offset: int) -> tuple[int, int]:
        """A number of 7 bits a byte, and where it ends."""
        value = shift = 0
        while True:
            byte = self._content[offset]
            offset += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, offset


def _plain(descriptor: str) -> str:
    return descriptor[1:-1]
