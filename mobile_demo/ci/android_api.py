"""What shipped code calls that the oldest supported Android does not have.

The public classes and members of API level 24 come from a signature file of Animal Sniffer. It has
no hidden ones, so that a call of these is found as well.
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping

import artifacts
import dex
from failure import run

# Annotations that are part of the format of executables, and no classes.
FORMAT = "dalvik/annotation/"
PROGRAM = pathlib.Path(__file__).with_name("Signatures.java")


@dataclasses.dataclass(frozen=True)
class PublicClass:
    """A class of the interface: the classes above it and the members that it declares."""

    parents: tuple[str, ...]
    members: frozenset[str]


def public_classes() -> dict[str, PublicClass]:
    """The interface of API level 24."""
    signatures, sniffer = artifacts.fetch("checks")
    classes = {}
    for line in run(["java", "-cp", sniffer, PROGRAM, signatures], "Signatures").splitlines():
        name, parent, interfaces, *members = line.split(" ")
        parents = tuple(above for above in (parent, *interfaces.split(",")) if above != "-")
        classes[name] = PublicClass(parents, frozenset(members))
    return classes


def missing(files: Iterable[dex.Dex], interface: Mapping[str, PublicClass]) -> list[str]:
    """Classes and members that the code names and that are neither in it nor in the interface.

    Args:
        files: All executables of an APK. A member is looked for in the class that the code names,
            then in all classes above it.
        interface: Of the oldest Android.

    Returns:
        `java/util/List` or `java/util/List.of()Ljava/util/List;`, sorted.
    """
    files = list(files)
    known = {**interface}
    for file in files:
        known.update(file.defined)

    def has(owner: str, member: str) -> bool:
        found = known.get(owner)
        return found is not None and (
            member in found.members or any(has(parent, member) for parent in found.parents)
        )

    classes = {
        name
        for file in files
        for name in file.classes
        if name not in known and not name.startswith(FORMAT)
    }
    members = {
        f"{owner}.{member}"
        for file in files
        for owner, member in file.members
        if owner in known and not has(owner, member)
    }
    return sorted(classes | members)
