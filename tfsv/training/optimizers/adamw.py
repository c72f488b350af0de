"""Adam with decoupled weight decay, as WeSpeaker trains its DF-ResNets."""

import tf_keras as keras

from tfsv.training.optimizers import OPTIMIZERS, Optimizer


def adamw(weight_decay: float) -> keras.optimizers.Optimizer:
    """AdamW at its defaults; the decay is multiplied by the learning rate."""
    return keras.optimizers.AdamW(weight_decay=weight_decay)


OPTIMIZERS.add("adamw", Optimizer(adamw))
