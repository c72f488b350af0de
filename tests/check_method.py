"""What every sensitivity method is put through."""

import dataclasses
import json
import types

import numpy as np
import tensorflow as tf
from tiny_networks import BINS, EMBEDDING, image_network

from tfsv.audio import SAMPLE_RATE
from tfsv.bitwidth.candidates import candidate_quantizers, candidate_weights
from tfsv.bitwidth.sensitivity import measure
from tfsv.card import ModelCard
from tfsv.tasks.task import sensitivity_methods

WIDTHS = (1, 4)


class Dev:
    """Development trials of made-up recordings, for methods that ask the data for some."""

    def __init__(self, folder):
        import soundfile

        from tfsv.verification.trials import Trials

        random = np.random.default_rng(0)
        names = [str(folder / f"{n}.wav") for n in range(4)]
        for name in names:
            soundfile.write(name, 0.1 * random.standard_normal(SAMPLE_RATE // 2), SAMPLE_RATE)
        pairs = np.array([(a, b) for a in range(4) for b in range(a)], np.int32)
        labels = (pairs[:, 0] % 2 == pairs[:, 1] % 2).astype(np.uint8)
        self._trials = Trials(labels, pairs[:, 0], pairs[:, 1], names)

    def dev_trials(self, trials=None, root=None):
        return self._trials, None, "/"

    def features_of(self, card):
        return lambda waveforms: tf.signal.frame(waveforms, BINS, 160)


def subject(folder):
    """A tiny float network and all that `tfsv.bitwidth.subject.Subject` tells of it."""
    network = image_network()
    random = np.random.default_rng(1)
    batches = [
        (random.normal(size=(4, 20, BINS)).astype("f4"), random.integers(0, EMBEDDING, 4))
        for _ in range(2)
    ]
    candidates = candidate_weights(network, "kmeans", WIDTHS)
    sizes = {
        name: {bits: weights.codes.size * bits / 8 for bits, weights in row.items()}
        for name, row in candidates.items()
    }
    return types.SimpleNamespace(
        network=network,
        card=ModelCard(),
        data=Dev(folder),
        candidates=candidates,
        quantizers=candidate_quantizers(network, "kmeans", WIDTHS),
        sizes=sizes,
        tables={},
        room=sum(sum(row.values()) for row in sizes.values()) / 2,
        batches=batches,
        loss=lambda outputs, targets: tf.nn.sparse_softmax_cross_entropy_with_logits(
            targets, outputs
        ),
        compared=network,
        log_probabilities=tf.nn.log_softmax,
        stream=lambda: (batches[n % 2] for n in range(10_000)),
    )


def check_method(name, folder):
    """Every layer gets a finite loss for every width, the network stays as it was, twice alike.

    Args:
        name: The method's name in `sensitivity_methods()`.
        folder: Where made-up recordings may be written.
    """
    kind = sensitivity_methods().named(name)
    record = kind.record()
    assert dataclasses.is_dataclass(record) and kind.name == name and kind.help
    assert set(kind.uses) <= {"batches", "stream", "objective"}
    if "steps" in {field.name for field in dataclasses.fields(record)}:
        record = dataclasses.replace(record, steps=5)  # of a search that takes its time
    asked = subject(folder)
    before = asked.network.get_weights()
    found = measure(kind.of(asked, record), asked.candidates)
    for one, other in zip(before, asked.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(found.table) == list(asked.candidates)
    for layer, row in found.table.items():
        assert set(row) == set(WIDTHS) and np.isfinite(list(row.values())).all(), layer
        assert found.rows[layer].because
    made = kind.of(asked, record)
    json.dumps(dict(made.settings))
    again = measure(made, asked.candidates)
    for layer, row in again.table.items():
        np.testing.assert_allclose(
            list(row.values()), list(found.table[layer].values()), rtol=1e-2, atol=1e-6
        )
