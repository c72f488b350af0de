"""Tables of things by name, which the modules that define them fill."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from tfsv.errors import InputError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A table that fills itself from the modules of a package.

    A module adds what it defines, and the package is read when the table is first looked into. So a
    new entry is a new file in the package. Code outside tfsv adds its own in the same way.

    Example:
        >>> SHAPES: Registry[type] = Registry("shape")
        >>> @SHAPES.register("square")
        ... class Square: ...
        >>> SHAPES.named("square") is Square
        True

    Args:
        setting: Name of the entries in settings and errors, such as "network".
        package: Name of the package whose modules are imported. None: no package is read.
    """

    def __init__(self, setting: str, package: str | None = None):
        self._setting = setting
        self._waiting = [package] if package else []
        self._searched = set(self._waiting)
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Adds an entry and returns it.

        Raises:
            ValueError: Another entry has this name.
        """
        if name in self._entries:
            raise ValueError(f"{self._setting} {name!r}: there is one already")
        self._entries[name] = entry
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that adds what it decorates under this name."""
        return lambda entry: self.add(name, entry)

    def remove(self, name: str) -> None:
        """Removes the entry of a name."""
        del self._entries[name]

    def search(self, package: str) -> None:
        """Also imports the modules of this package, when the table is next looked into."""
        if package not in self._searched:
            self._searched.add(package)
            self._waiting.append(package)

    def named(self, name: str) -> T:
        """The entry of a name that a user gave.

        Raises:
            InputError: No entry has this name. The message lists all names.
        """
        if name not in self:
            raise InputError(f"{self._setting}={name}: unknown; choose one of {', '.join(self)}")
        return self[name]

    def __getitem__(self, name: str) -> T:
        return self._filled()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def _filled(self) -> dict[str, T]:
        while self._waiting:
            name = self._waiting.pop(0)  # first, for a module may look into the table itself
            try:
                package = importlib.import_module(name)
                for module in pkgutil.iter_modules(package.__path__):
                    importlib.import_module(f"{name}.{module.name}")
            except BaseException:
                self._waiting.insert(0, name)  # half a table must not pass for a whole one
                raise
        return self._entries
