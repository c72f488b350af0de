"""Second moments of a layer's inputs, summed over batches in bounded memory."""

import math

import numpy as np
import tf_keras as keras

from tfsv.quantization.kernel_inputs import input_vectors, positions

_ELEMENTS = 1 << 22  # of input vectors held at a time


class InputMoments:
    """Sums over the input vectors x of a layer, and over those of the float network, t.

    Half the squared error of a layer's outputs has the Hessian E[x xᵀ] for the weights of every
    output channel (GPTQ, arXiv:2210.17323). Where the outputs' means are made up for behind the
    layer, by a bias or by batch normalisation, it is the covariance of x.

    Example:
        >>> moments = InputMoments(layer)
        >>> for inputs in batches:
        ...     moments.add(inputs)
        >>> moments.hessian(centred=True).shape
        (1, 288, 288)

    Args:
        layer: Layer with a kernel.
        limit: Most output positions to take of a batch, drawn at random. None: all are taken.
        seed: Seed of the draw.
    """

    def __init__(self, layer: keras.layers.Layer, limit: int | None = None, seed: int = 0):
        self._layer = layer
        self._limit = limit
        self._random = np.random.default_rng(seed)
        self._count = 0
        self._offsets: list[np.ndarray] = []
        self._sums: list[np.ndarray] = []
        self._products: list[np.ndarray] = []

    def add(self, inputs: np.ndarray, intended: np.ndarray | None = None) -> None:
        """Adds a batch.

        Args:
            inputs: The layer's inputs.
            intended: Inputs of the same layer in the float network. None: they are `inputs`.
        """
        both = [np.asarray(x, np.float32) for x in (inputs, intended) if x is not None]
        total = positions(self._layer, both[0])
        chosen = np.arange(total)
        if self._limit is not None and total > self._limit:
            chosen = np.sort(self._random.choice(total, self._limit, replace=False))
        shape = self._layer.weights[0].shape
        elements = len(chosen) * getattr(self._layer, "groups", 1) * math.prod(shape[:-1])
        for part in np.array_split(chosen, max(1, elements // _ELEMENTS)):
            self._add([input_vectors(self._layer, x, part) for x in both])

    def _add(self, vectors: list[np.ndarray]) -> None:
        if not self._offsets:  # moments about a mean, so that a large one costs no digits
            self._offsets = [x.mean(1, keepdims=True) for x in vectors]
            self._sums = [np.zeros((len(x), x.shape[2])) for x in vectors]
            self._products = [np.zeros((len(x), x.shape[2], x.shape[2])) for x in vectors]
        around = [x - offset for x, offset in zip(vectors, self._offsets, strict=True)]
        for number, x in enumerate(around):
            self._sums[number] += x.sum(1, np.float64)
            self._products[number] += x.transpose(0, 2, 1) @ around[0]
        self._count += vectors[0].shape[1]

    @property
    def mean(self) -> np.ndarray:
        """Mean of x, float64 `[groups, inputs]`."""
        return self._offsets[0][:, 0] + self._sums[0] / self._count

    @property
    def intended_mean(self) -> np.ndarray:
        """Mean of t, float64 `[groups, inputs]`."""
        return self._offsets[-1][:, 0] + self._sums[-1] / self._count

    def hessian(self, *, centred: bool) -> np.ndarray:
        """E[x xᵀ], or the covariance of x, float64 `[groups, inputs, inputs]`."""
        return self._second(0, None if centred else self.mean)

    def cross(self, *, centred: bool) -> np.ndarray:
        """E[t xᵀ], or the covariance of t and x, float64 `[groups, inputs, inputs]`."""
        return self._second(-1, None if centred else self.intended_mean)

    def _second(self, which: int, mean: np.ndarray | None) -> np.ndarray:
        first = _product(self._sums[which], self._sums[0]) / self._count**2
        covariance = self._products[which] / self._count - first
        return covariance if mean is None else covariance + _product(mean, self.mean)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left[:, :, np.newaxis] * right[:, np.newaxis, :]
