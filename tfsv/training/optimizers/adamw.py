"""Adam with decoupled weight decay, as WeSpeaker trains its DF-ResNets."""

import tf_keras as keras

from tfsv.training.optimizers import OPTIMIZERS, Optimizer


def adamw(weight_decay: float) -> keras.optimizers.Optimizer:
    """AdamW at its defaults, which multiplies the decay by the learning rate.

    Example:
        >>> optimizer = adamw(weight_decay=0.05)
    """
    return keras.optimizers.AdamW(weight_decay=weight_decay)


OPTIMIZERS.add("adamw", Optimizer(adamw))
