"""Statistics of batch normalisation, estimated again on what a layer is given now."""

import numpy as np
import tf_keras as keras


class ChannelMoments:
    """Mean and variance of every channel, over all batches and positions.

    Example:
        >>> moments = ChannelMoments()
        >>> for inputs in batches:
        ...     moments.add(inputs, axis=-1)
        >>> moments.mean.shape, moments.variance.shape
        ((32,), (32,))
    """

    def __init__(self):
        self._count = 0
        self._mean: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0

    def add(self, inputs: np.ndarray, axis: int = -1) -> None:
        """Adds a batch, `[batch, …]`, whose channels lie along an axis.

        Batches are put together as Chan, Golub and LeVeque do, so that a large mean costs no
        digits.
        """
        flat = np.moveaxis(np.asarray(inputs), axis, -1)
        flat = flat.reshape(-1, flat.shape[-1]).astype(np.float64)
        count, mean = len(flat), flat.mean(0)
        total = self._count + count
        step = mean - self._mean
        self._squares += np.sum((flat - mean) ** 2, 0) + step**2 * self._count * count / total
        self._mean += step * count / total
        self._count = total

    @property
    def mean(self) -> np.ndarray:
        """Mean of each channel, float64."""
        return np.asarray(self._mean)

    @property
    def variance(self) -> np.ndarray:
        """Variance of each channel, with the count as divisor, float64."""
        return np.asarray(self._squares) / self._count


def replace_statistics(norm: keras.layers.BatchNormalization, now: ChannelMoments) -> None:
    """Sets a layer's moving mean and variance to those of its inputs.

    Example:
        >>> replace_statistics(network.get_layer("stem_norm"), moments)
    """
    norm.moving_mean.assign(now.mean)
    norm.moving_variance.assign(now.variance)


def shift_statistics(
    norm: keras.layers.BatchNormalization,
    now: ChannelMoments,
    before: ChannelMoments,
    scale: np.ndarray | None = None,
) -> None:
    """Changes a layer's statistics as its inputs have changed from the float network's.

    The mean moves by the difference of the means, and the variance by the ratio of the variances.
    What the recordings have of their own is in both and cancels. So a network whose weights stay as
    they are keeps the statistics of its training, however few recordings there are.

    Example:
        >>> shift_statistics(network.get_layer("stem_norm"), now=quantized, before=plain)

    Args:
        norm: Layer whose statistics fit the float network's inputs, divided by `scale`.
        now: Moments of the inputs that the layer is given.
        before: Moments of its inputs in the float network.
        scale: Factor by which each channel of the inputs was divided. None: they were not.
    """
    scale = np.ones(1) if scale is None else scale
    mean, variance = before.mean / scale, before.variance / scale**2
    old = norm.moving_variance.numpy().astype(np.float64) + norm.epsilon
    # Channels that hardly move in the recordings tell nothing of a ratio.
    ratio = (now.variance + norm.epsilon) / (variance + norm.epsilon)
    norm.moving_mean.assign(norm.moving_mean.numpy() + (now.mean - mean))
    norm.moving_variance.assign(np.maximum(old * ratio - norm.epsilon, 0))
