"""Networks small enough for tests, with every kind of layer that export must handle."""

import numpy as np
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.conversion.ends import Ends
from tfsv.kernel_layers import kernel_layer
from tfsv.models import NetworkSettings
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card

layers = keras.layers
BINS = 16
EMBEDDING = 8


def image_network() -> keras.Model:
    """Two-dimensional: stride, grouped, depthwise, dilated and 1 × 1 convolutions, a shortcut."""
    features = keras.Input((None, BINS))
    x = layers.Reshape((-1, BINS, 1))(features)
    x = _norm_relu(layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x))
    x = _norm_relu(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    shortcut = layers.MaxPooling2D(1, 2, name="pick")(x)
    shortcut = layers.BatchNormalization()(layers.Conv2D(8, 1, name="shortcut")(shortcut))
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(8, 3, strides=2, groups=4, use_bias=False, name="grouped")(x)
    x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), shortcut]))
    x = _norm_relu(layers.Conv2D(8, 3, dilation_rate=2, padding="same", name="dilated")(x))
    x = layers.GlobalAveragePooling2D()(x)
    return randomised(keras.Model(features, layers.Dense(EMBEDDING, name="embedding")(x)))


def time_network() -> keras.Model:
    """One-dimensional: dilated convolutions, normalisations that fold and ones that cannot."""
    features = keras.Input((None, BINS))
    x = layers.BatchNormalization(name="first_norm")(features)
    x = layers.ReLU()(layers.Conv1D(8, 5, padding="same", name="wide")(x))
    x = layers.BatchNormalization(name="late_norm")(x)
    x = _norm_relu(layers.Conv1D(8, 3, dilation_rate=2, padding="same", name="dilated")(x))
    x = layers.BatchNormalization(name="pointwise_norm")(layers.Conv1D(12, 1, name="pointwise")(x))
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.BatchNormalization(name="pooled_norm")(x)
    x = layers.Dense(EMBEDDING, use_bias=False, name="embedding")(x)
    x = layers.BatchNormalization(name="embedding_norm", scale=False)(x)
    return randomised(keras.Model(features, x))


def sequence_network() -> keras.Model:
    """As networks of sequences are built: depthwise convolutions, slopes, norms that do not fold.

    The first block has layer normalisation and a foldable batch normalisation, the second is
    causal and dilated and has norms of groups and of the batch, neither of which folds.
    """
    features = keras.Input((None, BINS))
    x = shortcut = layers.Conv1D(8, 1, name="bottleneck")(features)
    x = _slopes_norm(layers.Conv1D(12, 1, name="widen1")(x), layers.LayerNormalization())
    x = layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2, name="depthwise1")(x)
    x = layers.PReLU(shared_axes=[1])(layers.BatchNormalization(name="folded_norm")(x))
    x = shortcut = layers.Add()([layers.Conv1D(8, 1, name="narrow1")(x), shortcut])
    x = _slopes_norm(layers.Conv1D(12, 1, name="widen2")(x), layers.GroupNormalization(1))
    x = layers.ZeroPadding1D((8, 0))(x)
    x = layers.DepthwiseConv1D(3, dilation_rate=4, use_bias=False, name="depthwise2")(x)
    x = _slopes_norm(x, layers.BatchNormalization(name="sloped_norm"))
    x = layers.Add()([layers.Conv1D(8, 1, name="narrow2")(x), shortcut])
    x = layers.GlobalAveragePooling1D()(x)
    return randomised(keras.Model(features, layers.Dense(EMBEDDING, name="embedding")(x)))


def coded(network: keras.Model, bits: int = 3, leave: tuple[str, ...] = ()):
    """Codes random codebooks into the network's kernels; returns `CodedWeights` by name."""
    random = np.random.default_rng(bits)
    codes_of = {}
    for layer in network.layers:
        if not kernel_layer(layer) or layer.name in leave:
            continue
        weights = layer.get_weights()
        codebook = np.sort(random.normal(0, 0.2, 2**bits)).astype(np.float32)
        codes = random.integers(0, 2**bits, weights[0].shape, np.uint8)
        codes_of[layer.name] = CodedWeights(codes, codebook, bits)
        layer.set_weights([codes_of[layer.name].decode(), *weights[1:]])
    return codes_of


def card() -> ModelCard:
    """A card that fits both networks."""
    network = NetworkSettings("tiny", 8, BINS, EMBEDDING)
    return speaker_card(network, {"bins": BINS}, trained_on="nothing")


def ends() -> Ends:
    """The ends that the card describes."""
    return speaker_ends({"bins": BINS}, EMBEDDING)


def _norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def _slopes_norm(x, norm):
    return norm(layers.PReLU(shared_axes=[1])(x))


def randomised(network: keras.Model) -> keras.Model:
    """Weights and statistics as unlike the initial ones as training makes them, signs included."""
    random = np.random.default_rng(7)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            size = layer.moving_mean.shape[0]
            gamma = random.uniform(0.5, 2.0, size) * random.choice([1, 1, -1], size)
            rest = [random.normal(0, 0.3, size), random.normal(0, 0.3, size)]
            rest.append(random.uniform(0.2, 2.0, size))
            layer.set_weights(([gamma] if layer.scale else []) + rest)
        elif layer.get_weights():
            layer.set_weights([random.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    return network
