import numpy as np
import pytest
import tf_keras as keras
import tiny_networks
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.conversion.folding import channel_scaled, fold_batch_norm
from tfsv.quantization.coded import CodedWeights

layers = keras.layers


def features(count=2, frames=23):
    random = np.random.default_rng(0)
    return random.normal(size=(count, frames, tiny_networks.BINS)).astype(np.float32)


def norms(network):
    return [x.name for x in network.layers if isinstance(x, layers.BatchNormalization)]


def relative_error(network, folded, x):
    wanted = network(x, training=False).numpy()
    return np.abs(folded(x, training=False).numpy() - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize(
    "make, left",
    [
        (tiny_networks.image_network, []),
        (tiny_networks.time_network, ["first_norm", "late_norm", "pooled_norm"]),
    ],
)
def test_folded_network_computes_the_same(make, left):
    network = make()
    folded = fold_batch_norm(network, {})
    assert relative_error(network, folded.network, features()) < 1e-5
    assert norms(folded.network) == left


@pytest.mark.parametrize("make", [tiny_networks.image_network, tiny_networks.time_network])
def test_folded_kernels_are_centroids_times_scales_bit_for_bit(make):
    network = make()
    coded = tiny_networks.coded(network)
    folded = fold_batch_norm(network, coded)
    assert relative_error(network, folded.network, features()) < 1e-5
    assert set(coded) == set(folded.kernels) and coded
    for name, codes in coded.items():
        held = folded.network.get_layer(name).get_weights()[0]
        wanted = channel_scaled(codes.codebook[codes.codes], folded.scales[name])
        assert held.dtype == wanted.dtype == np.float32
        assert held.tobytes() == wanted.tobytes() == folded.kernels[name].tobytes()


def test_scales_are_gamma_over_sigma_and_one_without_folding():
    network = tiny_networks.time_network()
    folded = fold_batch_norm(network, {})
    gamma, _, _, variance = network.get_layer("pointwise_norm").get_weights()
    np.testing.assert_allclose(
        folded.scales["pointwise"], gamma / np.sqrt(variance + 1e-3), rtol=1e-6
    )
    assert folded.scales["pointwise"].min() < 0
    np.testing.assert_array_equal(folded.scales["wide"], np.ones(8))


def test_depthwise_channels_are_scaled_in_the_order_of_the_output():
    image = keras.Input((None, 5, 3))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(image)
    network = keras.Model(image, layers.BatchNormalization(name="norm")(x))
    random = np.random.default_rng(1)
    network.get_layer("norm").set_weights([random.uniform(0.5, 2, 6) for _ in range(4)])
    folded = fold_batch_norm(network, {})
    assert folded.depthwise == {"depthwise"} and folded.scales["depthwise"].shape == (6,)
    x = random.normal(size=(1, 9, 5, 3)).astype(np.float32)
    assert relative_error(network, folded.network, x) < 1e-5


def conv_read_twice(x):
    x = layers.Conv1D(4, 3, name="conv")(x)
    return layers.Add()([layers.BatchNormalization()(x), x])


def conv_with_activation(x):
    return layers.BatchNormalization()(layers.Conv1D(4, 3, activation="relu", name="conv")(x))


def conv_used_twice(x):
    conv = layers.Conv1D(tiny_networks.BINS, 1, name="conv")
    return layers.BatchNormalization()(conv(conv(x)))


def norm_used_twice(x):
    norm = layers.BatchNormalization()
    return norm(layers.Activation("tanh")(norm(layers.Conv1D(4, 3, name="conv")(x))))


def norm_over_time(x):
    x = layers.Conv1D(4, 3, name="conv")(x)
    return layers.BatchNormalization(axis=1)(x)


@pytest.mark.parametrize(
    "build", [conv_read_twice, conv_with_activation, conv_used_twice, norm_used_twice]
)
def test_what_cannot_be_folded_stays(build):
    x = keras.Input((None, tiny_networks.BINS))
    network = keras.Model(x, build(x))
    folded = fold_batch_norm(network, {})
    assert norms(folded.network) == norms(network)
    assert relative_error(network, folded.network, features()) < 1e-6


def test_normalisation_over_another_axis_stays():
    x = keras.Input((10, tiny_networks.BINS))
    network = keras.Model(x, norm_over_time(x))
    assert len(norms(fold_batch_norm(network, {}).network)) == 1


def test_convolution_that_is_an_output_is_left_alone():
    x = keras.Input((None, tiny_networks.BINS))
    y = layers.Conv1D(4, 3)(x)
    network = keras.Model(x, [y, layers.BatchNormalization()(y)])
    assert len(norms(fold_batch_norm(network, {}).network)) == 1


def test_network_with_operators_instead_of_layers():
    x = keras.Input((None, tiny_networks.BINS))
    y = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same", name="a")(x))
    z = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same", name="b")(x))
    network = keras.Model(x, keras.backend.concatenate([y * z, 2.0 - y], axis=-1))
    folded = fold_batch_norm(network, {})
    assert norms(folded.network) == []
    assert relative_error(network, folded.network, features()) < 1e-5


def test_network_trained_in_mixed_precision_becomes_float32():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = tiny_networks.time_network()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    folded = fold_batch_norm(network, {}).network
    assert {layer.compute_dtype for layer in folded.layers} == {"float32"}
    plain = tiny_networks.time_network()
    plain.set_weights(network.get_weights())
    assert relative_error(plain, folded, features()) < 1e-5


def test_original_is_not_touched():
    network = tiny_networks.image_network()
    before = [w.copy() for w in network.get_weights()]
    fold_batch_norm(network, {})
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


def test_codes_of_another_network_are_refused():
    network = tiny_networks.time_network()
    coded = tiny_networks.coded(network)
    network.get_layer("wide").set_weights([w + 1 for w in network.get_layer("wide").get_weights()])
    with pytest.raises(ValueError, match="wide: the network's kernel is not what its codes"):
        fold_batch_norm(network, coded)
    codes = CodedWeights(np.zeros(3, np.uint8), np.zeros(1, np.float32), 1)
    with pytest.raises(ValueError, match="late_norm: has codes"):
        fold_batch_norm(network, {"late_norm": codes})


def test_models_that_are_not_functional_are_refused():
    with pytest.raises(ValueError, match="functional"):
        fold_batch_norm(keras.Sequential([layers.Dense(2, input_shape=(3,))]), {})
    x = keras.Input((None, tiny_networks.BINS))
    inner = tiny_networks.time_network()
    with pytest.raises(ValueError, match="nested"):
        fold_batch_norm(keras.Model(x, inner(x)), {})


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), epsilon=st.sampled_from([1e-5, 1e-3, 0.1]), bias=st.booleans())
def test_any_statistics_fold(seed, epsilon, bias):
    random = np.random.default_rng(seed)
    x = keras.Input((4,))
    y = layers.Dense(3, use_bias=bias)(x)
    network = keras.Model(x, layers.BatchNormalization(epsilon=epsilon)(y))
    weights = [random.normal(0, 2, w.shape) for w in network.get_weights()]
    weights[-1] = np.exp(random.uniform(-8, 8, 3))
    network.set_weights(weights)
    folded = fold_batch_norm(network, {}).network
    x = random.normal(size=(20, 4)).astype(np.float32)
    assert relative_error(network, folded, x) < 1e-5
