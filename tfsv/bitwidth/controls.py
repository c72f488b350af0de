"""Sensitivities that know nothing of the task: what the others must beat."""

import hashlib
from collections.abc import Mapping

import numpy as np
import tf_keras as keras

from tfsv.bitwidth.candidates import kernel, squared_error
from tfsv.bitwidth.sensitivity import Row
from tfsv.quantization.coded import CodedWeights


class Random:
    """A random importance for each layer, over four decades; a bit quarters a weight's loss.

    A quarter is what a bit does to the squared error of a fine grid, so that more bits are always
    better and budgets are used up as with any other method.
    """

    name = "random"

    def __init__(self, *, seed: int = 0):
        self.settings = {"seed": seed}

    def row(self, layer: str, candidates: Mapping[int, CodedWeights]) -> Row:
        """See `Method.row`."""
        key = hashlib.sha256(f"{self.settings['seed']} {layer}".encode()).digest()
        importance = 10 ** np.random.default_rng(list(key)).uniform(-2, 2)
        weights = next(iter(candidates.values())).codes.size
        losses = {bits: float(importance * weights * 4.0**-bits) for bits in candidates}
        return Row(losses, f"random importance {importance:.3g}")


class WeightNorm:
    """||Q_b(W) - W||²: the squared norm of the weights times the relative error of the quantizer.

    It is the curvature method without the curvature.
    """

    name = "norm"

    def __init__(self, network: keras.Model):
        self.settings = {}
        self._network = network

    def row(self, layer: str, candidates: Mapping[int, CodedWeights]) -> Row:
        """See `Method.row`."""
        latent = kernel(self._network, layer)
        losses = {bits: squared_error(latent, weights) for bits, weights in candidates.items()}
        return Row(losses, f"squared norm {np.sum(latent.astype(np.float64) ** 2):.3g}")
