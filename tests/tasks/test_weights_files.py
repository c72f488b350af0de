"""Weights of a stranger's folder: nothing outside is read, nothing larger than the network."""

import dataclasses
import pathlib

import h5py
import numpy as np
import pytest
import tiny_networks

from tfsv import folders
from tfsv.errors import InputError
from tfsv.tasks.model_folder import load_model, save_model, write_folder_card
from tfsv.tasks.weights_files import check_weights
from tfsv.verification.model_card import network_of


@pytest.fixture
def folder(tmp_path):
    card = tiny_networks.card()
    card.network |= {"name": "xvector", "channels": 4, "bins": 16, "embedding_size": 8}
    save_model(tmp_path / "model", network_of(card).build(), card)
    return tmp_path / "model"


def _dataset(file):
    found = []
    file.visititems(lambda name, entry: found.append(name) if hasattr(entry, "shape") else None)
    return found[0]


def _outside(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("secret.h5", "/x")


def _soft(file, name):
    del file[name]
    file[name] = h5py.SoftLink("/elsewhere")


def _stored_outside(file, name):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4", external=[("secret.bin", 0, h5py.h5f.UNLIMITED)])


def _virtual(file, name):
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("secret.h5", "x", shape)
    file.create_virtual_dataset(name, layout)


def _huge(file, name):
    del file[name]
    file.create_dataset(name, (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")


@pytest.mark.parametrize(
    "change, words",
    [
        (_outside, "links to other places"),
        (_soft, "links to other places"),
        (_stored_outside, "numbers in other files"),
        (_virtual, "numbers in other files"),
        (_huge, "1099511.* numbers for a network of"),
    ],
)
def test_a_file_that_points_elsewhere_or_promises_too_much_is_refused(folder, change, words):
    load_model(folder)
    weights = folder / folders.WEIGHTS
    with h5py.File(weights, "r+") as file:
        change(file, _dataset(file))
    with pytest.raises(InputError, match=words) as caught:
        load_model(folder)
    assert str(caught.value).startswith(str(weights)) and "\n" not in str(caught.value)


def test_a_group_within_itself_ends(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a/b/x"] = np.zeros(3, np.float32)
        file["a/b/again"] = file["a"]
    check_weights(path, 3)


def test_a_file_of_very_many_objects_is_told_as_that(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["x"] = np.zeros(1, np.float32)
        for number in range(100_000):
            file.id.link(b"x", str(number).encode(), h5py.h5g.LINK_HARD)
    with pytest.raises(InputError, match=r"not as tfsv writes it \(more than 100,000 objects\)"):
        check_weights(path, 1)


@pytest.mark.parametrize(
    "name, value", [("channels", 10**18), ("embedding_size", 10**9), ("bins", 10**400)]
)
def test_sizes_that_ask_for_terabytes_are_one_line(folder, name, value):
    _, card = load_model(folder)
    write_folder_card(folder, dataclasses.replace(card, network={**card.network, name: value}))
    with pytest.raises(InputError, match=f"{name}=.*: must lie between 1 and 65536") as caught:
        load_model(folder)
    assert len(str(caught.value)) < 200


def test_a_network_too_large_is_counted_not_built(folder):
    _, card = load_model(folder)
    wide = dataclasses.replace(card, network={**card.network, "channels": 60_000})
    write_folder_card(folder, wide)
    with pytest.raises(InputError, match=r"channels=60000, .* weights; 536,870,912 are the most"):
        load_model(folder)


def test_a_front_end_of_terabytes_is_one_line():
    from tfsv.front_ends import front_end_layer

    for kind in ("log_mel", "power_mel"):
        with pytest.raises(InputError, match="bins: expected 1 to 512"):
            front_end_layer({"kind": kind, "bins": 10**12})


def test_a_folder_without_weights_is_told(folder):
    (folder / folders.WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"network\.weights\.h5: does not fit its card"):
        load_model(pathlib.Path(folder))
