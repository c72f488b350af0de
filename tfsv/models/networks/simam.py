"""Residual networks with SimAM, an attention without weights: simam_resnet34, simam_resnet100."""

import functools

import tensorflow as tf
import tf_keras as keras

from tfsv.models.heads import one_layer
from tfsv.models.image_layers import basic_block, stem
from tfsv.models.pooling import pooled
from tfsv.models.registry import NETWORKS, NetworkEntry

BLOCKS = {34: (3, 4, 6, 3), 100: (6, 16, 24, 3)}

_REGULARIZATION = 1e-4  # lambda of the paper


@keras.utils.register_keras_serializable("tfsv")
class SimAM(keras.layers.Layer):
    """Weights each pixel by how far it lies from the mean of its channel.

    A pixel x is multiplied by sigmoid((x - mean)² / (4 (variance + 0.0001)) + 0.5). Mean and
    unbiased variance are those of its channel over the whole image (Yang et al. 2021). The variance
    of a single pixel counts as zero.

    Example:
        >>> SimAM()(tf.zeros([1, 100, 80, 32])).shape
        TensorShape([1, 100, 80, 32])

    Input: float `[batch, time, frequency, channels]`.
    Output: of the same shape and type.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        image = tf.cast(x, tf.float32)
        pixels = tf.cast(tf.shape(image)[1] * image.shape[2], tf.float32)
        distances = tf.square(image - tf.reduce_mean(image, axis=[1, 2], keepdims=True))
        variance = tf.reduce_mean(distances, axis=[1, 2], keepdims=True)
        variance *= pixels / tf.maximum(pixels - 1.0, 1.0)
        gate = tf.sigmoid(distances / (4.0 * (variance + _REGULARIZATION)) + 0.5)
        return tf.cast(image * gate, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def simam_resnet(
    depth: int, *, channels: int, bins: int, embedding_size: int, pooling: str = "asp"
) -> keras.Model:
    """A ResNet with SimAM in every block, as WeSpeaker's SimAM-ResNets are.

    It is `resnet34` but for three things. `SimAM` follows the second batch normalisation of each
    block, before its shortcut is added. The pooling is "asp". All blocks are basic ones at depth
    100 too, in which the four stages have 6, 16, 24 and 3 of them. WeSpeaker trained both with 64
    channels on VoxBlink2 (Lin et al. 2024). Its dropout before the embedding is left out.

    Example:
        >>> simam_resnet(34, channels=64, bins=80, embedding_size=256).output_shape
        (None, 256)

    Args:
        depth: Number in the network's name, one of `BLOCKS`.
        channels: Width of the first stage (64 in WeSpeaker).
        bins: Number of mel filters, a multiple of 8.
        embedding_size: Number of components of the embedding.
        pooling: Name of the pooling, a key of `tfsv.models.POOLINGS`.

    Returns:
        A model from features `[batch, frames, bins]` to embeddings `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = stem(features, channels)
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            width, name = channels * 2 ** (stage - 1), f"stage{stage}_block{block}"
            x = basic_block(x, width, stride, name, SimAM)
    embedding = one_layer(pooled(x, pooling), embedding_size)
    return keras.Model(features, embedding, name=f"simam_resnet{depth}")


for _depth in BLOCKS:
    NETWORKS.add(
        f"simam_resnet{_depth}",
        NetworkEntry(
            functools.partial(simam_resnet, _depth),
            channels=64,
            embedding_size=256,
            pooling="asp",
            bins_multiple=8,
        ),
    )
