import numpy as np
import pytest
import tf_keras as keras
from check_network import TABLE, check_any_length, check_network, narrow

from tfsv.errors import InputError
from tfsv.models import NETWORKS, NetworkSettings, build_network
from tfsv.models.networks import ecapa, eres2net
from tfsv.models.networks.simam import SimAM
from tfsv.models.networks.xvector import RepeatedFrames

COMPUTED = (
    "resnet18", "resnet18_two_layers", "resnet50", "dfresnet56", "dfresnet56_3x3", "gemini60",
    "simam_resnet34", "ecapa512", "speechbrain_ecapa512", "xvector", "wespeaker_xvector", "ge2e",
    "campplus", "eres2net", "eres2netv2", "redimnet2_b0", "redimnet2_b3",
)  # fmt: skip
"""A network of each builder and kind of block; `--all-networks` runs the others too."""


@pytest.mark.parametrize("name", NETWORKS)
def test_what_holds_for_every_network(name, pytestconfig):
    check_network(name, computed=name in COMPUTED or pytestconfig.getoption("--all-networks"))


def test_the_order_is_that_of_messages():
    assert list(NETWORKS) == [
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet221", "resnet293",
        "resnet18_tapered",
        "resnet18_two_layers", "resnet34_two_layers", "resnet50_two_layers",
        "resnet101_two_layers", "resnet152_two_layers", "resnet221_two_layers",
        "resnet293_two_layers",
        "dfresnet56", "dfresnet110", "dfresnet179", "dfresnet233",
        "dfresnet56_3x3", "dfresnet110_3x3", "dfresnet179_3x3", "dfresnet233_3x3",
        "gemini60", "gemini114", "gemini183", "gemini237",
        "gemini60_two_layers", "gemini114_two_layers", "gemini183_two_layers",
        "gemini237_two_layers", "simam_resnet34", "simam_resnet100",
        "ecapa512", "ecapa1024", "ecapa512_norm", "ecapa1024_norm",
        "speechbrain_ecapa512", "speechbrain_ecapa1024",
        "xvector", "wespeaker_xvector", "ge2e",
        "campplus", "eres2net", "eres2net_huge", "eres2netv2", "eres2netv2_w24s4ep4",
        "redimnet2_b0", "redimnet2_b1", "redimnet2_b2", "redimnet2_b3", "redimnet2_b4",
        "redimnet2_b5", "wespeaker_redimnet2_b0", "wespeaker_redimnet2_b1",
        "wespeaker_redimnet2_b2", "wespeaker_redimnet2_b3", "wespeaker_redimnet2_b5",
    ]  # fmt: skip


def test_the_table_of_published_sizes_has_all_networks():
    # Three networks are left out; they differ from the ones in the table as others do. One is our
    # own.
    left_out = {
        "dfresnet110_3x3", "dfresnet179_3x3", "speechbrain_ecapa512", "resnet18_tapered",
    }  # fmt: skip
    assert set(NETWORKS) - set(TABLE) == left_out


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("resnet18", "mean"),
        ("resnet18", "astp"),
        ("dfresnet56_3x3", "mean"),
        ("ecapa512", "tstp"),
    ],
)
def test_any_length_with_another_pooling(name, pooling):
    settings = narrow(name, pooling=pooling)
    check_any_length(settings.build(), settings)


def test_stride_two_convolutions_pad_both_sides():
    network = build_network("resnet18", channels=2)
    layer = network.get_layer("stage2_block1_conv1")
    assert layer.padding == "valid"
    assert network.get_layer("stage2_block1_conv1_pad").padding == ((1, 1), (1, 1))


def test_bottleneck_blocks_have_their_stride_on_the_middle_convolution():
    network = build_network("resnet50", channels=4)
    strides = [network.get_layer(f"stage3_block1_conv{i}").strides for i in (1, 2, 3)]
    assert strides == [(1, 1), (2, 2), (1, 1)]
    assert network.get_layer("stage3_block1_conv3").filters == 4 * 4 * 4
    assert network.get_layer("stage1_block1_shortcut").strides == (1, 1)


def test_odd_lengths_lose_no_frame_in_downsampling():
    network = build_network("dfresnet56", channels=2, bins=16, embedding_size=5)
    image = keras.Model(network.input, network.get_layer("stage2_downsampling").output)
    x = np.random.default_rng(0).normal(size=(1, 7, 16)).astype("f4")
    changed = x.copy()
    changed[:, -1] += 1
    outputs = [image(value).numpy() for value in (x, changed)]
    assert outputs[0].shape[1] == 4 and not np.allclose(outputs[0][:, 3], outputs[1][:, 3])


def test_res2_groups_feed_one_another():
    """The outcome against a loop over slices, written down from the definition."""
    x = keras.Input((None, 16))
    block = keras.Model(x, ecapa.res2(x, 2, "block"))
    random = np.random.default_rng(0)
    for layer in block.layers:
        if layer.get_weights():
            layer.set_weights([random.uniform(0.1, 1, w.shape) for w in layer.get_weights()])
    value = random.normal(size=(1, 9, 16)).astype("f4")
    wanted, before = [], 0.0
    for index in range(7):
        kernel, bias = block.get_layer(f"block_res{index + 1}").get_weights()
        gamma, beta, mean, variance = block.get_layer(f"block_res{index + 1}_norm").get_weights()
        padded = np.pad(value[0, :, 2 * index : 2 * index + 2] + before, ((2, 2), (0, 0)))
        frames = [sum(padded[t + 2 * k] @ kernel[k] for k in range(3)) for t in range(9)]
        before = np.maximum(np.array(frames) + bias, 0)
        before = (before - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        wanted.append(before)
    wanted.append(value[0, :, 14:])
    np.testing.assert_allclose(block(value)[0], np.concatenate(wanted, 1), rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [5, 9])
def test_mirrored_ends_are_those_of_numpy(frames):
    x = np.random.default_rng(0).normal(size=(2, frames, 3)).astype("f4")
    padded = ecapa.ReflectPadding1D(4)(x)
    np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), (4, 4), (0, 0)), "reflect"))


def test_fused_images_are_weighed_against_each_other():
    name = "fusion"
    x, y = (keras.Input((5, 4, 8)) for _ in range(2))
    fusion = keras.Model([x, y], eres2net.attentive_fusion(x, y, name))
    random = np.random.default_rng(0)
    images = [random.normal(size=(1, 5, 4, 8)).astype("f4") for _ in range(2)]
    values = dict.fromkeys((f"{name}_squeeze", f"{name}_excitation"))
    for layer in values:
        kernel, bias = (random.normal(size=w.shape) for w in fusion.get_layer(layer).get_weights())
        fusion.get_layer(layer).set_weights([kernel, bias])
        values[layer] = kernel[0, 0], bias
    kernel, bias = values[f"{name}_squeeze"]
    hidden = (np.concatenate(images, -1) @ kernel + bias) / np.sqrt(1 + 1e-5)
    kernel, bias = values[f"{name}_excitation"]
    weights = np.tanh(((hidden / (1 + np.exp(-hidden))) @ kernel + bias) / np.sqrt(1 + 1e-5))
    wanted = (1 + weights) * images[0] + (1 - weights) * images[1]
    np.testing.assert_allclose(fusion(images), wanted, rtol=1e-4, atol=1e-4)


def test_the_large_eres2net_has_the_published_size():
    network = build_network("eres2net", channels=64)
    assert network.count_params() - sum(
        2 * layer.moving_mean.shape[0]
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ) == pytest.approx(22.46e6, abs=5e3)


@pytest.mark.parametrize("frames", [1, 4, 5, 9])
def test_frames_are_repeated_where_there_are_too_few(frames):
    x = np.random.default_rng(0).normal(size=(2, frames, 3)).astype("f4")
    layer = RepeatedFrames(5)
    repeated = layer(x)
    np.testing.assert_array_equal(repeated, np.tile(x, (1, 5, 1))[:, : max(frames, 5)])
    assert layer.compute_output_shape(x.shape) == repeated.shape


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1, 1, 1, 2)])
def test_pixels_far_from_their_mean_weigh_more(shape):
    x = np.random.default_rng(0).normal(size=shape)
    mean = x.mean((1, 2), keepdims=True)
    variance = ((x - mean) ** 2).sum((1, 2), keepdims=True) / max(1, shape[1] * shape[2] - 1)
    wanted = x / (1 + np.exp(-((x - mean) ** 2) / (4 * (variance + 1e-4)) - 0.5))
    np.testing.assert_allclose(SimAM()(x.astype("f4")), wanted, rtol=1e-4)


def test_gemini_halves_time_once_and_frequency_four_times():
    network = build_network("gemini60", channels=2, bins=32)
    for stage, shape in enumerate([(40, 16), (20, 8), (20, 4), (20, 2)], start=1):
        image = keras.Model(network.input, network.get_layer(f"stage{stage}_block1_relu3").output)
        assert image.compute_output_shape((1, 40, 32))[1:3] == shape


def test_narrow_ecapa_scales_its_bottlenecks():
    network = build_network("ecapa512", channels=64)
    layers = ["block1_squeeze", "pooling_attention1", "aggregation"]
    assert [network.get_layer(name).kernel.shape[-1] for name in layers] == [64, 64, 192]


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_left_out_are_the_published_ones(name):
    bins = 72 if "redimnet2" in name else 80
    sizes = NetworkSettings(name, bins=bins).resolved()
    widths = {
        "ecapa512": 512, "ecapa1024": 1024, "xvector": 512, "ge2e": 256, "campplus": 128,
        "simam_resnet34": 64, "simam_resnet100": 64,
        "eres2net_huge": 64, "eres2netv2": 64, "eres2netv2_w24s4ep4": 64,
        "redimnet2_b0": 12, "redimnet2_b1": 16, "redimnet2_b2": 20, "redimnet2_b3": 24,
        "redimnet2_b5": 48,
    }  # fmt: skip
    embeddings = {
        "ecapa512": 192, "ecapa1024": 192, "xvector": 512, "campplus": 512, "eres2net": 192,
        "eres2net_huge": 192, "eres2netv2": 192, "eres2netv2_w24s4ep4": 192,
    }  # fmt: skip
    base = name.removeprefix("speechbrain_").removeprefix("wespeaker_").removesuffix("_norm")
    assert sizes.channels == widths.get(base, 32)
    assert sizes.embedding_size == embeddings.get(base, 192 if "redimnet2" in name else 256)
    poolings = {
        "ecapa": "astp", "speechbrain": "astp_speechbrain", "ge2e": "mean", "simam": "asp",
        "campplus": "tstp_3dspeaker", "redimnet2": "astp", "wespeaker_redimnet2": "astp",
    }  # fmt: skip
    wanted = [pooling for start, pooling in poolings.items() if name.startswith(start)]
    assert [sizes.pooling] == (wanted or ["tstp"])
    given = NetworkSettings(name, 8, bins, embedding_size=7, pooling="mean").resolved()
    assert given == NetworkSettings(name, 8, bins, 7, "mean")
    assert given.resolved() == given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet19"}, "^network=resnet19: unknown; choose one of resnet18, "),
        ({"name": "resnet18", "channels": 0}, "channels=0"),
        ({"name": "resnet18", "embedding_size": 0}, "embedding_size=0"),
        ({"name": "resnet18", "bins": 81}, "bins=81: must be a multiple of 8"),
        ({"name": "ecapa512", "bins": 0}, "bins=0"),
        ({"name": "ecapa512", "channels": 60}, "channels=60: must be a multiple of 8"),
        ({"name": "ecapa512", "pooling": "max"}, "pooling=max: unknown; choose one of tstp, "),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(InputError, match=message) as refusal:
        build_network(**arguments)
    assert "\n" not in str(refusal.value)


def test_bins_that_only_images_refuse():
    assert build_network("ecapa512", channels=8, bins=81).input_shape == (None, None, 81)
