"""Bit plans: the bits of each layer, as a readable file that training takes."""

import dataclasses
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from tfsv.errors import InputError
from tfsv.files import write_text
from tfsv.json_files import read_json
from tfsv.widths import FLOAT32, is_quantized

SCHEMA = 1
"""Version of the JSON form."""


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """One layer of a plan.

    Example:
        >>> layer = LayerPlan(4, size=1200, sensitivity=0.01, why="2 bits: loss +0.2, -600 bytes")

    Attributes:
        bits: Width of the layer: 1 to 8 of codes, 16 of float16. 32 marks a layer that stays float.
        size: Bytes of the layer in a packed file.
        sensitivity: Loss of the network by this width, as the method predicts it.
        why: Reason for this width, for people.
    """

    bits: int
    size: int
    sensitivity: float
    why: str


@dataclasses.dataclass(frozen=True)
class BitPlan:
    """Widths for all layers of a network.

    Example:
        >>> plan = BitPlan("resnet18", "kl", 1200, {"stem": LayerPlan(4, 1200, 0.01, "")})
        >>> plan.write("plan.json")
        >>> BitPlan.read("plan.json").bits
        {'stem': 4}

    Attributes:
        network: Name of the network.
        method: Name of the sensitivity method.
        budget: Bytes that were allowed.
        layers: Plan of each layer, by the layer's name.
    """

    network: str
    method: str
    budget: int
    layers: Mapping[str, LayerPlan]

    @property
    def bits(self) -> dict[str, int]:
        """Width of each layer that is quantized, as `quantize` takes it."""
        return {name: layer.bits for name, layer in self.layers.items() if layer.bits < FLOAT32}

    def check(self, names: Collection[str]) -> None:
        """Compares the plan's layers with a network's.

        Args:
            names: Names of the network's quantizable layers.

        Raises:
            InputError: The layers differ. The message lists the differences.
        """
        missing = sorted(set(names) - set(self.layers))
        unknown = sorted(set(self.layers) - set(names))
        if missing or unknown:
            parts = [f"lacks {', '.join(missing)}"] if missing else []
            parts += [f"has {', '.join(unknown)}, which the network has not"] if unknown else []
            raise InputError(f"bit plan for {self.network}: {'; '.join(parts)}")

    def write(self, path: str | os.PathLike) -> None:
        """Writes the plan as JSON, with a line for each layer.

        Raises:
            InputError: The file cannot be written.
        """
        head = {"schema": SCHEMA, "network": self.network, "method": self.method}
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}," for k, v in head.items()]
        lines.append(f'  "budget": {self.budget},')
        rows = [
            f"    {json.dumps(name)}: {json.dumps(dataclasses.asdict(layer))}"
            for name, layer in self.layers.items()
        ]
        text = "{\n" + "\n".join(lines) + '\n  "layers": {\n' + ",\n".join(rows) + "\n  }\n}\n"
        write_text(path, text)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "BitPlan":
        """Reads a plan that `write` wrote. Sizes, sensitivities and reasons may be missing.

        Raises:
            InputError: The file cannot be read or is not a bit plan.
        """
        fields = read_json(path, "a bit plan")
        try:
            if fields["schema"] != SCHEMA:
                raise InputError(f"{path}: bit plan of schema {fields['schema']!r}, not {SCHEMA}")
            layers = {name: _layer(path, name, row) for name, row in fields["layers"].items()}
            return cls(str(fields["network"]), str(fields["method"]), int(fields["budget"]), layers)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path}: not a bit plan ({reason})") from error


def _layer(path: str | os.PathLike, name: str, row: Mapping[str, Any]) -> LayerPlan:
    bits = row["bits"]
    if bits != FLOAT32 and not is_quantized(bits):
        raise InputError(
            f"{path}: {name}: {bits!r} bits; 1 to 8 are possible, 16 for float16 or 32 for float"
        )
    size, loss = int(row.get("size", 0)), float(row.get("sensitivity", 0.0))
    return LayerPlan(int(bits), size, loss, str(row.get("why", "")))
