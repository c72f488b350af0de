"""Two-dimensional residual networks for speaker embeddings (r-vectors)."""

import tf_keras as keras

from tfsv.models.pooling import TemporalStatisticsPooling

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}

# The filter gradient of a strided 1 × 1 convolution with fewer input channels overwrites the heap
# in TensorFlow 2.16 with oneDNN on AVX-512 machines; picking every second pixel first is the same
# function without that gradient.
_ONEDNN_NARROW = 16


def resnet(depth: int, *, channels: int, bins: int, embedding_size: int) -> keras.Model:
    """A ResNet over the (time, frequency) image of fbank features.

    The layout of WeSpeaker's ResNets, which paper 1 quantizes: a 3 × 3 stem of
    stride 1 and no max-pooling; four stages of basic blocks with 1, 2, 4 and 8 times `channels`,
    stages 2 to 4 halving both axes; a 1 × 1 projection shortcut where stride or width changes;
    convolutions without bias, each followed by batch normalisation; temporal statistics pooling;
    one dense layer with bias. Convolutions of stride 2 pad one row on every side, as PyTorch does
    (Keras' "same" would pad at the end only).

    Args:
        depth: 18 or 34.
        channels: Width of the first stage (32 in the papers).
        bins: Mel filters, a multiple of 8.
        embedding_size: Components of the embedding.

    Returns:
        `[batch, frames, bins]` to `[batch, embedding_size]`.
    """
    features = keras.Input((None, bins), name="features")
    x = keras.layers.Reshape((-1, bins, 1), name="image")(features)
    x = _conv_norm(x, channels, 3, 1, "stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _basic_block(x, channels * 2**stage, stride, f"stage{stage + 1}_block{block + 1}")
    x = TemporalStatisticsPooling(name="pooling")(x)
    embedding = keras.layers.Dense(embedding_size, name="embedding", dtype="float32")(x)
    return keras.Model(features, embedding, name=f"resnet{depth}")


def _basic_block(x, channels: int, stride: int, name: str):
    shortcut = x
    if stride != 1 or x.shape[-1] != channels:
        shortcut = _conv_norm(x, channels, 1, stride, f"{name}_shortcut")
    x = _conv_norm(x, channels, 3, stride, f"{name}_conv1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = _conv_norm(x, channels, 3, 1, f"{name}_conv2")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)


def _conv_norm(x, channels: int, size: int, stride: int, name: str):
    padding = "same"
    if stride > 1 and size == 1 and x.shape[-1] < _ONEDNN_NARROW:
        x = keras.layers.MaxPooling2D(1, stride, name=f"{name}_pick")(x)
        stride = 1
    if stride > 1 and size > 1:
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    x = keras.layers.Conv2D(
        channels, size, stride, padding, use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
