"""What each level of effort of `tfsv quantize` keeps of a float model, by bits.

    python benchmarks/calibration.py --model=runs/base/float --recordings=corpus/manifest.tsv \
        --trials=corpus/trials/test.txt --root=corpus --output=calibration.json

prints a table of EERs, pooled over the list and as the mean of its corpora (the first folders of
its paths), with the mean cosine to the float network's embeddings and the seconds of a processor.
It goes on where it was if it is started again with the same output.
"""

import json
import pathlib
import time

import numpy as np
import tf_keras as keras
from absl import app, flags
from trial_lists import corpus_eers, opened

from tfsv.audio.crop_settings import RecordingSettings
from tfsv.files import write_json
from tfsv.quantization.calibration import quantize_on
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.network import strip
from tfsv.text_tables import aligned
from tfsv.verification.trials import Trials

_MODEL = flags.DEFINE_string("model", None, "Folder of a float model.", required=True)
_RECORDINGS = flags.DEFINE_string("recordings", None, "Folder or manifest.", required=True)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list.", required=True)
_ROOT = flags.DEFINE_string("root", None, "Folder that the list's paths start from.", required=True)
_BITS = flags.DEFINE_list("bits", ["4", "3", "2", "1"], "Widths.")
_LEVELS = flags.DEFINE_list("levels", None, "Levels of effort. Default: all.")
_CROPS = flags.DEFINE_integer("crops", 256, "Crops to calibrate on.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the crops.")
_SOME = flags.DEFINE_integer("some", 0, "Recordings of the list to embed; 0: all.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON to write.", required=True)

_BARE = {"channel_scales": False, "targets": "quantized", "order": "natural", "refits": 0}
LEVELS = {
    "codebooks": {**_BARE, "codes": "nearest", "batch_norm": "keep"},
    "+ statistics replaced": {**_BARE, "codes": "nearest", "batch_norm": "replace"},
    "+ statistics shifted": {**_BARE, "codes": "nearest"},
    "+ channel scales": {**_BARE, "codes": "nearest", "channel_scales": True},
    "calibrated, statistics kept": {**_BARE, "batch_norm": "keep"},
    "calibrated, replaced": {**_BARE, "batch_norm": "replace"},
    "calibrated, shifted": _BARE,
    "+ order by curvature": {**_BARE, "order": "curvature"},
    "+ refitted centroids": {**_BARE, "order": "curvature", "refits": 2},
    "+ float targets": {"channel_scales": False},
    "all of it": {},
    "all but float targets": {"targets": "quantized"},
}
"""Settings of each level of effort, by name."""


def main(arguments: list[str]) -> None:
    """Measures what has not been measured yet and prints the table."""
    del arguments
    network, _, trials, features, batches = opened(
        _MODEL.value,
        _TRIALS.value,
        _ROOT.value,
        RecordingSettings(_RECORDINGS.value, crops=_CROPS.value, seed=_SEED.value),
        _SOME.value,
    )
    reference = features.embed(network)
    output = pathlib.Path(_OUTPUT.value)
    rows = json.loads(output.read_text()) if output.exists() else {}
    rows.setdefault("float", measured(reference, reference, trials))
    for bits in map(int, _BITS.value):
        for level in _LEVELS.value or LEVELS:
            name = f"{bits} bits: {level}"
            if name not in rows:
                start = time.process_time()
                found = quantize_on(
                    network, bits, batches, settings=CodeCalibration(**LEVELS[level])
                )
                seconds = time.process_time() - start
                scaled = sum(layer.scaled for layer in found.layers)
                embeddings = features.embed(strip(found.network)[0])
                rows[name] = measured(embeddings, reference, trials) | {
                    "seconds": seconds, "scaled": scaled / len(found.layers)
                }  # fmt: skip
                keras.backend.clear_session()
                write_json(output, rows)
                print(table({name: rows[name]}), flush=True)
    print(table(rows))


def measured(embeddings: np.ndarray, reference: np.ndarray, trials: Trials) -> dict[str, float]:
    """EERs and the cosine to the float network's embeddings."""
    cosine = float(np.mean(np.sum(embeddings * reference, axis=1)))
    return corpus_eers(embeddings, trials) | {"cosine": cosine}


def table(rows: dict[str, dict[str, float]]) -> str:
    """The rows as text."""
    lines = [("", "EER %", "mean of corpora", "cosine", "seconds", "layers scaled")]
    for name, row in rows.items():
        line = [name, f"{100 * row['eer']:.1f}", f"{100 * row['mean_eer']:.1f}"]
        line += [f"{row['cosine']:.4f}", f"{row.get('seconds', 0):.0f}"]
        lines.append((*line, f"{100 * row.get('scaled', 0):.0f} %"))
    return aligned(lines)


if __name__ == "__main__":
    app.run(main)
