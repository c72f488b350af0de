"""Is the training pipeline ever the bottleneck?

Prints how many crops a second the pipeline makes alone, how many a float32 training step of the
network takes alone, and the ratio, which should be 3 or more on 2 cores:

    python benchmarks/pipeline.py --network resnet18 --channels 16 --manifest corpus/manifest.tsv

Without --manifest it measures on the built-in voices. --parts adds the cost of each part of the
pipeline, in milliseconds of processor time for a crop.
"""

from tfsv.commands.running import Command  # isort: skip  (sets TensorFlow's log level, too)

import os
import time
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
import tf_keras as keras
from absl import flags

from tfsv.audio import augment, decoding
from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.audio.pipeline import class_count, crop, training_dataset
from tfsv.audio.pipeline_settings import DECODERS, PipelineSettings
from tfsv.audio.voices import voices_manifest
from tfsv.features import LogMel
from tfsv.models import build_network

FLAGS = flags.FlagValues()
_MANIFEST = flags.DEFINE_string(
    "manifest", None, "Manifest to read; default: built-in voices.", flag_values=FLAGS
)
_SPLIT = flags.DEFINE_string("split", "train", "Split of the manifest.", flag_values=FLAGS)
_NETWORK = flags.DEFINE_string(
    "network", "resnet18", "Network of the training step.", flag_values=FLAGS
)
_CHANNELS = flags.DEFINE_integer("channels", 16, "Width of its first stage.", 1, flag_values=FLAGS)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Crops in a batch.", 1, flag_values=FLAGS)
_CROP_SECONDS = flags.DEFINE_float("crop_seconds", 2.0, "Length of a crop.", flag_values=FLAGS)
_DECODER = flags.DEFINE_enum(
    "decoder", "tensorflow-io", sorted(DECODERS), "What decodes the files.", flag_values=FLAGS
)
_MUSAN = flags.DEFINE_string(
    "musan", None, "Folder of MUSAN; default: generated noise.", flag_values=FLAGS
)
_RIRS = flags.DEFINE_string(
    "rirs", None, "Folder of impulse responses; default: generated rooms.", flag_values=FLAGS
)
_SECONDS = flags.DEFINE_float(
    "seconds", 10.0, "How long each of the two is measured.", 1.0, flag_values=FLAGS
)
_PARTS = flags.DEFINE_bool(
    "parts", False, "Measure the parts of the pipeline, too.", flag_values=FLAGS
)


def main(values: flags.FlagValues, arguments: Sequence[str]) -> None:
    manifest = read_manifest(_MANIFEST.value) if _MANIFEST.value else voices_manifest()
    manifest = manifest.split(_SPLIT.value)
    settings = PipelineSettings(
        batch_size=_BATCH_SIZE.value,
        crop_seconds=_CROP_SECONDS.value,
        musan=_MUSAN.value,
        rirs=_RIRS.value,
        decoder=_DECODER.value,
    )
    print(f"{len(manifest)} utterances, {settings.decoder}, {os.cpu_count()} cores")
    supply, processor, batch = _supply(manifest, settings)
    print(f"pipeline       {supply:8.1f} crops/s   {processor:6.2f} ms of processor time a crop")
    step = _training_step(class_count(manifest, settings))
    demand, processor = _rate(lambda: step(*batch), settings.batch_size)
    print(f"training step  {demand:8.1f} crops/s   {processor:6.2f} ms of processor time a crop")
    print(f"ratio          {supply / demand:8.2f}")
    if _PARTS.value:
        for name, milliseconds in _parts(manifest, settings):
            print(f"{name:38}{milliseconds:6.2f} ms")


def _supply(manifest: Manifest, settings: PipelineSettings) -> tuple[float, float, tuple]:
    """What `_rate` says of the pipeline, and one batch.

    The iterator ends here, so that its threads do not run beside the training step.
    """
    batches = iter(training_dataset(manifest, settings))
    return *_rate(lambda: next(batches), settings.batch_size), next(batches)


def _rate(work: Callable[[], object], crops: int) -> tuple[float, float]:
    """Crops a second of wall time, and milliseconds of processor time a crop, once warm."""
    for _ in range(3):
        work()
    calls, wall, processor = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - wall) < _SECONDS.value:
        work()
        calls += 1
    elapsed = time.perf_counter() - wall
    return calls * crops / elapsed, (time.process_time() - processor) / (calls * crops) * 1e3


def _training_step(classes: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A step of the kind that training takes: normalised embeddings, dense softmax, SGD."""
    front_end = LogMel()
    network = build_network(_NETWORK.value, channels=_CHANNELS.value)
    weights = tf.Variable(tf.random.stateless_normal([network.output_shape[-1], classes], [0, 0]))
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)

    @tf.function
    def step(waveforms: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            embeddings = tf.nn.l2_normalize(network(front_end(waveforms), training=True), axis=1)
            logits = 32.0 * embeddings @ tf.nn.l2_normalize(weights, axis=0)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )
        variables = [*network.trainable_variables, weights]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return lambda waveforms, labels: step(waveforms, labels).numpy()


def _parts(manifest: Manifest, settings: PipelineSettings) -> Iterator[tuple[str, float]]:
    """Processor time of each part for one crop, less what an empty map costs."""
    count = min(200, len(manifest))
    stride = len(manifest) // count
    paths = [manifest.absolute(utterance) for utterance in manifest.utterances[::stride][:count]]
    samples = settings.crop_samples
    waveform = 0.1 * tf.random.stateless_normal([samples], [0, 1])
    sound = 0.1 * tf.random.stateless_normal([2 * samples], [0, 2])

    def cropped(factor: float) -> tf.Tensor:
        return crop(sound, tf.constant(16000), tf.constant(factor, tf.float64), samples, 0.5)

    parts = {
        "read file": lambda path, seed: tf.strings.length(tf.io.read_file(path)),
        f"decode whole file, {settings.decoder}": lambda path, seed: decoding.decode(
            path, settings.decoder
        ),
        "crop at speed 1.0": lambda path, seed: cropped(1.0),
        "crop and resample to speed 0.9": lambda path, seed: cropped(0.9),
        "crop and resample to speed 1.1": lambda path, seed: cropped(1.1),
        "generate a room": lambda path, seed: augment.generated_room(seed),
        "convolve with a room": lambda path, seed: augment.reverberate(waveform, waveform[:8000]),
        "generate coloured noise": lambda path, seed: augment.coloured_noise(seed, samples),
        "generate babble": lambda path, seed: augment.babble_noise(seed, samples),
        "add noise": lambda path, seed: augment.add_noise(waveform, waveform, 3.0),
        "limit the peak": lambda path, seed: augment.limit_peak(waveform),
    }
    seeds = tf.stack([tf.range(len(paths)), tf.zeros(len(paths), tf.int32)], axis=1)
    inputs = tf.data.Dataset.from_tensor_slices((paths, seeds))
    empty = _processor_time(inputs.map(lambda path, seed: seed))
    for name, part in parts.items():
        part = tf.autograph.experimental.do_not_convert(part)
        yield name, _processor_time(inputs.map(part)) - empty


def _processor_time(dataset: tf.data.Dataset) -> float:
    """Milliseconds of processor time for an element."""
    for _ in dataset.take(5):
        pass
    start, count = time.process_time(), 0
    for _ in dataset:
        count += 1
    return (time.process_time() - start) / count * 1e3


if __name__ == "__main__":
    Command("benchmarks/pipeline.py", __doc__, FLAGS, main, program="python").run()
