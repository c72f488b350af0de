"""Stochastic gradient descent as WeSpeaker trains its ResNets."""

import tf_keras as keras

from tfsv.training.optimizers import OPTIMIZERS, Optimizer


def sgd(weight_decay: float) -> keras.optimizers.Optimizer:
    """Nesterov momentum of 0.9; the decay is left to the fit, which adds it as PyTorch does."""
    return keras.optimizers.SGD(momentum=0.9, nesterov=True)


OPTIMIZERS.add("sgd", Optimizer(sgd, penalty=True))
