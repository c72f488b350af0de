"""How fast packed models are, beside float and int8 ones made without tfsv.

    python benchmarks/latency.py --output=latency.json

For each network it builds the candidates from the same weights (random ones, of coded kernels:
latency does not depend on what they are), runs them in turns in one process, and prints for one
thread and for all threads the least and the median time, both through the float model's and
through that of TFLite's own int8 model. On a machine that does other things too, compare the least
times. Then come the time to load, to expand, the peak memory of loading and running in a process of
its own, bytes, the operators that XNNPACK left to slower kernels, and the goals.

Every candidate takes the same waveform and gives an embedding, front end included, as the files do
that `tfsv export` writes; the row "front end alone" says how much of it that is.
Candidates:

    float          TFLite, converted from Keras without tfsv, and ONNX Runtime (needs the extra
                   `benchmark`), converted with tf2onnx
    int8           TFLite's post-training quantization, "dynamic" (weights only) and "full"
                   (activations too), likewise without tfsv; "full" behind a float front end in a
                   file of its own, for it quantizes a front end, too, beyond recognition
    packed         files of `--weights=packed`, for each `--compute`, run "as it is", as any
                   interpreter does, and "expanded", as `tfsv.load` does

Those made without tfsv have a fixed input length, which can only make them faster; the float
reference of ratios and goals is the faster one of TFLite's own and the expanded float32 file.
"""

from tfsv.commands.running import Command  # isort: skip  (sets TensorFlow's log level, too)

import collections
import dataclasses
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import soundfile
import tensorflow as tf
import tf_keras as keras
from absl import flags
from ai_edge_litert.interpreter import Interpreter
from interleave import Times, interleaved
from plain_tflite import graph_of, tflite_of

from tfsv.conversion.convert import convert
from tfsv.conversion.forms import COMPUTE_FORMS
from tfsv.errors import InputError
from tfsv.features import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE, LogMel
from tfsv.files import write_json
from tfsv.models import NetworkSettings
from tfsv.packed.expand import expand
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import quantizable_layers
from tfsv.runtime.delegation import operators_left
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card
from tfsv.verification.recorded_inputs import calibration_inputs

FLAGS = flags.FlagValues()
_NETWORKS = flags.DEFINE_list(
    "networks", "resnet34,dfresnet56,ecapa512", "Networks to measure.", flag_values=FLAGS
)
_CHANNELS = flags.DEFINE_integer(
    "channels", None, "Their width; default: the published one.", 1, flag_values=FLAGS
)
_BITS = flags.DEFINE_integer("bits", 4, "Bits of the packed weights.", 1, 8, flag_values=FLAGS)
_FRAMES = flags.DEFINE_integer(
    "frames", 200, "Frames of 10 ms of the utterance.", 1, flag_values=FLAGS
)
_THREADS = flags.DEFINE_list(
    "threads", None, "Numbers of threads; default: 1 and all there are.", flag_values=FLAGS
)
_ROUNDS = flags.DEFINE_integer("rounds", 20, "Turns of each candidate.", 1, flag_values=FLAGS)
_ONNX = flags.DEFINE_bool(
    "onnx", True, "Whether ONNX Runtime takes part, if it is installed.", flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file for the outcome.", flag_values=FLAGS)

_FLOAT, _ONNX_FLOAT = "float, TFLite", "float, ONNX Runtime"
_DYNAMIC, _FULL = "int8 dynamic, TFLite", "int8 full, TFLite"
_FRONT_END = "front end alone, TFLite"
_OURS, _OUR_FLOAT = "packed int8_weights, expanded", "packed float32, expanded"

_BURST = 3
_LOADS = 5  # and expansions, of which the fastest counts
_OPSET = 17  # the first with a Fourier transform
_RECORDINGS = 4
_LOUDNESS = 0.1

_SLOWEST_TO_DYNAMIC = 1.05
_SLOWEST_TO_FLOAT = 0.4  # of ResNets
_MOST_MEMORY = 1.2


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model file and how it is run.

    Attributes:
        runtime: "tflite", "expanded" (a packed file that is expanded first) or "onnx".
        contents: The file; or several, of which each takes what the one before gives.
    """

    runtime: str
    contents: tuple[bytes, ...]

    def load(self, samples: int, threads: int) -> "TFLiteRun | OnnxRun":
        """The model, ready to run on so many samples."""
        if self.runtime == "onnx":
            return OnnxRun(*self.contents, threads)
        contents = map(expand, self.contents) if self.runtime == "expanded" else self.contents
        return TFLiteRun(contents, samples, threads)


class TFLiteRun:
    """A TFLite model, loaded."""

    def __init__(self, contents: Iterable[bytes], samples: int, threads: int):
        self._stages = [Interpreter(model_content=x, num_threads=threads) for x in contents]
        first = self._stages[0]
        first.resize_tensor_input(first.get_input_details()[0]["index"], [1, samples])
        for stage in self._stages:
            stage.allocate_tensors()
        self._ends = [
            (stage.get_input_details()[0]["index"], stage.get_output_details()[0]["index"])
            for stage in self._stages
        ]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        for stage, (source, target) in zip(self._stages, self._ends, strict=True):
            stage.set_tensor(source, values)
            stage.invoke()
            values = stage.get_tensor(target)
        return values

    def operators_left(self) -> dict[str, int]:
        """Operators that XNNPACK did not take, by name."""
        left = collections.Counter()
        for stage in self._stages:
            left.update(operators_left(stage))
        return dict(left.most_common())


class OnnxRun:
    """A model of ONNX Runtime, loaded."""

    def __init__(self, content: bytes, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        return self._session.run(None, {"waveform": waveform})[0]


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one candidate.

    Attributes:
        network: Its network.
        candidate: Its name.
        milliseconds: (least, median) of an inference, by number of threads.
        load: Milliseconds from bytes to a model that is ready to run, one thread, with `expansion`.
        expansion: Milliseconds of the expansion; None where there is none.
        memory: Peak bytes of loading and one run.
        size: Bytes of the file.
        cosine: Between its embedding and the float model's; None for the front end.
        left: Operators that XNNPACK did not take, by name; None for other runtimes.
    """

    network: str
    candidate: str
    milliseconds: dict[int, tuple[float, float]]
    load: float
    expansion: float | None
    memory: int
    size: int
    cosine: float | None
    left: dict[str, int] | None


@dataclasses.dataclass(frozen=True)
class Goal:
    """A promise and whether it is kept.

    Attributes:
        network: Of the files.
        text: What is promised.
        value: What was measured.
        limit: What `value` may be at most.
    """

    network: str
    text: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.value <= self.limit


def main(values: flags.FlagValues, arguments: Sequence[str]) -> None:
    threads = _thread_counts()
    with_onnx = _ONNX.value and _onnx_installed()
    print(f"{_FRAMES.value} frames, {_BITS.value} bits, {os.cpu_count()} cores")
    if _ONNX.value and not with_onnx:
        print("without ONNX Runtime: pip install 'tfsv[benchmark]'")
    rows, goals = [], []
    for name in _NETWORKS.value:
        candidates = _candidates(name, with_onnx)
        measured = _measure(name, candidates, threads)
        _print_table(measured, threads)
        goals += _goals(measured, threads)
        rows += measured
    print()
    for goal in goals:
        verdict = "met" if goal.met else "MISSED"
        print(f"{goal.network:12}{goal.text:58}{goal.value:6.2f} ≤ {goal.limit:.2f}  {verdict}")
    if _OUTPUT.value:
        outcome = {
            "frames": _FRAMES.value,
            "bits": _BITS.value,
            "cores": os.cpu_count(),
            "rows": [dataclasses.asdict(row) for row in rows],
            "goals": [{**dataclasses.asdict(goal), "met": goal.met} for goal in goals],
        }
        write_json(_OUTPUT.value, outcome, indent=1)


def _thread_counts() -> list[int]:
    texts = _THREADS.value or [1, len(os.sched_getaffinity(0))]
    if not all(str(text).isdigit() and int(text) for text in texts):
        raise InputError(f"--threads={','.join(texts)}: expected numbers above 0")
    return sorted({int(text) for text in texts})


def _onnx_installed() -> bool:
    return all(importlib.util.find_spec(module) for module in ("onnxruntime", "tf2onnx"))


def _samples() -> int:
    return FRAME_SAMPLES + HOP_SAMPLES * (_FRAMES.value - 1)


def _waveform(seed: int) -> np.ndarray:
    """float32 `[1, samples]`: noise."""
    return np.random.default_rng(seed).normal(0, _LOUDNESS, (1, _samples())).astype(np.float32)


def _candidates(name: str, with_onnx: bool) -> dict[str, Candidate]:
    """All candidates of a network, by name."""
    settings = NetworkSettings(name, channels=_CHANNELS.value).resolved()
    network = settings.build()
    front_end = LogMel()
    calibration = [front_end(_waveform(seed)).numpy() for seed in range(_RECORDINGS)]
    coded = _randomise(network, np.concatenate(calibration))
    card = speaker_card(settings, front_end.settings(), trained_on="no speech")

    def embed(features: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(network(features, training=False), axis=-1)

    samples = tf.TensorSpec([1, _samples()], tf.float32, name="waveform")
    features = tf.TensorSpec([1, _FRAMES.value, front_end.bins], tf.float32, name="features")
    whole = graph_of(lambda waveform: embed(front_end(waveform)), samples)
    features_only = tflite_of(graph_of(front_end, samples), network)
    found = {
        _FLOAT: Candidate("tflite", (tflite_of(whole, network),)),
        _DYNAMIC: Candidate("tflite", (tflite_of(whole, network, quantize=True),)),
        _FULL: Candidate(
            "tflite",
            (features_only, tflite_of(graph_of(embed, features), network, True, calibration)),
        ),
    }
    if with_onnx:
        found[_ONNX_FLOAT] = Candidate("onnx", (_onnx(whole),))
    with tempfile.TemporaryDirectory() as folder:
        recordings = [f"{folder}/{seed}.wav" for seed in range(_RECORDINGS)]
        for seed, path in enumerate(recordings):
            soundfile.write(path, _waveform(seed)[0], SAMPLE_RATE)
        ends = speaker_ends(front_end.settings(), settings.embedding_size)
        for compute in COMPUTE_FORMS["packed"]:
            inputs = calibration_inputs(recordings) if compute == "int8" else ()
            content = convert(network, coded, card, ends, "packed", compute, inputs).content()
            found[f"packed {compute}, as it is"] = Candidate("tflite", (content,))
            found[f"packed {compute}, expanded"] = Candidate("expanded", (content,))
    found[_FRONT_END] = Candidate("tflite", (features_only,))
    return found


def _randomise(network: keras.Model, features: np.ndarray) -> dict[str, CodedWeights]:
    """Gives the network random codes and gains, and the statistics that it has on the features."""
    random = np.random.default_rng(0)
    coded = {}
    for layer in quantizable_layers(network):
        kernel, *rest = layer.get_weights()
        codebook = random.normal(0, kernel.std(), 2**_BITS.value).astype(np.float32)
        codes = random.integers(0, len(codebook), kernel.shape, dtype=np.uint8)
        coded[layer.name] = CodedWeights(codes, np.sort(codebook), _BITS.value)
        layer.set_weights([coded[layer.name].decode(), *rest])
    for layer in network.layers:
        if type(layer) is keras.layers.BatchNormalization:
            if layer.scale:
                layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
            layer.momentum = 0.0
    network(features, training=True)
    return coded


def _onnx(graph) -> bytes:
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(
        graph, input_signature=graph.input_signature, opset=_OPSET
    )
    return model.SerializeToString()


def _measure(name: str, candidates: dict[str, Candidate], threads: list[int]) -> list[Row]:
    samples, waveform = _samples(), _waveform(_RECORDINGS)
    loads = interleaved(
        {key: lambda c=c: c.load(samples, 1) for key, c in candidates.items()}, _LOADS, warm=0
    )
    packed = {key: c for key, c in candidates.items() if c.runtime == "expanded"}
    expansions = interleaved(
        {key: lambda c=c: expand(*c.contents) for key, c in packed.items()}, _LOADS
    )
    times: dict[int, dict[str, Times]] = {}
    for count in threads:
        runs = {key: c.load(samples, count) for key, c in candidates.items()}
        works = {key: lambda run=run: run(waveform) for key, run in runs.items()}
        times[count] = interleaved(works, _ROUNDS.value, burst=_BURST)
    embeddings = {key: run(waveform) for key, run in runs.items()}
    del embeddings[_FRONT_END]
    return [
        Row(
            network=name,
            candidate=key,
            milliseconds={n: (1e3 * t[key].best, 1e3 * t[key].median) for n, t in times.items()},
            load=1e3 * loads[key].best,
            expansion=1e3 * expansions[key].best if key in expansions else None,
            memory=_memory(candidate),
            size=sum(map(len, candidate.contents)),
            cosine=_cosine(embeddings[key], embeddings[_FLOAT]) if key in embeddings else None,
            left=runs[key].operators_left() if isinstance(runs[key], TFLiteRun) else None,
        )
        for key, candidate in candidates.items()
    ]


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sum(one * other) / np.linalg.norm(one) / np.linalg.norm(other))


def _memory(candidate: Candidate) -> int:
    """Peak bytes of loading it and running it once, in a process that does nothing else."""
    script = pathlib.Path(__file__).with_name("model_memory.py")
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{number}" for number in range(len(candidate.contents))]
        for path, content in zip(paths, candidate.contents, strict=True):
            pathlib.Path(path).write_bytes(content)
        finished = subprocess.run(
            [sys.executable, str(script), candidate.runtime, str(_samples()), *paths],
            capture_output=True,
            text=True,
        )
    if finished.returncode:
        raise RuntimeError(f"{script.name} failed: {finished.stderr}")
    return int(finished.stdout)


def _float_time(rows: dict[str, Row], count: int) -> tuple[float, float]:
    return min(rows[_FLOAT].milliseconds[count], rows[_OUR_FLOAT].milliseconds[count])


def _print_table(measured: list[Row], threads: list[int]) -> None:
    rows = {row.candidate: row for row in measured}
    print(f"\n{measured[0].network}")
    print(f"{'milliseconds':31}" + "".join(f"{_threads_text(n):^36}" for n in threads))
    print(" " * 31 + f"{'least':>8}{'median':>8}{'÷float':>8}{'÷int8':>8}    " * len(threads))
    for row in measured:
        line = f"{row.candidate:31}"
        for count in threads:
            best, median = row.milliseconds[count]
            to_float = best / _float_time(rows, count)[0]
            to_int8 = best / rows[_DYNAMIC].milliseconds[count][0]
            line += f"{best:8.2f}{median:8.2f}{to_float:8.2f}{to_int8:8.2f}    "
        print(line.rstrip())
    print(f"{'':31}{'load':>8}{'expand':>8}{'memory':>9}{'÷int8':>7}{'file':>8}{'cosine':>8}")
    print(f"{'':31}{'ms':>8}{'ms':>8}{'MB':>9}{'':7}{'kB':>8}  to float")
    for row in measured:
        print(
            f"{row.candidate:31}{row.load:8.1f}"
            + ("" if row.expansion is None else f"{row.expansion:.1f}").rjust(8)
            + f"{row.memory / 1e6:9.1f}{row.memory / rows[_DYNAMIC].memory:7.2f}"
            + f"{row.size / 1e3:8.0f}"
            + ("" if row.cosine is None else f"{row.cosine:.4f}").rjust(8)
        )
    print("operators that XNNPACK did not take")
    for row in measured:
        if row.left is not None:
            print(f"{row.candidate:31}" + " ".join(f"{n}×{name}" for name, n in row.left.items()))


def _threads_text(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _goals(measured: list[Row], threads: list[int]) -> Iterator[Goal]:
    rows = {row.candidate: row for row in measured}
    ours, dynamic = rows[_OURS], rows[_DYNAMIC]
    for count in threads:
        name, best = f"{_OURS}, {_threads_text(count)}", ours.milliseconds[count][0]
        ratio = best / dynamic.milliseconds[count][0]
        yield Goal(ours.network, f"{name}: ÷ int8", ratio, _SLOWEST_TO_DYNAMIC)
        if ours.network.startswith("resnet"):
            ratio = best / _float_time(rows, count)[0]
            yield Goal(ours.network, f"{name}: ÷ float", ratio, _SLOWEST_TO_FLOAT)
        name = f"expansion ÷ inference, {_threads_text(count)}"
        yield Goal(ours.network, name, ours.expansion / best, 1.0)
    memory = ours.memory / dynamic.memory
    yield Goal(ours.network, "peak memory ÷ int8", memory, _MOST_MEMORY)


if __name__ == "__main__":
    Command("benchmarks/latency.py", __doc__, FLAGS, main, program="python").run()
