"""Kernels divided by a scale for each output channel, which batch normalisation takes up."""

import numpy as np
import tf_keras as keras

_LARGEST_STEP = 1e3  # between a channel's scale and the mean; beyond it a channel says nothing


def channel_deviations(weights: np.ndarray) -> np.ndarray:
    """The root mean square of each output channel's weights, relative to their geometric mean.

    Example:
        >>> channel_deviations(np.array([[[1.0, 4.0]]]))
        array([[0.5, 2. ]])

    Args:
        weights: `[groups, inputs, outputs]`.

    Returns:
        float64 `[groups, outputs]`, of a geometric mean of about 1. Channels that are all 0 get 1.
    """
    size = np.sqrt(np.mean(np.square(weights, dtype=np.float64), axis=1))
    alive = size > 0
    if not alive.any():
        return np.ones(size.shape)
    middle = np.exp(np.mean(np.log(size[alive])))
    relative = np.clip(size / middle, 1 / _LARGEST_STEP, _LARGEST_STEP)
    return np.where(alive, relative, 1.0)


def absorbable(norm: keras.layers.BatchNormalization, scale: np.ndarray) -> np.ndarray:
    """The scales, lowered where the layer's variance is too small to take them up.

    Example:
        >>> scale = absorbable(network.get_layer("stem_norm"), scale)

    Args:
        norm: Batch normalisation behind the layer.
        scale: Scales above 0, `[channels]`.
    """
    room = (norm.moving_variance.numpy().astype(np.float64) + norm.epsilon) / norm.epsilon
    return np.minimum(scale, np.sqrt(room))


def absorb(norm: keras.layers.BatchNormalization, scale: np.ndarray) -> None:
    """Lets batch normalisation give out the same when its inputs are divided by scales.

    The mean is divided by s, and the variance becomes (variance + ε) / s² − ε. Factor and offset
    stay. This is exact, and costs no byte: normalisation becomes one scale for each channel in the
    exported file in any case.

    Example:
        >>> scale = absorbable(norm, scale)
        >>> layer.kernel.assign(layer.kernel / scale)
        >>> absorb(norm, scale)

    Args:
        norm: Batch normalisation behind the layer.
        scale: Scales that `absorbable` gave, `[channels]`.
    """
    variance = (norm.moving_variance.numpy().astype(np.float64) + norm.epsilon) / scale**2
    norm.moving_mean.assign(norm.moving_mean.numpy() / scale)
    norm.moving_variance.assign(np.maximum(variance - norm.epsilon, 0))
