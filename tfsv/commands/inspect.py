"""Shows what is in an exported model: its card, its layers, and where its bytes go.

    tfsv inspect runs/resnet/model.tflite

The command prints for each layer the kernel's shape, bits of a weight, and bytes of codes, codebook
and scales. It also prints the relative squared error of quantization and the entropy of the codes.
The entropy is the bits a weight that an ideal coder would need. `zipped` is what the expanded model
takes as a zip file, for comparison.

    tfsv inspect model.tflite --expand=plain.tflite --histogram=weights.png

The command also writes the plain model that a packed one expands to, and draws the weights of each
layer. `demo`, `demo_2bit` and `demo_1bit` are the models that come with tfsv.
"""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.errors import InputError
from tfsv.text_tables import aligned

if TYPE_CHECKING:
    from tfsv.card import ModelCard
    from tfsv.runtime.inspection import Inspection

_MEASURED = {"eer": ("EER", "{:.2%}"), "min_dcf": ("minDCF", "{:.4f}")}
"""Title and form of those figures of a card that have another name in the field."""


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "expand", None, "Write the expanded model to this .tflite file.", flag_values=values
    )
    flags.DEFINE_string("histogram", None, "Draw weights into this .png file.", flag_values=values)
    flags.DEFINE_bool("json", False, "Print JSON instead of tables.", flag_values=values)


def main(values: Any, arguments: list[str]) -> None:
    """Inspects the model that the argument names."""
    from tfsv.demo import located
    from tfsv.runtime.expanding import write_expanded
    from tfsv.runtime.inspection import inspect
    from tfsv.runtime.weights_picture import plot_histograms

    if len(arguments) != 1:
        raise InputError("usage: tfsv inspect model.tflite [--expand=…] [--histogram=…]")
    path = located(arguments[0])
    for name, ending in (("expand", ".tflite"), ("histogram", ".png")):
        if values[name].value is not None and not values[name].value.lower().endswith(ending):
            raise InputError(f"{name}={values[name].value}: must end in {ending}")
    found = inspect(path)
    if values.json:
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    else:
        print("\n".join(_lines(found)))
    if values.expand is not None:
        write_expanded(path, values.expand)
    if values.histogram is not None:
        plot_histograms(found.layers, values.histogram, pathlib.Path(path).name)


def _lines(found: "Inspection") -> Iterator[str]:
    from tfsv.runtime.model_files import printable

    about = [*_card(found.card)]
    if found.cohort is not None:
        vectors, values = found.cohort.shape
        about.append(("cohort", f"{vectors} vectors of {values} values, int8"))
    yield aligned([(name, printable(value)) for name, value in about], left=(0, 1))
    yield ""
    yield aligned(_layers(found), left=(0, 1))
    yield ""
    kinds = [(kind, f"{size:,}") for kind, size in found.bytes_by_kind().items()]
    kinds += [
        ("file", f"{found.size:,}"),
        ("expanded", f"{found.expanded:,}"),
        ("expanded, zipped", f"{found.zipped:,}"),
    ]
    yield aligned(kinds)
    yield ""
    yield f"kernels stored as {found.stored}, computes with {found.compute}"
    yield f"checksum: {printable(found.checksum)}"
    yield f"SHA-256 of the expanded model: {found.sha256}"


def _card(card: "ModelCard") -> Iterator[tuple[str, str]]:
    yield "task", card.task or "none"
    yield "network", _pairs(card.network)
    yield "scheme", card.scheme or "none"
    yield "trained on", card.trained_on or "not said"
    for name, value in card.measured.items():
        title, form = _MEASURED.get(name, (name, "{:.4g}"))
        yield title, form.format(value).replace("%", " %")
    if not card.measured:
        yield "measured", "nothing"
    for name, table in {**card.decision, **card.ends}.items():
        yield name.replace("_", " "), _pairs(table) if isinstance(table, Mapping) else str(table)
    yield "versions", _pairs(card.versions)
    yield "notes", card.notes or "none"


def _pairs(table: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_text(value)}" for key, value in table.items()) or "none"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_pairs(value)})"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _layers(found: "Inspection") -> list[tuple[str, ...]]:
    from tfsv.runtime.model_files import printable

    rows: list[tuple[str, ...]] = [
        ("layer", "kernel", "bits", "codes", "codebook", "scales", "entropy", "error")
    ]
    rows += [
        (
            printable(layer.name),
            " × ".join(map(str, layer.shape)),
            str(layer.bits),
            f"{layer.codes:,}",
            f"{layer.codebook:,}",
            f"{layer.scales:,}",
            _number(layer.entropy, ".3f"),
            _number(layer.error, ".2e"),
        )
        for layer in found.layers
    ]
    kinds = found.bytes_by_kind()
    weights = sum(layer.weights for layer in found.layers)
    mean = sum(layer.weights * layer.bits for layer in found.layers) / max(1, weights)
    rows.append(
        (
            f"{len(found.layers)} layers",
            f"{weights:,} weights",
            f"{mean:.2f}",
            *(f"{kinds[kind]:,}" for kind in ("codes", "codebooks", "scales")),
            _number(found.entropy(), ".3f"),
            "",
        )
    )
    return rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


command = Command("inspect", __doc__, _define, main, takes_arguments=True)
