"""Shows what is in an exported model: its card, its layers, and where its bytes go.

    python tools/inspect_model.py runs/resnet/model.tflite

prints for each layer the kernel's shape, bits of a weight, bytes of codes, codebook and scales, the
entropy of the codes (bits a weight that an ideal coder would need) and the relative squared error
of quantization. `zipped` is what the expanded model takes as a zip file, for comparison.

    python tools/inspect_model.py model.tflite --expand=plain.tflite --histogram=weights.png

also writes the plain model that a packed one expands to, and draws the weights of each layer.
`demo`, `demo_2bit` and `demo_1bit` are the models that come with tfsv.
"""

import json
import pathlib
from collections.abc import Iterator, Sequence

from absl import flags

from tfsv import command
from tfsv.card import ModelCard
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.runtime.expanding import write_expanded
from tfsv.runtime.inspection import Inspection, inspect
from tfsv.runtime.model_files import printable
from tfsv.runtime.weights_picture import plot_histograms

_EXPAND = flags.DEFINE_string("expand", None, "Write the expanded model to this .tflite file.")
_HISTOGRAM = flags.DEFINE_string("histogram", None, "Draw weights into this .png file.")
_JSON = flags.DEFINE_bool("json", False, "Print JSON instead of tables.")


def main(arguments: Sequence[str]) -> None:
    """Inspects the model that `arguments` name."""
    if len(arguments) != 1:
        raise InputError("usage: inspect_model.py model.tflite [--expand=…] [--histogram=…]")
    path = located(arguments[0])
    for name, output, ending in (
        ("expand", _EXPAND.value, ".tflite"),
        ("histogram", _HISTOGRAM.value, ".png"),
    ):
        if output is not None and not output.endswith(ending):
            raise InputError(f"--{name}={output}: must end in {ending}")
    found = inspect(path)
    if _JSON.value:
        print(json.dumps(found.to_dict(), indent=2, allow_nan=False))
    else:
        print("\n".join(_lines(found)))
    if _EXPAND.value is not None:
        write_expanded(path, _EXPAND.value)
    if _HISTOGRAM.value is not None:
        plot_histograms(found.layers, _HISTOGRAM.value, pathlib.Path(path).name)


def _lines(found: Inspection) -> Iterator[str]:
    yield from _columns(_card(found.card), right=())
    yield ""
    yield from _columns(_table(found), right=range(2, 8))
    yield ""
    kinds = [(kind, f"{size:,}") for kind, size in found.bytes_by_kind().items()]
    kinds += [
        ("file", f"{found.size:,}"),
        ("expanded", f"{found.expanded:,}"),
        ("expanded, zipped", f"{found.zipped:,}"),
    ]
    yield from _columns(kinds, right=(1,))
    yield ""
    yield f"kernels stored as {found.stored}, computes with {found.compute}"
    yield f"checksum: {printable(found.checksum)}"
    yield f"SHA-256 of the expanded model: {found.sha256}"


def _card(card: ModelCard) -> list[tuple[str, str]]:
    rows = [
        ("network", f"{card.network}, {card.channels} channels, {card.bins} bins"),
        (
            "embedding",
            f"{card.embedding_size} dimensions, pooling {card.pooling or 'as published'}",
        ),
        ("scheme", card.scheme or "none"),
        ("trained on", card.trained_on or "not said"),
        ("EER", "not measured" if card.eer is None else f"{100 * card.eer:.2f} %"),
        ("minDCF", "not measured" if card.min_dcf is None else f"{card.min_dcf:.4f}"),
        ("thresholds", _pairs({k: f"{v:.4f}" for k, v in card.thresholds.items()})),
        ("front end", _pairs(card.front_end)),
        ("versions", _pairs(card.versions)),
        ("notes", card.notes or "none"),
    ]
    return [(name, printable(value)) for name, value in rows]


def _pairs(table: dict) -> str:
    return ", ".join(f"{key} {value}" for key, value in table.items()) or "none"


def _table(found: Inspection) -> list[tuple[str, ...]]:
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


def _columns(rows: Sequence[tuple[str, ...]], right: Sequence[int]) -> Iterator[str]:
    """Rows as lines, columns of one width; those of `right` end at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.rjust(width) if number in right else text.ljust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


if __name__ == "__main__":
    command.run(main)
