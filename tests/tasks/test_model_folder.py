import numpy as np
import pytest
import tensorflow as tf

from tfsv.errors import InputError
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization.network import coded_weights, quantize, refresh_codebooks
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.verification.model_card import speaker_card


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    network = quantize(build_network("resnet18", channels=2, bins=16, embedding_size=8), 3)
    refresh_codebooks(network)
    bits = {name: coded.bits for name, coded in coded_weights(network).items()}
    card = speaker_card(
        NetworkSettings("resnet18", 2, 16, 8), bits=bits, scheme="kmeans", measured={"eer": 0.1}
    )
    save_model(folder, network, card)
    return folder, network, card


def test_comes_back_the_same(saved):
    folder, network, card = saved
    loaded, loaded_card = load_model(folder)
    assert loaded_card == card
    x = tf.random.stateless_normal([2, 20, 16], [0, 1])
    np.testing.assert_array_equal(loaded(x), network(x))
    for name, coded in coded_weights(loaded).items():
        np.testing.assert_array_equal(coded.codebook, coded_weights(network)[name].codebook)


def test_what_does_not_fit_is_named(saved, tmp_path):
    _, network, card = saved
    with pytest.raises(InputError, match="not a model folder"):
        load_model(tmp_path)
    save_model(tmp_path, network, card)
    card_file = tmp_path / "card.json"
    card_file.write_text(
        card_file.read_text().replace('"embedding_size": 8', '"embedding_size": 9')
    )
    with pytest.raises(InputError, match=r"network\.weights\.h5: does not fit"):
        load_model(tmp_path)
    (tmp_path / "network.weights.h5").write_bytes(b"not hdf5")
    with pytest.raises(InputError, match=r"network\.weights\.h5: does not fit"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["card.json", "network.weights.h5"])
def test_a_folder_of_git_lfs_pointers_is_told(saved, tmp_path, name):
    _, network, card = saved
    save_model(tmp_path, network, card)
    (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\nsize 9\n")
    with pytest.raises(InputError, match=f"{name}: .*a pointer of git-lfs.*git lfs pull"):
        load_model(tmp_path)
