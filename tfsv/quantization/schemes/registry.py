"""The table of schemes. Its quantizers and TensorFlow are imported when it is looked into."""

from collections.abc import Iterator

from tfsv.registry import Registry

DEFAULT = "kmeans"


class _SchemeTable(Registry["type[KernelQuantizer]"]):
    """A registry in which the default comes first and the others follow by name."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__(), key=lambda name: (name != DEFAULT, name)))


SCHEMES = _SchemeTable("scheme", "tfsv.quantization.schemes")
"""Quantizers by the names of their schemes. The attribute `widths` has the scheme's bits.

A scheme of your own can stand in any module that is imported before it is named.
`tfsv.quantization.KernelQuantizer` has an example.

Example:
    >>> SCHEMES["apot"].widths
    (2, 3, 4, 5, 6, 7, 8)
"""
