"""A scheme with its settings, and the text that names it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfsv.errors import InputError
from tfsv.quantization.schemes.registry import DEFAULT, SCHEMES
from tfsv.settings import named_settings
from tfsv.widths import FLOAT16

if TYPE_CHECKING:
    from tfsv.quantization.schemes.base import KernelQuantizer

_NETWORK_SETTINGS = {
    "first": ("coded", "8bit", "float"),
    "last": ("coded", "8bit", "float"),
    "shortcuts": ("coded", "float"),
    "activations": ("float", "binary"),
}


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A scheme with its settings, such as `binary_weight:forward=latent,first=float`.

    Every scheme has these settings beside its quantizer's own:

    * `first` and `last` say how the network's first and last layer with a kernel are kept. "coded"
      is as all others, "8bit" is uniform with max-abs scale as the public APoT code does, and
      "float" is not quantized.
    * `shortcuts` says how projection shortcuts are kept, "coded" or "float".
    * `activations` is "float", or "binary" for the sign in place of every ReLU (paper 3's full
      binary network).

    The defaults quantize every kernel. Only this reading of paper 1 agrees with its compression
    ratio.

    Example:
        >>> scheme = Scheme("uniform", {"scale": "max"})
        >>> str(scheme)
        'uniform:scale=max'
        >>> scheme["first"]
        'coded'

    Attributes:
        name: Name of the scheme, a key of `SCHEMES`.
        settings: Values of the settings that are not at their defaults.
    """

    name: str = DEFAULT
    settings: Mapping[str, str | float] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        allowed = self._allowed()
        checked = {}
        for key, value in self.settings.items():
            if key not in allowed:
                raise InputError(
                    f"scheme={self.name}: has no setting {key!r}; it has {', '.join(allowed)}"
                )
            checked[key] = _checked(self.name, key, value, allowed[key])
        changed = {k: checked[k] for k in sorted(checked) if checked[k] != _default(allowed[k])}
        object.__setattr__(self, "settings", changed)

    @classmethod
    def parse(cls, text: str) -> Scheme:
        """Reads what `str` of a scheme gives: `name` or `name:setting=value,setting=value`.

        Raises:
            InputError: A name, setting or value is unknown.

        Example:
            >>> Scheme.parse("kmeans:centroids=gradient,last=8bit")["last"]
            '8bit'
        """
        return cls(*named_settings(text))

    def __str__(self) -> str:
        pairs = ",".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.name}:{pairs}" if pairs else self.name

    def __getitem__(self, setting: str) -> str | float:
        """The value of a setting, its default included."""
        return self.settings.get(setting, _default(self._allowed()[setting]))

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of codes that the scheme has."""
        return SCHEMES[self.name].widths

    def check_bits(self, bits: int) -> None:
        """Raises an InputError if the scheme does not have this width; every one has 16."""
        if bits not in (*self.widths, FLOAT16):
            widths = self.widths
            has = f"{widths[0]} to {widths[-1]}" if len(widths) > 1 else f"only {widths[0]}"
            raise InputError(f"bits={bits}: scheme {self.name} has {has}, and 16 for float16")

    def quantizer(self, bits: int, channel_axes: int = 1) -> KernelQuantizer:
        """A new quantizer of this scheme.

        Args:
            bits: Width of a code, or 16 for weights in float16, which no scheme changes.
            channel_axes: Number of the kernel's last axes that count the output channels: 2 for a
                depthwise kernel, 1 for any other.

        Raises:
            InputError: The scheme does not have this width.
        """
        self.check_bits(bits)
        quantizer = SCHEMES[self.name]
        if bits == FLOAT16:
            from tfsv.quantization.schemes.float16 import Float16Quantizer

            return Float16Quantizer()
        settings = {key: self[key] for key in quantizer.settings}
        return quantizer.for_kernel(bits, channel_axes, **settings)

    def _allowed(self) -> dict[str, tuple[str, ...] | float]:
        return {**SCHEMES.named(self.name).settings, **_NETWORK_SETTINGS}


def _default(allowed: tuple[str, ...] | float) -> str | float:
    return allowed[0] if isinstance(allowed, tuple) else allowed


def _checked(scheme: str, key: str, value, allowed: tuple[str, ...] | float) -> str | float:
    if isinstance(allowed, tuple):
        if value not in allowed:
            raise InputError(
                f"scheme={scheme}: {key}={value} is unknown; choose one of {', '.join(allowed)}"
            )
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"scheme={scheme}: {key}={value}: expected a number above 0")
    return number
