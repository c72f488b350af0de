"""Quantizers: a pure function and a thin tfmot class for each scheme."""

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from tfsv.quantization import codebook as codebooks


def nearest_centroid(weights: tf.Tensor, codebook: tf.Tensor) -> tf.Tensor:
    """Replaces each weight by its nearest centroid; no gradient.

    Args:
        weights: float32, any shape.
        codebook: float32 `[k]`, ascending; neighbours may be equal.

    Returns:
        float32 of the shape of `weights`; `codebook.assign` gives the same centroids bit for bit.
    """
    boundaries = (codebook[:-1] + codebook[1:]) * 0.5
    codes = tf.searchsorted(boundaries, tf.reshape(weights, [-1]))
    return tf.stop_gradient(tf.reshape(tf.gather(codebook, codes), tf.shape(weights)))


def straight_through(weights: tf.Tensor, quantized: tf.Tensor) -> tf.Tensor:
    """`quantized` forwards, the gradient of `weights` backwards (straight-through estimator)."""
    return weights + tf.stop_gradient(quantized - weights)


@keras.utils.register_keras_serializable("tfsv")
class KMeansQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """K-means codebook of one layer, learned by k-means on its latent weights (paper 1, KMQAT).

    Adds two variables to the layer, neither of them trained: `codebook` (float32 `[2^bits]`,
    padded by its last centroid where there are fewer) and `active`, the switch of staged
    fine-tuning. While inactive the layer computes with its latent weights. The forward pass uses
    the nearest centroids, the backward pass is the straight-through estimator; `refresh` is called
    by the training loop, at the interval that its flag sets, since the paper says that centroids
    are generated dynamically but not how often.

    Args:
        bits: 1 to 8.
    """

    def __init__(self, bits: int):
        if not 1 <= bits <= 8:
            raise ValueError(f"bits: expected 1 to 8. Received: {bits}")
        self.bits = bits

    def build(self, tensor_shape, name, layer):
        return {
            "codebook": layer.add_weight(
                f"{name}_codebook",
                shape=[2**self.bits],
                dtype=tf.float32,
                initializer="zeros",
                trainable=False,
            ),
            "active": layer.add_weight(
                f"{name}_active", shape=[], dtype=tf.bool, initializer="zeros", trainable=False
            ),
        }

    def __call__(self, inputs, training, weights, **kwargs):
        latent = tf.convert_to_tensor(inputs)
        return tf.cond(
            weights["active"],
            lambda: straight_through(latent, nearest_centroid(latent, weights["codebook"])),
            lambda: latent,
        )

    def refresh(self, latent: np.ndarray, weights: dict[str, tf.Variable], name: str) -> None:
        """Fits the codebook to the latent weights and switches the quantizer on.

        An already active quantizer starts k-means from its present centroids.

        Args:
            latent: float32, the layer's latent kernel.
            weights: What `build` returned.
            name: The layer's name, for errors.

        Raises:
            InputError: The latent weights hold a NaN or an infinity.
        """
        start = np.unique(weights["codebook"].numpy()) if weights["active"].numpy() else None
        centroids = codebooks.kmeans(latent, 2**self.bits, start=start, name=name)
        padding = 2**self.bits - len(centroids)
        weights["codebook"].assign(np.pad(centroids, (0, padding), mode="edge"))
        weights["active"].assign(True)

    def codebook(self, weights: dict[str, tf.Variable]) -> np.ndarray:
        """float32 `[k]`, strictly ascending, k <= 2^bits: the present centroids."""
        return np.unique(weights["codebook"].numpy())

    def get_config(self) -> dict:
        return {"bits": self.bits}
