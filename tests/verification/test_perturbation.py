"""Sensitivity by perturbation, log-likelihood ratios, and parts of trial lists."""

import numpy as np
import pytest
from tiny_networks import image_network

from tfsv.bitwidth.candidates import candidate_weights, replaced
from tfsv.errors import InputError
from tfsv.verification.cllr import cllr, llr_calibration
from tfsv.verification.methods.perturbation import Perturbation
from tfsv.verification.trials import Trials, some_trials


@pytest.fixture(scope="module")
def network():
    return image_network()


@pytest.fixture(scope="module")
def candidates(network):
    return candidate_weights(network, "kmeans", (1, 2, 8))


def dev_trials(count=6):
    pairs = np.array([(a, b) for a in range(count) for b in range(a)], np.int32)
    labels = (pairs[:, 0] % 2 == pairs[:, 1] % 2).astype(np.uint8)
    return Trials(labels, pairs[:, 0], pairs[:, 1], [f"{i}.wav" for i in range(count)])


def test_drift_is_the_mean_squared_change_of_scores(network, candidates):
    random = np.random.default_rng(2)
    features = [random.normal(size=(20 + i, 16)).astype(np.float32) for i in range(6)]
    trials = dev_trials()
    method = Perturbation(network, features, trials)
    assert method.loss({}) == 0

    def scores():
        e = np.concatenate([network(f[None], training=False).numpy() for f in features])
        e /= np.linalg.norm(e, axis=1, keepdims=True)
        return np.sum(e[trials.enrol] * e[trials.test], axis=1)

    before = scores()
    coded = {"dilated": candidates["dilated"][1]}
    with replaced(network, coded):
        after = scores()
    assert method.loss(coded) == pytest.approx(np.mean((after - before) ** 2), rel=1e-3)
    row = method.row("dilated", candidates["dilated"])
    assert row.losses[1] > row.losses[2] > row.losses[8]
    rise = Perturbation(network, features, trials, "cllr")
    line = rise.line
    expected = cllr(line[0] * after + line[1], trials.labels)
    expected -= cllr(line[0] * before + line[1], trials.labels)
    assert rise.loss(coded) == pytest.approx(expected, abs=1e-4)


def test_cllr_and_its_calibration():
    labels = np.array([1, 1, 0, 0])
    assert cllr(np.zeros(4), labels) == pytest.approx(1)
    assert cllr(np.array([20, 30, -25, -20]), labels) == pytest.approx(0, abs=1e-6)
    random = np.random.default_rng(0)
    labels = np.repeat([1, 0], 4000)
    ratios = random.normal(np.where(labels == 1, 2.0, -2.0), 2.0)  # log ratios as they stand
    factor, offset = llr_calibration(0.1 * ratios + 0.5, labels)
    assert factor == pytest.approx(10, rel=0.06) and offset == pytest.approx(-5, rel=0.06)


def test_part_of_a_trial_list():
    trials = dev_trials(12)
    part = some_trials(trials, 5)
    assert 4 <= len(part.names) <= 5 and set(part.labels.tolist()) == {0, 1}
    whole = {
        (trials.names[a], trials.names[b]): label
        for a, b, label in zip(trials.enrol, trials.test, trials.labels, strict=True)
    }
    for a, b, label in zip(part.enrol, part.test, part.labels, strict=True):
        assert whole[part.names[a], part.names[b]] == label
    assert len(part) == len(part.names) * (len(part.names) - 1) // 2
    with pytest.raises(InputError, match="recordings=1"):
        some_trials(trials, 1)
