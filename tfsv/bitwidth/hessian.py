"""Traces of the loss' Hessian with respect to each kernel."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.bitwidth.candidates import kernel_variables

Batches = Sequence[tuple[Any, Any]]
"""Pairs of the network's inputs and what the loss takes beside its outputs."""

Loss = Callable[[Any, Any], tf.Tensor]
"""Function from outputs and targets to losses, float32 `[batch]`."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """The trace of the Hessian with respect to one kernel.

    Example:
        >>> trace = Trace(value=12.5, standard_error=0.4)

    Attributes:
        value: Hutchinson's estimate of the trace.
        standard_error: Standard error of the estimate, from the spread of the random vectors.
    """

    value: float
    standard_error: float


def hessian_traces(
    network: keras.Model, batches: Batches, loss: Loss, *, vectors: int = 50, seed: int = 0
) -> dict[str, Trace]:
    """Hutchinson's estimate, E[zᵀHz], of every kernel's trace (HAWQ-V2; papers 1 and 4).

    One random vector z spans all kernels. zₗᵀ(Hz)ₗ estimates layer l's own trace, since the part of
    the other layers has zero mean. So one Hessian-vector product serves all layers. It is computed
    by two backward passes, with batch normalisation in inference mode. Entries of z are ±1, whose
    estimate varies less than that of paper 4's normal ones. This choice is ours.

    Example:
        >>> traces = hessian_traces(network, batches, loss, vectors=2)
        >>> traces["embedding"].standard_error >= 0
        True

    Args:
        network: A float network, which is not changed.
        batches: Pairs of inputs and targets. The Hessian is that of the mean of the batches' mean
            losses.
        loss: Function from outputs and targets to the losses of a batch.
        vectors: Number of random vectors, at least 2. It is m, which is 50 in arXiv:2112.11438 by
            the authors of paper 4.
        seed: Seed of the random vectors.

    Returns:
        The trace of each kernel, by the layer's name.
    """
    variables = kernel_variables(network)
    kernels = list(variables.values())

    @tf.function(reduce_retracing=True, autograph=False)
    def products(inputs, targets, z):
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(kernels)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(kernels)
                value = tf.reduce_mean(loss(network(inputs, training=False), targets))
            gradients = inner.gradient(value, kernels)
            slope = tf.add_n([tf.reduce_sum(a * b) for a, b in zip(z, gradients, strict=True)])
        curved = outer.gradient(slope, kernels, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return tf.stack([tf.reduce_sum(a * b) for a, b in zip(z, curved, strict=True)])

    random = np.random.default_rng(seed)
    estimates = np.zeros((vectors, len(kernels)))
    with tqdm(total=vectors, desc="Hessian traces", unit="vector", dynamic_ncols=True) as bar:
        for number in range(vectors):
            z = [tf.constant(random.choice([-1, 1], k.shape), tf.float32) for k in kernels]
            each = [products(*_tensors(x, y), z).numpy() for x, y in batches]
            estimates[number] = np.mean(np.array(each, np.float64), axis=0)
            bar.update()
            if number:
                spread = _standard_error(estimates[: number + 1])
                mean = np.abs(estimates[: number + 1].mean(axis=0))
                relative = np.median(spread / np.maximum(mean, 1e-30))
                bar.set_postfix_str(f"median standard error {relative:.0%}", refresh=False)
    errors = _standard_error(estimates)
    return {
        name: Trace(float(value), float(error))
        for name, value, error in zip(variables, estimates.mean(axis=0), errors, strict=True)
    }


def mean_loss(network: keras.Model, batches: Batches, loss: Loss) -> float:
    """The mean of the batches' mean losses, with batch normalisation in inference mode.

    Example:
        >>> mean_loss(network, batches, loss) > 0
        True
    """
    values = [
        tf.reduce_mean(loss(network(inputs, training=False), targets))
        for inputs, targets in (_tensors(x, y) for x, y in batches)
    ]
    return float(np.mean([value.numpy() for value in values]))


def _standard_error(estimates: np.ndarray) -> np.ndarray:
    return estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))


def _tensors(inputs: Any, targets: Any) -> tuple[Any, Any]:
    return tf.nest.map_structure(tf.constant, (inputs, targets))
