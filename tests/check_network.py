"""What holds for every network that is registered."""

import math
import pathlib
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.models import NETWORKS, NetworkSettings, multiply_accumulates

# Parameters, quantizable layers, channels with batch normalisation, as published or counted from
# the published layouts.
TABLE = {
    "resnet18": (4_105_440, 21, 2_400),
    "resnet34": (6_634_336, 37, 4_256),
    "resnet50": (11_131_360, 54, 13_280),
    "resnet101": (15_892_448, 105, 26_336),
    "resnet152": (19_814_880, 156, 37_856),
    "resnet221": (23_792_224, 225, 50_720),
    "resnet293": (28_626_016, 297, 65_312),
    "resnet18_two_layers": (4_171_232, 22, 2_656),
    "resnet34_two_layers": (6_700_128, 38, 4_512),
    "resnet50_two_layers": (11_197_152, 55, 13_536),
    "resnet101_two_layers": (15_958_240, 106, 26_592),
    "resnet152_two_layers": (19_880_672, 157, 38_112),
    "resnet221_two_layers": (23_858_016, 226, 50_976),
    "resnet293_two_layers": (28_691_808, 298, 65_568),
    "dfresnet56": (4_478_880, 59, 20_352),
    "dfresnet110": (6_962_592, 113, 41_088),
    "dfresnet179": (9_627_424, 182, 64_704),
    "dfresnet233": (12_111_136, 236, 85_440),
    "dfresnet56_3x3": (4_693_920, 59, 20_352),
    "dfresnet233_3x3": (12_326_176, 236, 85_440),
    "gemini60": (4_047_840, 60, 20_384),
    "gemini114": (6_531_552, 114, 41_120),
    "gemini183": (9_196_384, 183, 64_736),
    "gemini237": (11_680_096, 237, 85_472),
    "gemini60_two_layers": (4_113_632, 61, 20_640),
    "gemini114_two_layers": (6_597_344, 115, 41_376),
    "gemini183_two_layers": (9_262_176, 184, 64_992),
    "gemini237_two_layers": (11_745_888, 238, 85_728),
    "simam_resnet34": (25_213_760, 39, 8_640),
    "simam_resnet100": (50_232_896, 105, 21_312),
    "ecapa512": (6_190_720, 38, None),
    "ecapa1024": (14_657_088, 38, None),
    "ecapa512_norm": (6_191_104, 38, None),
    "ecapa1024_norm": (14_657_472, 38, None),
    "speechbrain_ecapa1024": (20_767_552, 38, None),
    "xvector": (4_610_524, 7, None),
    "wespeaker_xvector": (4_610_524, 7, 4_060),
    "ge2e": (1_461_504, 1, None),
    "campplus": (7_176_224, 225, None),
    "eres2net": (6_610_688, 97, 10_624),
    "eres2net_huge": (55_165_024, 131, None),
    "eres2netv2": (17_859_632, 91, 18_512),
    "eres2netv2_w24s4ep4": (53_513_632, 159, None),
    # Published as 1.1, 2.1, 3.6, 4.1, 6.6 and 8.9 million, cut to two digits.
    "redimnet2_b0": (1_114_356, 192, None),
    "redimnet2_b1": (2_160_336, 191, None),
    "redimnet2_b2": (3_676_320, 191, None),
    "redimnet2_b3": (4_179_848, 193, None),
    "redimnet2_b4": (6_657_440, 193, None),
    "redimnet2_b5": (8_955_816, 194, None),
    # As WeSpeaker's code counts them, but for the weight of the only map.
    "wespeaker_redimnet2_b0": (702_196, 192, None),
    "wespeaker_redimnet2_b1": (1_253_840, 192, None),
    "wespeaker_redimnet2_b2": (2_528_768, 192, None),
    "wespeaker_redimnet2_b3": (2_362_984, 192, None),
    "wespeaker_redimnet2_b5": (7_897_000, 194, None),
}
_BINS = 80
_OTHER_BINS = {"redimnet2": 72}
"""Published numbers of mel filters, and those of a family that has others."""

EMBEDDING_WEIGHTS = {
    "resnet18": 1_310_976,
    "resnet50": 5_243_136,
    "dfresnet56": 1_310_976,
    "ecapa512": 3072 * 192 + 192,
}

# Published multiply-accumulates in 10^7, what batch normalisation counted there, and how the
# number was cut to two digits.
COMPLEXITY = {
    "resnet34": (455, 4, math.floor),
    "dfresnet56": (266, 2, round),
    "dfresnet110": (515, 2, round),
    "dfresnet233_3x3": (1117, 4, math.floor),
    "ecapa512": (104, 4, math.floor),
    "ecapa1024": (265, 4, math.floor),
}


def check_network(name: str, *, computed: bool = True) -> None:
    """Builds a registered network at its published and at other sizes and checks both.

    Everything here is about the network itself; nothing is exported.

    Args:
        name: One of `NETWORKS`.
        computed: Whether a narrow network is also run, saved and loaded. Siblings of one builder
            that differ by their depth only are spared that.
    """
    entry = NETWORKS[name]
    bins = next((n for family, n in _OTHER_BINS.items() if family in name), _BINS)
    published = NetworkSettings(name, bins=bins).build()
    assert published.input_shape == (None, None, bins)
    assert published.output_shape == (None, entry.embedding_size)
    _check_published_counts(name, published)
    _check_refusals(name)
    if computed:
        settings = narrow(name)
        network = settings.build()
        check_any_length(network, settings)
        _check_names(published, network)
        _check_saving(network)


def narrow(name: str, **changes) -> NetworkSettings:
    """Settings of a network that is quickly computed."""
    entry = NETWORKS[name]
    sizes = {
        "channels": entry.channels_multiple * math.ceil(4 / entry.channels_multiple),
        "bins": entry.bins_multiple * math.ceil(16 / entry.bins_multiple),
        "embedding_size": 5,
    }
    return NetworkSettings(name, **(sizes | changes))


def check_any_length(network: keras.Model, settings: NetworkSettings) -> None:
    """Utterances of any length have an embedding of the size that was asked for."""
    for frames in (1, 7, 50):
        embedding = network(tf.random.normal([2, frames, settings.bins])).numpy()
        assert embedding.shape == (2, settings.embedding_size) and np.isfinite(embedding).all()
        assert embedding.dtype == np.float32


def _check_published_counts(name: str, network: keras.Model) -> None:
    if name in TABLE:
        parameters, quantizable, norm_channels = TABLE[name]
        norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
        kernels = [
            x for x in network.layers if hasattr(x, "kernel") or hasattr(x, "depthwise_kernel")
        ]
        assert sum(np.prod(v.shape) for v in network.trainable_variables) == parameters
        assert len(kernels) == quantizable
        if norm_channels:
            assert sum(layer.moving_mean.shape[0] for layer in norms) == norm_channels
    if name in EMBEDDING_WEIGHTS:
        assert network.get_layer("embedding").count_params() == EMBEDDING_WEIGHTS[name]
    if name in COMPLEXITY:
        count, per_normalised, cut = COMPLEXITY[name]
        found = multiply_accumulates(network, per_normalised=per_normalised)
        assert cut(found / 1e7) == count


def _check_names(published: keras.Model, network: keras.Model) -> None:
    """Names depend neither on the sizes nor on what was built before."""
    weighted = [[x.name for x in model.layers if x.weights] for model in (published, network)]
    assert weighted[0] == weighted[1]


def _check_saving(network: keras.Model) -> None:
    """What was saved is loaded, whatever the weights were meanwhile."""
    wanted = network.get_weights()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "network.weights.h5")
        network.save_weights(file)
        network.set_weights([np.full_like(weight, 7) for weight in wanted])
        network.load_weights(file)
    for found, weight in zip(network.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(found, weight)


def _check_refusals(name: str) -> None:
    entry = NETWORKS[name]
    wrong = [("channels", 0), ("bins", 0), ("embedding_size", 0)]
    for setting, multiple in (("channels", entry.channels_multiple), ("bins", entry.bins_multiple)):
        if multiple > 1:
            wrong.append((setting, multiple + 1))
    for setting, value in wrong:
        with pytest.raises(InputError, match=f"^{setting}={value}: must (be|lie) "):
            NetworkSettings(name, **{setting: value}).resolved()
