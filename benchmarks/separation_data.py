"""Mixtures that one core makes in a second, beside those that a training step of another one eats.

    python benchmarks/separation_data.py --corpus=corpus/manifest.tsv --bank=banks/train

Both are timed in turns in one process, by its processor time. Recordings are decoded and rooms are
in the system's cache, as they are after the first minutes of a training.
"""

import statistics
import time

import tensorflow as tf
from absl import app, flags

from tfsv.audio.manifest import read_manifest
from tfsv.separation.batches import drawn_mixture, mixture_batches
from tfsv.separation.mixture_settings import MixtureSettings, SeparationObjective
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.separator_settings import SIZES
from tfsv.separation.si_snr_loss import SeparationLoss
from tfsv.separation.talkers import Talkers
from tfsv.tasks.separating import front_end_of
from tfsv.tasks.task import TASKS

_CORPUS = flags.DEFINE_string("corpus", None, "Path of a manifest.", required=True)
_BANK = flags.DEFINE_string("bank", None, "Bank of rooms.", required=True)
_SIZE = flags.DEFINE_enum("size", "half", sorted(SIZES), "Size of the separator.")
_TURNS = flags.DEFINE_integer("turns", 20, "Times that each is timed.")


def main(arguments: list[str]) -> None:
    """Times both in turns and prints mixtures a second."""
    del arguments
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    settings, objective = MixtureSettings(), SeparationObjective()
    talkers = Talkers(read_manifest(_CORPUS.value).split("train"))
    bank = ResponseBank(_BANK.value)
    task = TASKS["separation"]
    card = task.new_card(SIZES[_SIZE.value])
    network, front_end = task.build(card), front_end_of(card)
    loss = SeparationLoss(objective.level_factor, objective.silence_db)
    optimizer = tf.keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    (inputs, targets), *_ = mixture_batches(talkers, bank, settings).take(1)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            spectra = network(front_end(inputs), training=True)
            value = tf.reduce_mean(loss(spectra, targets, tf.constant(0))[0])
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, weights), weights, strict=True))

    def mixtures() -> None:
        for place in range(settings.batch_size):
            drawn_mixture((0, 0, place), talkers, bank, settings, settings.crop_samples)

    seconds: dict[str, list[float]] = {"mixing": [], "training step": []}
    for work in (mixtures, step):
        work()
    for _ in range(_TURNS.value):
        for name, work in zip(seconds, (mixtures, step), strict=True):
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    a_second = {n: settings.batch_size / statistics.median(s) for n, s in seconds.items()}
    for name, count in a_second.items():
        print(f"{name}: {count:.0f} mixtures a second of one core")
    print(f"ratio: {a_second['mixing'] / a_second['training step']:.1f}")


if __name__ == "__main__":
    app.run(main)
