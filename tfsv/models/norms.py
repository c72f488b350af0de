"""Batch normalisation as PyTorch has it."""

import tf_keras as keras


def norm(x, name: str):
    """The batch normalisation of layer `name`, with PyTorch's constants."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
