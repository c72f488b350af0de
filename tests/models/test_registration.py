"""A network and a pooling from outside the package, as a reader would add them."""

import numpy as np
import pytest
import tf_keras as keras
from check_network import check_network, narrow

from tfsv.errors import InputError
from tfsv.models import NETWORKS, POOLINGS, NetworkEntry, NetworkSettings, build_network, pooled


def thin(*, channels, bins, embedding_size, pooling):
    features = keras.Input((None, bins), name="features")
    x = keras.layers.Conv1D(channels, 5, padding="same", name="frames")(features)
    x = pooled(x, pooling)
    embedding = keras.layers.Dense(embedding_size, name="embedding")(x)
    return keras.Model(features, embedding, name="thin")


def loudest(x, bottleneck):
    return keras.layers.GlobalMaxPooling1D(name="pooling")(x)


@pytest.fixture
def added():
    NETWORKS.add("thin", NetworkEntry(thin, channels=8, embedding_size=6, pooling="loudest"))
    POOLINGS.add("loudest", loudest)
    yield
    NETWORKS.remove("thin")
    POOLINGS.remove("loudest")


def test_a_network_and_a_pooling_from_outside(added):
    check_network("thin")
    x = np.random.default_rng(0).normal(size=(2, 9, 16)).astype("f4")
    network = build_network("thin", bins=16)
    frames = keras.Model(network.input, network.get_layer("frames").output)(x).numpy()
    kernel, bias = network.get_layer("embedding").get_weights()
    np.testing.assert_allclose(network(x), frames.max(1) @ kernel + bias, rtol=1e-5, atol=1e-5)


def test_what_is_there_takes_what_comes_from_outside(added):
    settings = narrow("xvector", pooling="loudest")
    assert settings.build().get_layer("pooling").output_shape == (None, 11)
    assert build_network("thin", pooling="tstp").get_layer("pooling").output_shape == (None, 16)


def test_messages_list_what_comes_from_outside(added):
    with pytest.raises(InputError, match="^network=thick: unknown; choose one of") as refusal:
        NetworkSettings("thick").resolved()
    assert "thin" in str(refusal.value) and "xvector" in str(refusal.value)
    with pytest.raises(InputError, match="^pooling=max: unknown; choose one of") as refusal:
        NetworkSettings("thin", pooling="max").resolved()
    assert "loudest" in str(refusal.value) and "astp_speechbrain" in str(refusal.value)


def test_a_name_is_given_once(added):
    with pytest.raises(ValueError, match="network 'thin': there is one already"):
        NETWORKS.add("thin", NETWORKS["xvector"])
