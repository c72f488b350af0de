"""The table of schemes. Its quantizers, and TensorFlow, are imported when it is looked into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfsv.registry import Registry

if TYPE_CHECKING:
    pass

DEFAULT = "kmeans"


class _SchemeTable(Registry["type[KernelQuantizer]"]):
    """The default comes first and the others follow by name, whatever was imported first."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__(), key=lambda name: (name != DEFAULT, name)))


SCHEMES = _SchemeTable("scheme", "tfsv.quantization.schemes")
"""The quantizer of each scheme by name; its `widths` are the bits that the scheme has.

Example:
    A scheme of your own, in any module that is imported before it is named:

    >>> @SCHEMES.register("ternary")
    ... @keras.utils.register_keras_serializable("mine")
    ... class TernaryQuantizer(KernelQuantizer): ...
    >>> quantized = quantize(network, 2, "ternary")
"""
