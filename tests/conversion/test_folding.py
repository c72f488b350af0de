import numpy as np
import pytest
import tf_keras as keras
import tiny_networks
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.conversion.folding import channel_scaled, fold_batch_norm
from tfsv.errors import InputError
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
        (tiny_networks.sequence_network, ["sloped_norm"]),
    ],
)
def test_folded_network_computes_the_same(make, left):
    network = make()
    folded = fold_batch_norm(network, {})
    assert relative_error(network, folded.network, features()) < 1e-5
    assert norms(folded.network) == left


@pytest.mark.parametrize(
    "make",
    [
        tiny_networks.image_network,
        tiny_networks.time_network,
        tiny_networks.sequence_network,
    ],
)
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


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(layers.DepthwiseConv1D, (None, 3)), (layers.DepthwiseConv2D, (None, 5, 3))],
)
@pytest.mark.parametrize("channel_scales", [False, True])
def test_depthwise_channels_are_scaled_in_the_order_of_the_output(kind, shape, channel_scales):
    inputs = keras.Input(shape)
    x = kind(3, depth_multiplier=2, name="depthwise")(inputs)
    network = keras.Model(inputs, layers.BatchNormalization(name="norm")(x))
    random = np.random.default_rng(1)
    network.get_layer("norm").set_weights([random.uniform(0.5, 2, 6) for _ in range(4)])
    coded = {}
    if channel_scales:
        layer = network.get_layer("depthwise")
        codes = random.integers(0, 2, layer.depthwise_kernel.shape, np.uint8)
        scale = random.uniform(0.5, 2, 6).astype(np.float32)
        coded["depthwise"] = CodedWeights(codes, np.float32([-1, 1]), 1, scale)
        layer.set_weights([coded["depthwise"].decode(), *layer.get_weights()[1:]])
    folded = fold_batch_norm(network, coded)
    assert folded.depthwise == {"depthwise"} and folded.scales["depthwise"].shape == (6,)
    x = random.normal(size=(1, 9, *shape[1:])).astype(np.float32)
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
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match="functional"):
        fold_batch_norm(Subclassed(), {})
    with pytest.raises(InputError, match="its input shape is not known"):
        fold_batch_norm(keras.Sequential([layers.Dense(2)]), {})
    x = keras.Input((None, tiny_networks.BINS))
    inner = tiny_networks.time_network()
    with pytest.raises(InputError, match="is a model; call that model's layers one by one"):
        fold_batch_norm(keras.Model(x, inner(x)), {})


def test_a_sequential_network_folds():
    network = keras.Sequential(
        [keras.Input((None, 16)), layers.DepthwiseConv1D(3), layers.BatchNormalization()]
    )
    tiny_networks.randomised(network)
    folded = fold_batch_norm(network, {}).network
    assert norms(folded) == []
    assert relative_error(network, folded, features()) < 1e-5


def test_outputs_by_name_and_several_inputs():
    left, right = keras.Input((None, 16), name="left"), keras.Input((None, 16), name="right")
    x = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same", name="conv")(left))
    y = layers.Conv1D(4, 1, name="seen")(layers.Concatenate()([x, right]))
    outputs = {"normed": x, "seen": y, "sum": layers.BatchNormalization()(y)}
    network = tiny_networks.randomised(keras.Model({"a": left, "b": right}, outputs))
    folded = fold_batch_norm(network, {}).network
    assert len(norms(folded)) == 1  # the output "seen" is wanted as it is
    given = {"a": features(), "b": features()[:, ::-1]}
    wanted, found = network(given), folded(given)
    assert set(found) == set(outputs)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)


class Own(layers.Layer):
    """A layer that nobody registered."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class WithoutConfig(layers.Layer):
    """Keras notes the arguments of this one itself, but not the name that it gave it."""

    def call(self, x):
        return 2.0 * x


def test_layers_of_the_readers_own_survive():
    x = keras.Input((None, 16))
    y = layers.BatchNormalization()(layers.Conv1D(4, 3, padding="same")(Own(factor=3.0)(x)))
    y = layers.Lambda(lambda x: x + 1.0)(WithoutConfig()(y))
    network = tiny_networks.randomised(keras.Model(x, y))
    folded = fold_batch_norm(network, {}).network
    assert norms(folded) == []
    assert relative_error(network, folded, features()) < 1e-5


def test_layers_that_other_networks_use_too_fold():
    x = keras.Input((None, 16))
    conv = layers.Conv1D(4, 3, padding="same", name="conv")
    network = keras.Model(x, layers.BatchNormalization()(conv(x)))
    keras.Model(x, layers.ReLU()(conv(layers.ReLU()(x))))
    tiny_networks.randomised(network)
    folded = fold_batch_norm(network, {}).network
    assert norms(folded) == []
    assert relative_error(network, folded, features()) < 1e-5


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
