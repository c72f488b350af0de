"""Schemes by name, and the text that names one with its settings."""

import dataclasses
import math
from collections.abc import Mapping

import tf_keras as keras

from tfsv.errors import InputError
from tfsv.quantization.schemes.admm import ADMMQuantizer
from tfsv.quantization.schemes.base import KernelQuantizer
from tfsv.quantization.schemes.binary import AdaptiveBinaryQuantizer, StaticBinaryQuantizer
from tfsv.quantization.schemes.binary_weight import BinaryWeightQuantizer
from tfsv.quantization.schemes.kmeans import KMeansQuantizer
from tfsv.quantization.schemes.powers import AdditivePowersOfTwoQuantizer, PowersOfTwoQuantizer
from tfsv.quantization.schemes.uniform import UniformQuantizer

SCHEMES: dict[str, type[KernelQuantizer]] = {
    "kmeans": KMeansQuantizer,
    "uniform": UniformQuantizer,
    "pot": PowersOfTwoQuantizer,
    "apot": AdditivePowersOfTwoQuantizer,
    "admm": ADMMQuantizer,
    "static_binary": StaticBinaryQuantizer,
    "adaptive_binary": AdaptiveBinaryQuantizer,
    "binary_weight": BinaryWeightQuantizer,
}
"""The quantizer of each scheme; its `widths` are the bits that the scheme has."""

_NETWORK_SETTINGS = {
    "first": ("coded", "8bit", "float"),
    "last": ("coded", "8bit", "float"),
    "shortcuts": ("coded", "float"),
    "activations": ("float", "binary"),
}


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A scheme with its settings, such as `binary_weight:forward=latent,first=float`.

    Beside its quantizer's own, every scheme has the settings

    * `first` and `last`, of the network's first and last layer with a kernel: "coded" as all
      others, "8bit" (uniform with max-abs scale, as the public APoT code does), or "float";
    * `shortcuts`, of projection shortcuts: "coded" or "float";
    * `activations`: "float", or "binary" for the sign in place of every ReLU (paper 3's full
      binary network).

    The defaults quantize every kernel: the only reading of paper 1 that agrees with its
    compression ratio.

    Attributes:
        name: One of `SCHEMES`.
        settings: Those that are not at their defaults.
    """

    name: str = "kmeans"
    settings: Mapping[str, str | float] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.name not in SCHEMES:
            raise InputError(f"--scheme={self.name}: unknown; choose one of {', '.join(SCHEMES)}")
        allowed = {**SCHEMES[self.name].settings, **_NETWORK_SETTINGS}
        checked = {}
        for key, value in self.settings.items():
            if key not in allowed:
                raise InputError(
                    f"--scheme={self.name}: has no setting {key!r}; it has {', '.join(allowed)}"
                )
            checked[key] = _checked(self.name, key, value, allowed[key])
        changed = {k: checked[k] for k in sorted(checked) if checked[k] != _default(allowed[k])}
        object.__setattr__(self, "settings", changed)

    @classmethod
    def parse(cls, text: str) -> "Scheme":
        """Reads what `str` of a scheme gives: `name` or `name:setting=value,setting=value`.

        Raises:
            InputError: A name, setting or value is unknown.
        """
        name, _, rest = text.partition(":")
        pairs = [pair.partition("=") for pair in rest.split(",") if pair]
        return cls(name, {key: value for key, _, value in pairs})

    def __str__(self) -> str:
        pairs = ",".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.name}:{pairs}" if pairs else self.name

    def __getitem__(self, setting: str) -> str | float:
        """The value of a setting, its default included."""
        allowed = {**SCHEMES[self.name].settings, **_NETWORK_SETTINGS}
        return self.settings.get(setting, _default(allowed[setting]))

    def check_bits(self, bits: int) -> None:
        """Raises InputError if the scheme does not have this width."""
        widths = SCHEMES[self.name].widths
        if bits not in widths:
            has = f"{widths[0]} to {widths[-1]}" if len(widths) > 1 else f"only {widths[0]}"
            raise InputError(f"--bits={bits}: scheme {self.name} has {has}")

    def quantizer(self, bits: int, layer: keras.layers.Layer) -> KernelQuantizer:
        """A new quantizer of this scheme for the layer's kernel."""
        self.check_bits(bits)
        quantizer = SCHEMES[self.name]
        settings = {key: self[key] for key in quantizer.settings}
        if quantizer is BinaryWeightQuantizer and isinstance(layer, keras.layers.DepthwiseConv2D):
            settings["channel_axes"] = 2
        return quantizer(bits, **settings)


def _default(allowed: tuple[str, ...] | float) -> str | float:
    return allowed[0] if isinstance(allowed, tuple) else allowed


def _checked(scheme: str, key: str, value, allowed: tuple[str, ...] | float) -> str | float:
    if isinstance(allowed, tuple):
        if value not in allowed:
            raise InputError(
                f"--scheme={scheme}: {key}={value} is unknown; choose one of {', '.join(allowed)}"
            )
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"--scheme={scheme}: {key}={value}: expected a number above 0")
    return number
