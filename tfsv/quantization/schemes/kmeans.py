"""K-means codebooks (paper 1)."""

from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.quantization.codebook import kmeans
from tfsv.quantization.schemes.base import (
    KernelQuantizer,
    nearest_centroid,
    nearest_learned,
    shared,
    straight_through,
)
from tfsv.quantization.schemes.registry import SCHEMES


@SCHEMES.register("kmeans")
@keras.utils.register_keras_serializable("tfsv")
class KMeansQuantizer(KernelQuantizer):
    """The codebook of one layer, found by k-means on its latent weights (paper 1, KMQAT).

    The forward pass uses the nearest centroids, the backward pass is the straight-through
    estimator. The paper says that centroids are generated dynamically, but not how often. `refresh`
    runs at the interval of the training loop, from the present centroids. The `codebook` variable
    is padded by its last centroid where there are fewer than 2^bits.

    Example:
        >>> quantized = quantize(network, 4, "kmeans", centroids="gradient")

    Args:
        bits: Width of a code, 1 to 8.
        centroids: Way to find centroids, "kmeans" or "gradient". "gradient" uses k-means at the
            first refresh only. Then the optimizer moves the centroids by the summed gradients of
            their members. The sum is divided by the root of the mean number of members (see
            `shared`). The latent weights go on being trained.
    """

    settings: ClassVar = {"centroids": ("kmeans", "gradient")}
    keeps_codebook = free_centroids = True

    def __init__(self, bits: int, centroids: str = "kmeans"):
        super().__init__(bits)
        self.centroids = centroids

    def variables(self, shape):
        return {"codebook": ([2**self.bits], self.centroids == "gradient")}

    def codebook(self, latent, weights):
        # The optimizer may move centroids past each other. k-means' own are in order already.
        return tf.sort(weights["codebook"]) if self.centroids == "gradient" else weights["codebook"]

    def forward(self, latent, weights, training):
        codebook = self.codebook(latent, weights)
        if self.centroids == "kmeans":
            return straight_through(latent, nearest_centroid(latent, codebook))
        return nearest_learned(latent, shared(codebook, latent.shape.num_elements() / 2**self.bits))

    def fit(self, latent, weights, active):
        if active and self.centroids == "gradient":
            return
        start = np.unique(weights["codebook"].numpy()) if active else None
        self.set_codebook(kmeans(latent, 2**self.bits, start=start), weights)

    def set_codebook(self, codebook, weights):
        padding = 2**self.bits - len(codebook)
        weights["codebook"].assign(np.pad(codebook, (0, padding), mode="edge"))

    def get_config(self):
        return {**super().get_config(), "centroids": self.centroids}
