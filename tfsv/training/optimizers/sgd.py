"""Stochastic gradient descent as WeSpeaker trains its ResNets."""

import tf_keras as keras

from tfsv.training.optimizers import OPTIMIZERS, Optimizer


def sgd(weight_decay: float) -> keras.optimizers.Optimizer:
    """Nesterov momentum of 0.9. The decay is left to the fit, which adds it as PyTorch does.

    Example:
        >>> optimizer = sgd(weight_decay=1e-4)
    """
    return keras.optimizers.SGD(momentum=0.9, nesterov=True)


OPTIMIZERS.add("sgd", Optimizer(sgd, penalty=True))
