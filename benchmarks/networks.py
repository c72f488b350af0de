"""Which network gives the lowest EER for a byte and for a millisecond.

    python benchmarks/networks.py --models=runs/tapered/float,runs/ecapa/float \
        --recordings=corpus/manifest.tsv --trials=corpus/trials/test.txt --root=corpus \
        --output=networks.json

takes float models that were trained alike, packs each with calibrated codes and prints a table. A
row has the weights, the multiply-accumulates of an inference, the EER of the float network, and
bytes, EER and milliseconds of the packed file. EERs are of cosines, times of one thread, the files'
in turns in one process. Beside the JSON stands a picture with the same name. The benchmark goes on
where it was if it is started again with the same output.
"""

import itertools
import json
import pathlib
from collections.abc import Mapping

import numpy as np
import tf_keras as keras
from absl import app, flags
from feature_files import FeatureFile, packed_content
from interleave import interleaved
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from trial_lists import corpus_eers, opened

from tfsv.audio.crop_settings import RecordingSettings
from tfsv.files import replacing, write_json
from tfsv.models.complexity import multiply_accumulates
from tfsv.text_tables import aligned
from tfsv.verification.model_card import front_end_of

_MODELS = flags.DEFINE_list("models", None, "Folders of float models.", required=True)
_RECORDINGS = flags.DEFINE_string("recordings", None, "Folder or manifest.", required=True)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list.", required=True)
_ROOT = flags.DEFINE_string("root", None, "Folder that the list's paths start from.", required=True)
_BITS = flags.DEFINE_integer("bits", 4, "Width of the codes.")
_SOME = flags.DEFINE_integer("some", 0, "Recordings of the list to embed; 0: all.")
_FRAMES = flags.DEFINE_integer("frames", 200, "Frames of 10 ms that an inference is timed on.")
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Turns of each file.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON to write; files go beside it.", required=True)

_BURST = 3
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def main(arguments: list[str]) -> None:
    """Packs and measures what has not been measured yet, times all files, prints the table."""
    del arguments
    output = pathlib.Path(_OUTPUT.value)
    rows = json.loads(output.read_text()) if output.exists() else {}
    works = {}
    for model in _MODELS.value:
        path = output.with_name(f"{output.stem}_{len(works)}.tflite")
        if model not in rows:
            rows[model] = measured(model, path)
            write_json(output, rows)
            print(table({model: rows[model]}), flush=True)
        shape = (1, _FRAMES.value, rows[model]["bins"])
        sound = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        file = FeatureFile(path.read_bytes())
        works[model] = lambda file=file, sound=sound: file(sound)
    for model, times in interleaved(works, _ROUNDS.value, burst=_BURST).items():
        rows[model]["milliseconds"] = 1e3 * times.best
    write_json(output, rows)
    draw({model: rows[model] for model in works}, output.with_suffix(".png"))
    print(table({model: rows[model] for model in works}))


def measured(model: str, path: pathlib.Path) -> dict[str, object]:
    """The row of one network, without its time.

    Args:
        model: Folder of the float network.
        path: Packed file to write.
    """
    network, card, trials, features, batches = opened(
        model, _TRIALS.value, _ROOT.value, RecordingSettings(_RECORDINGS.value), _SOME.value
    )
    found = corpus_eers(features.embed(network), trials)
    content = packed_content(network, card, batches, _BITS.value)
    with replacing(path) as part:
        part.write_bytes(content)
    embed = FeatureFile(content).embed
    row = {
        "network": f"{card.network['name']}, {card.network['channels']} channels",
        "bins": front_end_of(card)["bins"],
        "weights": network.count_params(),
        "multiply_accumulates": multiply_accumulates(network, _FRAMES.value),
        "float": found,
        "bytes": len(content),
    }
    row |= corpus_eers(features.embed_by(embed, network.output_shape[-1]), trials)
    keras.backend.clear_session()
    return row


def table(rows: Mapping[str, Mapping]) -> str:
    """The rows as text."""
    lines = [
        ("network", "bins", "weights", "M mult.-acc.", "float EER %", "bytes", "EER %", "ms"),
    ]
    lines += [
        (
            row["network"],
            str(row["bins"]),
            f"{row['weights']:,}",
            f"{row['multiply_accumulates'] / 1e6:.0f}",
            _eer(row["float"]),
            f"{row['bytes']:,}",
            _eer(row),
            f"{row['milliseconds']:.2f}" if "milliseconds" in row else "",
        )
        for row in rows.values()
    ]
    return aligned(lines)


def draw(rows: Mapping[str, Mapping], path: pathlib.Path) -> None:
    """A picture: EER over bytes and over milliseconds."""
    figure = Figure(figsize=(10, 4.5), dpi=160, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key, label in (
        (panels[0], "bytes", "bytes of the packed file"),
        (panels[1], "milliseconds", f"milliseconds for {_FRAMES.value / 100:g} s, one thread"),
    ):
        for row, marker in zip(rows.values(), itertools.cycle(_MARKERS)):
            name = f"{row['network']}, {row['bins']} filters"
            axes.plot(row[key], 100 * row["eer"], marker, markersize=7, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:,.10g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    panels[1].legend(fontsize=7)
    panels[0].set_ylabel(f"EER %, {_BITS.value} bits")
    with replacing(path) as part:
        figure.savefig(part, format="png")


def _eer(found: Mapping[str, float]) -> str:
    return f"{100 * found['eer']:.1f} ({100 * found['mean_eer']:.1f})"


if __name__ == "__main__":
    app.run(main)
