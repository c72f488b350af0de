"""Uniform levels by the alternating direction method of multipliers (papers 1 and 4)."""

from typing import ClassVar

import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.codebook import assign
from tfsv.quantization.scale import alternate, best_scale
from tfsv.quantization.schemes.base import KernelQuantizer, nearest_centroid, straight_through
from tfsv.quantization.schemes.levels import uniform_levels
from tfsv.quantization.schemes.registry import SCHEMES
from tfsv.quantization.schemes.scaled import scaled_codebook


@SCHEMES.register("admm")
@keras.utils.register_keras_serializable("tfsv")
class ADMMQuantizer(KernelQuantizer):
    """Training that draws latent weights w towards their quantized values f(w).

    The augmented Lagrangian is loss + (c/2) ||w - f(w) + d||² - (c/2) ||d||². Here c is the
    penalty, d the dual variable and f(w) the nearest of {0, ±a, …, ±a(2^(bits-1) - 1)}. The method
    has three steps:

    1. The forward pass of training uses w. Backwards w gets c · (w - f(w) + d) on top of the loss'
       gradient, with f held constant, and the optimizer steps. The penalty is in the gradient only,
       not in the loss that training shows. The published method makes an extra-gradient step. We
       leave the step to the optimizer of the other schemes.
    2. `refresh` finds a by up to 20 rounds of a = (w + d)·V / V·V and V = nearest levels of w/a.
    3. `refresh` adds w - f(w) to d. The first refresh leaves d at 0.

    V must come from w as f(w) does, not from `w + d`. Then d·V is 0 after every refresh. Levels of
    `w + d` would let d and a double each time where the weights do not follow.

    Inference uses f(w). The published scale starts at 1, which makes all levels 0 for weights of a
    deviation of 0.02. So ours starts at the least squared error.

    Example:
        >>> quantized = quantize(network, 4, "admm", penalty=1e-3)

    Args:
        bits: Width of a code, 1 to 8.
        penalty: Factor c of the penalty.
    """

    settings: ClassVar = {"penalty": 1e-3}
    keeps_codebook = True

    def __init__(self, bits: int, penalty: float = 1e-3):
        super().__init__(bits)
        self.penalty = penalty
        self._levels = uniform_levels(bits)

    def variables(self, shape):
        return {"scale": ([], False), "dual": (list(shape), False)}

    def codebook(self, latent, weights):
        return scaled_codebook(self._levels, weights["scale"], tf.zeros([]))

    def forward(self, latent, weights, training):
        quantized = nearest_centroid(latent, self.codebook(latent, weights))
        if not training:
            return straight_through(latent, quantized)
        # Replicas' gradients are summed, the penalty must come once.
        penalty = self.penalty / tf.distribute.get_strategy().num_replicas_in_sync
        return _drawn(latent, penalty * (latent - quantized + weights["dual"]))

    def fit(self, latent, weights, active):
        if not active:
            weights["scale"].assign(best_scale(latent, self._levels))
            return
        dual = weights["dual"].numpy()
        scale = float(weights["scale"].numpy())
        scale = alternate(latent, self._levels, scale, target=latent + dual)
        weights["scale"].assign(scale)
        values = {key: tf.convert_to_tensor(variable) for key, variable in weights.items()}
        codebook = self.codebook(tf.constant(latent), values).numpy()
        weights["dual"].assign(dual + latent - codebook[assign(latent, codebook)])

    def get_config(self):
        return {**super().get_config(), "penalty": self.penalty}


@tf.custom_gradient
def _drawn(weights: tf.Tensor, pull: tf.Tensor) -> tf.Tensor:
    """The weights. Their gradient is the upstream one plus `pull`."""
    return tf.identity(weights), lambda upstream: (upstream + pull, None)
