"""One float network made small by other tools and by tfsv: bytes, EER and milliseconds.

    pip install -e '.[benchmark]'
    python benchmarks/other_tools.py --model=runs/base/float --recordings=corpus/manifest.tsv \
        --trials=corpus/trials/test.txt --root=corpus --output=other_tools.json

Every file takes features, so that no tool has to cope with the front end. A file's size is that of
the network alone, as it lies on the disk, and once more compressed by gzip. EERs are of cosines.
Times are of one thread, the files' in turns in one process. All tools see the same recordings, none
sees labels, and none trains. It goes on where it was if it is started again with the same output.
"""

import gzip
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from absl import app, flags
from ai_edge_quantizer import quantizer, recipe
from feature_files import FeatureFile, packed_content
from interleave import interleaved
from plain_tflite import graph_of, tflite_of
from trial_lists import corpus_eers, opened

from tfsv.audio.crop_settings import RecordingSettings
from tfsv.card import ModelCard
from tfsv.files import replacing, write_json
from tfsv.tasks.task import TASKS
from tfsv.text_tables import aligned
from tfsv.verification.model_card import front_end_of

_MODEL = flags.DEFINE_string("model", None, "Folder of a float model.", required=True)
_RECORDINGS = flags.DEFINE_string("recordings", None, "Folder or manifest.", required=True)
_TRIALS = flags.DEFINE_string("trials", None, "Trial list.", required=True)
_ROOT = flags.DEFINE_string("root", None, "Folder that the list's paths start from.", required=True)
_CROPS = flags.DEFINE_integer("crops", 256, "Crops to calibrate on.")
_SOME = flags.DEFINE_integer("some", 0, "Recordings of the list to embed; 0: all.")
_FRAMES = flags.DEFINE_integer("frames", 200, "Frames of 10 ms that an inference is timed on.")
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Turns of each file.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON to write; files go beside it.", required=True)

_BURST = 3
_SIGNATURE, _INPUT = "serving_default", "features"  # of files that the converter wrote
_EDGE_RECIPES = {
    "ai-edge-quantizer, 8 bits, dynamic": "dynamic_wi8_afp32",
    "ai-edge-quantizer, 8 bits, static": "static_wi8_ai8",
    "ai-edge-quantizer, 4 bits, dynamic": "dynamic_wi4_afp32",
    "ai-edge-quantizer, 4 bits, weights only": "weight_only_wi4_afp32",
    "ai-edge-quantizer, 2 bits, dynamic": "dynamic_wi2c_afp32",
}


class Tools:
    """The float network, and what each tool makes of it as its documentation says.

    Args:
        network: The float network.
        card: Its card.
        batches: Features to calibrate on, float32 `[batch, frames, bins]` each.
    """

    def __init__(self, network: keras.Model, card: ModelCard, batches: Sequence[np.ndarray]):
        self._network = network
        self._card = card
        self._batches = batches
        self._crops = [crop[np.newaxis] for batch in batches for crop in batch]

    def makers(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Names of the files, and functions that make them."""
        yield "float, TFLite", lambda: _tflite(self._network)
        yield "TFLite, int8 dynamic", lambda: _tflite(self._network, quantize=True)
        yield "TFLite, int8 full", lambda: _tflite(self._network, True, self._crops)
        for name, found in _EDGE_RECIPES.items():
            yield name, lambda found=found: self._by_edge_quantizer(found)
        for clusters in (16, 4, 2):
            yield f"tfmot, {clusters} clusters", lambda n=clusters: self._clustered(n)
        for bits in (4, 3, 2, 1):
            yield f"tfsv quantize, {bits} bits", lambda n=bits: self._by_tfsv(n)

    def _by_edge_quantizer(self, found: str) -> bytes:
        tool = quantizer.Quantizer(_tflite(self._network), getattr(recipe, found)())
        result = None
        if tool.need_calibration:
            crops = [{_INPUT: crop} for crop in self._crops]
            result = tool.calibrate({_SIGNATURE: crops})
        return bytes(tool.quantize(result).quantized_model)

    def _clustered(self, clusters: int) -> bytes:
        api = tfmot.clustering.keras
        start = api.CentroidInitialization.KMEANS_PLUS_PLUS
        coded = TASKS[self._card.task].coded_layers(self._network)
        network = keras.models.clone_model(self._network)  # wrappers take layers, not copies
        network.set_weights(self._network.get_weights())

        def marked(layer: keras.layers.Layer) -> keras.layers.Layer:
            if layer.name not in coded:
                return layer
            return api.cluster_weights(
                layer, number_of_clusters=clusters, cluster_centroids_init=start
            )

        found = keras.models.clone_model(network, clone_function=marked)
        return _tflite(api.strip_clustering(found))

    def _by_tfsv(self, bits: int) -> bytes:
        return packed_content(self._network, self._card, self._batches, bits)


def main(arguments: list[str]) -> None:
    """Makes and measures what has not been measured yet, times all files, prints the table."""
    del arguments
    network, card, trials, features, batches = opened(
        _MODEL.value,
        _TRIALS.value,
        _ROOT.value,
        RecordingSettings(_RECORDINGS.value, crops=_CROPS.value, seed=0),
        _SOME.value,
    )
    output = pathlib.Path(_OUTPUT.value)
    rows = json.loads(output.read_text()) if output.exists() else {}
    size = network.output_shape[-1]
    files = {}
    for number, (name, make) in enumerate(Tools(network, card, batches).makers()):
        path = output.with_name(f"{output.stem}_{number}.tflite")
        if name not in rows:
            try:
                content = make()
                figures = corpus_eers(features.embed_by(FeatureFile(content).embed, size), trials)
            except (RuntimeError, ValueError) as error:
                rows[name] = {"failed": str(error).splitlines()[0]}
                continue
            finally:
                keras.backend.clear_session()
            with replacing(path) as part:
                part.write_bytes(content)
            rows[name] = {"bytes": len(content), "gzip": len(gzip.compress(content, 9))}
            rows[name] |= figures
            write_json(output, rows)
            print(table({name: rows[name]}), flush=True)
        if "failed" not in rows[name]:
            files[name] = FeatureFile(path.read_bytes())
    shape = (1, _FRAMES.value, front_end_of(card)["bins"])
    sound = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    works = {name: lambda file=file: file(sound) for name, file in files.items()}
    for name, times in interleaved(works, _ROUNDS.value, burst=_BURST).items():
        rows[name]["milliseconds"] = 1e3 * times.best
    write_json(output, rows)
    print(table(rows))


def table(rows: dict[str, dict[str, float]]) -> str:
    """The rows as text."""
    lines = [("", "bytes", "gzip", "EER %", "mean of corpora", "ms")]
    for name, row in rows.items():
        if "failed" in row:
            lines.append((name, row["failed"], "", "", "", ""))
            continue
        line = [name, f"{row['bytes']:,}", f"{row['gzip']:,}", f"{100 * row['eer']:.1f}"]
        milliseconds = f"{row['milliseconds']:.2f}" if "milliseconds" in row else ""
        lines.append((*line, f"{100 * row['mean_eer']:.1f}", milliseconds))
    return aligned(lines)


def _tflite(
    network: keras.Model, quantize: bool = False, calibration: Sequence[np.ndarray] = ()
) -> bytes:
    """What TFLite's converter makes of it, for inputs of any length."""
    features = tf.TensorSpec([1, None, network.input_shape[-1]], tf.float32, name=_INPUT)
    graph = graph_of(lambda features: network(features, training=False), features)
    return tflite_of(graph, network, quantize, calibration)


if __name__ == "__main__":
    app.run(main)
