"""The base of all quantizers: nearest centroids, straight-through gradients, the switch."""

from typing import ClassVar

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

from tfsv.quantization.codebook import assign, finite_weights
from tfsv.quantization.coded import CodedWeights, relative_error
from tfsv.quantization.float16_weights import StoredWeights

_SELECTS = 16  # up to so many centroids a select for each is faster than a binary search


def nearest_centroid(weights: tf.Tensor, codebook: tf.Tensor) -> tf.Tensor:
    """Replaces each weight by its nearest centroid, without a gradient.

    Example:
        >>> nearest_centroid(tf.constant([-0.7, 0.1]), tf.constant([-1.0, 1.0])).numpy()
        array([-1.,  1.], dtype=float32)

    Args:
        weights: Weights of any shape, float32.
        codebook: Ascending centroids, float32 `[k]`. Neighbours may be equal.

    Returns:
        The centroids, float32, in the shape of `weights`. `codebook.assign` gives the same ones,
        bit for bit.
    """
    codebook = tf.convert_to_tensor(codebook)
    boundaries = (codebook[:-1] + codebook[1:]) * 0.5
    if codebook.shape[0] > _SELECTS:
        codes = tf.searchsorted(boundaries, tf.reshape(weights, [-1]))
        return tf.stop_gradient(tf.reshape(tf.gather(codebook, codes), tf.shape(weights)))
    lowest, *higher = tf.unstack(codebook)
    nearest = tf.fill(tf.shape(weights), lowest)
    for boundary, centroid in zip(tf.unstack(boundaries), higher, strict=True):
        nearest = tf.where(weights > boundary, centroid, nearest)
    return tf.stop_gradient(nearest)


@tf.custom_gradient
def straight_through(weights: tf.Tensor, quantized: tf.Tensor) -> tf.Tensor:
    """`quantized` forwards, bit for bit. Backwards its gradient goes to `weights` unchanged.

    Example:
        >>> straight_through(tf.constant([0.3]), tf.constant([0.5])).numpy()
        array([0.5], dtype=float32)
    """
    return tf.identity(quantized), lambda gradient: (gradient, None)


@tf.custom_gradient
def nearest_learned(weights: tf.Tensor, codebook: tf.Tensor) -> tf.Tensor:
    """`nearest_centroid` with gradients to both arguments.

    The weights' gradient is straight-through. A centroid's gradient is the sum of those of its
    members, as in Deep Compression (paper 1 cites it).

    Example:
        >>> nearest_learned(tf.constant([-0.7, 0.1]), tf.constant([-1.0, 1.0])).numpy()
        array([-1.,  1.], dtype=float32)

    Args:
        weights: Weights of any shape, float32.
        codebook: Ascending centroids, float32 `[k]`.
    """

    def gradient(upstream):
        boundaries = (codebook[:-1] + codebook[1:]) * 0.5
        codes = tf.searchsorted(boundaries, tf.reshape(weights, [-1]))
        members = tf.math.unsorted_segment_sum(tf.reshape(upstream, [-1]), codes, codebook.shape[0])
        return upstream, members

    return nearest_centroid(weights, codebook), gradient


def shared(parameter: tf.Tensor, members: float) -> tf.Tensor:
    """The parameter as it is, with its gradient divided by the root of `members`.

    A parameter that n weights share gets the sum of n gradients. It would move about √n times as
    fast as they do. Learned step sizes (LSQ) divide by √n for that reason, and so do we for every
    learned parameter of a table.

    Example:
        >>> scale = tf.Variable(0.5)
        >>> with tf.GradientTape() as tape:
        ...     total = 100 * shared(scale, members=100)
        >>> float(tape.gradient(total, scale))
        10.0
    """

    @tf.custom_gradient
    def identity(x):
        return tf.identity(x), lambda gradient: gradient / np.sqrt(members)

    return identity(parameter)


def mean(values: tf.Tensor, axes: list[int] | None = None) -> tf.Tensor:
    """The mean over the axes, summed in float64 so that graph, eager mode and devices agree.

    Example:
        >>> float(mean(tf.constant([1.0, 2.0])))
        1.5
    """
    return tf.cast(tf.reduce_mean(tf.cast(values, tf.float64), axes), values.dtype)


class KernelQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """The base of the schemes' quantizers.

    A scheme adds to the layer the variables that `variables` names, and `active`, the switch of
    staged fine-tuning. While the switch is off, the layer computes with its latent weights.
    `refresh` fits what the scheme fits and switches on. The training loop calls it at an interval.
    In inference the forward value is what `coded` decodes to, bit for bit. It is so in training
    too, unless the scheme's docstring says otherwise.

    A subclass defines `variables`, `codebook` and `forward`, and `fit` if something is fitted. One
    with settings defines `get_config` too. Once it is registered with `SCHEMES` and with Keras,
    `quantize`, cards and the command line can name it.

    Example:
        Three levels, fitted to the largest weight in every step:

        >>> @SCHEMES.register("ternary")
        ... @keras.utils.register_keras_serializable("mine")
        ... class TernaryQuantizer(KernelQuantizer):
        ...     widths = (2,)
        ...
        ...     def variables(self, shape):
        ...         return {}
        ...
        ...     def codebook(self, latent, weights):
        ...         return tf.reduce_max(tf.abs(latent)) * tf.constant([-1.0, 0.0, 1.0])
        ...
        ...     def forward(self, latent, weights, training):
        ...         levels = self.codebook(latent, weights)
        ...         return straight_through(latent, nearest_centroid(latent, levels))

    Args:
        bits: Width of a code, one of `widths`.

    Attributes:
        widths: Widths of codes that the scheme has.
        settings: Choices of each setting of the scheme, with the default first, or the default of a
            positive number.
        keeps_codebook: Whether the levels follow from the variables alone, whatever the latent
            weights are. Codes can then be chosen freely, and calibration may choose them.
        free_centroids: Whether each level may have any value, which `set_codebook` sets.
    """

    widths: ClassVar[tuple[int, ...]] = tuple(range(1, 9))
    settings: ClassVar[dict[str, tuple[str, ...] | float]] = {}
    keeps_codebook: ClassVar[bool] = False
    free_centroids: ClassVar[bool] = False

    def __init__(self, bits: int):
        if bits not in self.widths:
            expected = f"{self.widths[0]} to {self.widths[-1]}"
            raise ValueError(f"bits: expected {expected}. Received: {bits}")
        self.bits = bits

    @classmethod
    def for_kernel(cls, bits: int, channel_axes: int, **settings: str | float) -> "KernelQuantizer":
        """A quantizer for a kernel.

        A scheme with a scale for each output channel overrides this to take the axes.

        Args:
            bits: Width of a code, one of `widths`.
            channel_axes: Number of the kernel's last axes that count its output channels. It is 2
                for a depthwise kernel `[..., input channels, multiplier]`, and 1 for any other.
            **settings: Values of the class' `settings`.
        """
        return cls(bits, **settings)

    def variables(self, shape: tf.TensorShape) -> dict[str, tuple[list[int], bool]]:
        """Shapes of a kernel's float32 variables, and whether they are trained, by name."""
        raise NotImplementedError

    def codebook(self, latent: tf.Tensor, weights: dict[str, tf.Tensor]) -> tf.Tensor:
        """The ascending levels for these weights, float32 `[k]`. Neighbours may be equal."""
        raise NotImplementedError

    def forward(
        self, latent: tf.Tensor, weights: dict[str, tf.Tensor], training: bool
    ) -> tf.Tensor:
        """The kernel that the layer uses while the quantizer is on, with its gradients."""
        raise NotImplementedError

    def fit(self, latent: np.ndarray, weights: dict[str, tf.Variable], active: bool) -> None:
        """Sets the variables from the latent weights. `active` says that they were set before."""

    def set_codebook(self, codebook: np.ndarray, weights: dict[str, tf.Variable]) -> None:
        """Sets the variables so that the levels are these, where `free_centroids` allows it.

        Args:
            codebook: Ascending levels, float32 `[k]`, k <= 2^bits.
            weights: Variables that `build` returned.
        """
        raise NotImplementedError(f"{type(self).__name__}: its levels are not free")

    def build(self, tensor_shape, name, layer):
        variables = {
            key: layer.add_weight(
                f"{name}_{key}",
                shape=shape,
                dtype=tf.float32,
                initializer="zeros",
                trainable=trainable,
            )
            for key, (shape, trainable) in self.variables(tensor_shape).items()
        }
        variables["active"] = layer.add_weight(
            f"{name}_active", shape=[], dtype=tf.bool, initializer="zeros", trainable=False
        )
        return variables

    def __call__(self, inputs, training, weights, **kwargs):
        latent = tf.convert_to_tensor(inputs)
        values = {key: tf.convert_to_tensor(variable) for key, variable in weights.items()}
        return tf.cond(
            values["active"],
            lambda: self.forward(latent, values, training),
            lambda: latent,
        )

    def refresh(self, latent: np.ndarray, weights: dict[str, tf.Variable], name: str) -> None:
        """Fits the variables to the latent weights and switches the quantizer on.

        Args:
            latent: Latent kernel of the layer, float32.
            weights: Variables that `build` returned.
            name: Name of the layer, for error messages.

        Raises:
            InputError: The latent weights hold a NaN or an infinity.
        """
        finite_weights(latent, name)
        self.fit(latent, weights, bool(weights["active"].numpy()))
        weights["active"].assign(True)

    def coded(self, latent: np.ndarray, weights: dict[str, tf.Variable]) -> StoredWeights:
        """The codes and the codebook of the latent weights, as they are now."""
        values = {key: tf.convert_to_tensor(variable) for key, variable in weights.items()}
        centroids = np.unique(self.codebook(tf.constant(latent), values).numpy())
        codes = assign(latent, centroids)
        error = relative_error(latent, centroids[codes])
        return CodedWeights(codes, centroids, self.bits, error=error)

    def get_config(self) -> dict:
        return {"bits": self.bits}
