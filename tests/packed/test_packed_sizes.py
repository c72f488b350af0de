"""Sizes of packed files, for the smallest and the largest network of each family at full width.

At 1 bit, where everything beside the codes weighs most. `pytest tests/test_packed_sizes.py
--all-networks` takes every network, in a few minutes more.
"""

import numpy as np
import tf_keras as keras

from tfsv.conversion.convert import convert
from tfsv.conversion.folding import fold_batch_norm
from tfsv.features import LogMel
from tfsv.models import NETWORKS, NetworkSettings, build_network
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import quantizable_layers
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card

ENDS = (
    "resnet18", "resnet152", "dfresnet56", "dfresnet233", "gemini60", "ecapa512", "ecapa1024",
    "speechbrain_ecapa512", "xvector",
)  # fmt: skip
LARGEST = {
    ("resnet18", 1): 650_000,
    ("resnet34", 1): 1_000_000,
    ("resnet34", 2): 1_850_000,
    ("resnet34", 4): 3_500_000,
}


def packed(name, bits):
    """A conversion with int8 weights and statistics as unequal as training makes them.

    Also the bytes of the scales and biases of normalisations that do not fold into a kernel.
    """
    norm = keras.layers.BatchNormalization
    random = np.random.default_rng(bits)
    network = build_network(name)
    for layer in network.layers:
        if type(layer) is norm:
            shapes = [w.shape for w in layer.get_weights()]
            layer.set_weights([random.uniform(0.5, 2, shape) for shape in shapes])
    coded = {}
    for layer in quantizable_layers(network):
        kernel, *rest = layer.get_weights()
        codebook = np.sort(random.normal(0, 0.05, 2**bits)).astype(np.float32)
        codes = random.integers(0, 2**bits, kernel.shape, dtype=np.uint8)
        coded[layer.name] = CodedWeights(codes, codebook, bits, error=0.1)
        layer.set_weights([coded[layer.name].decode(), *rest])
    size = network.output_shape[-1]
    front_end = LogMel().settings()
    card = speaker_card(NetworkSettings(name, 32, 80, size), front_end, trained_on="no speech")
    left = [x for x in fold_batch_norm(network, coded).network.layers if type(x) is norm]
    factors = sum(2 * 4 * x.moving_mean.shape[0] for x in left)
    ends = speaker_ends(front_end, size)
    return convert(network, coded, card, ends, "packed", "int8_weights"), factors


def pytest_generate_tests(metafunc):
    names = NETWORKS if metafunc.config.getoption("--all-networks") else ENDS
    cases = [*((name, 1) for name in names), ("resnet34", 1), ("resnet34", 2), ("resnet34", 4)]
    metafunc.parametrize("name, bits", dict.fromkeys(cases))


def test_overhead_is_small(name, bits):
    conversion, factors = packed(name, bits)
    core = sum(layer.size for layer in conversion.layers) + factors
    weights = sum(np.prod(layer.shape) for layer in conversion.layers if layer.bits == bits)
    assert weights * bits / 8 <= sum(x.weights for x in conversion.layers) < core
    size = len(conversion.content())
    assert size <= 1.03 * core + 48_000
    assert size <= LARGEST.get((name, bits), np.inf)
