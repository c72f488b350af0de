"""Sensitivities of a separator: inputs of two shapes, waveforms as targets, blocks only."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.allocation import allocate
from tfsv.bitwidth.candidates import candidate_weights, kernel, kernel_variables, replaced
from tfsv.bitwidth.hessian import hessian_traces
from tfsv.bitwidth.methods.curvature import Curvature
from tfsv.bitwidth.methods.kl import Divergence
from tfsv.bitwidth.search import block_ties
from tfsv.bitwidth.sensitivity import measure
from tfsv.separation.frames import BINS
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.si_snr_loss import SeparationLoss
from tfsv.separation.spectra import Spectra
from tfsv.separation.tcn import block_layers, build_separator, hidden_network
from tfsv.tasks.task import TaskData


class Mixtures(TaskData):
    """What a task's data must say, for the functions that it has by default."""

    steps_per_epoch = 1

    def dataset(self, first_step):
        raise NotImplementedError

    def objective(self, network, steps):
        return SeparationLoss()

    def measure(self, model):
        raise NotImplementedError

    def compared_network(self, network):
        return hidden_network(network)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(6)
    return build_separator(SeparatorSettings(1, 3, 6, 8), 2 * BINS)


@pytest.fixture(scope="module")
def batch():
    """(features, spectrum) and clean waveforms; the features tell what is wanted."""
    random = np.random.default_rng(7)
    clean, other = random.normal(0, 0.1, (2, 2, 2048)).astype(np.float32)
    real, imaginary = Spectra()(clean + other)
    wanted = Spectra()(clean)
    features = tf.concat([*(part[:, :, tf.newaxis] for part in wanted)], axis=-1)
    return (features.numpy(), tf.stack([real, imaginary], axis=2).numpy()), clean


@pytest.fixture(scope="module")
def candidates(network):
    found = candidate_weights(network, "uniform", (2, 4, 8))
    return {name: found[name] for name in block_layers(found)}


def loss(outputs, targets):
    return SeparationLoss()(outputs, targets, tf.constant(0))[0]


def test_traces_are_those_of_finite_differences(network, batch):
    name = "stack1_block2_depthwise"
    inputs, targets = batch

    def value():
        return float(tf.reduce_mean(loss(network(inputs), targets)))

    variable = kernel_variables(network)[name]
    before, step, middle = kernel(network, name), 0.05, value()
    total = 0.0
    for place in np.ndindex(*before.shape):
        moved = np.zeros_like(before)
        moved[place] = step
        sides = []
        for sign in (1, -1):
            variable.assign(before + sign * moved)
            sides.append(value())
        total += (sides[0] - 2 * middle + sides[1]) / step**2
    variable.assign(before)
    trace = hessian_traces(network, [batch], loss, vectors=100)[name]
    assert abs(trace.value - total) < 4 * trace.standard_error + 0.05 * abs(total)


def test_divergence_is_that_of_sigmoids_of_the_last_block(network, batch, candidates):
    data, (inputs, _) = Mixtures(), batch
    compared = data.compared_network(network)
    method = Divergence(network, [inputs], data.log_probabilities(SeparationLoss()), compared)

    def probabilities():
        return 1 / (1 + np.exp(-compared(inputs).numpy().astype(np.float64)))

    for name in ("stack1_block1_in", "stack1_block3_out"):
        p = probabilities()
        with replaced(network, {name: candidates[name][2]}):
            q = probabilities()
        wanted = np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
        assert wanted > 0
        assert method.loss({name: candidates[name][2]}) == pytest.approx(wanted, rel=1e-2)


@pytest.mark.parametrize("kind", ["kl", "curvature"])
def test_blocks_get_widths_within_a_budget(network, batch, candidates, kind):
    data, (inputs, _) = Mixtures(), batch
    if kind == "kl":
        posteriors = data.log_probabilities(SeparationLoss())
        method = Divergence(network, [inputs], posteriors, data.compared_network(network))
    else:
        method = Curvature(network, [batch], loss, vectors=4)
    found = measure(method, candidates).table
    assert list(found) == list(candidates) and "mask" not in found and "bottleneck" not in found
    for row in found.values():
        assert row[2] > row[4] > row[8] >= 0
    sizes = {n: {b: kernel(network, n).size * b / 8 for b in row} for n, row in found.items()}
    budget = sum(row[4] for row in sizes.values())
    for tied in ([], block_ties(candidates)):
        bits = allocate(found, sizes, budget, tied=tied)
        assert sum(sizes[name][width] for name, width in bits.items()) <= budget
        assert all(len({bits[name] for name in group}) == 1 for group in tied)
