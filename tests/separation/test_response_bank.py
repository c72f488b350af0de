"""A bank is the same bytes however it was made, and a damaged one is told in a line."""

import dataclasses
import json

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
from tfsv.separation.response_bank import ResponseBank, make_bank
from tfsv.separation.room_settings import RoomSettings

pytest.importorskip("pyroomacoustics")

SMALL = RoomSettings(rooms=3, sources=4, seed=1, t60=(0.05, 0.1), longest=0.1)
TWO = MicrophoneArray((-0.28, 0.28), ())


def bytes_of(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return make_bank(tmp_path_factory.mktemp("banks") / "one", SMALL, jobs=1, array=TWO)


def test_a_bank_that_was_killed_goes_on_to_the_same_bytes(bank, tmp_path):
    whole = bytes_of(bank.path)
    (tmp_path / "rooms").mkdir()
    for name in ("settings.json", "rooms/00001.npy"):
        (tmp_path / name).write_bytes(whole[name])
    (tmp_path / "rooms" / ".00002.x.part.npy").write_bytes(b"half")
    with pytest.raises(InputError, match="not finished; run `tfsv make-rooms` again"):
        ResponseBank(tmp_path, TWO)
    make_bank(tmp_path, SMALL, jobs=2, array=TWO)
    assert bytes_of(tmp_path) == whole


def test_responses_are_float16_on_disk_and_damage_is_one_line(bank, tmp_path):
    held = bank.responses(2, 3)
    assert held.shape == (2, bank.rooms[2].taps) and held.dtype == np.float32
    whole = bytes_of(bank.path)
    (tmp_path / "rooms").mkdir()
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    damaged = bytearray(whole["rooms/00000.npy"])
    damaged[500] ^= 255
    (tmp_path / "rooms/00000.npy").write_bytes(damaged)
    with pytest.raises(InputError, match="00000.npy: missing or damaged"):
        ResponseBank(tmp_path, TWO).responses(0, 0)
    (tmp_path / "rooms/00001.npy").unlink()
    with pytest.raises(InputError, match="00001.npy: missing or damaged"):
        ResponseBank(tmp_path, TWO)
    make_bank(tmp_path, SMALL, jobs=1, array=TWO)
    assert bytes_of(tmp_path) == whole


def test_another_array_or_other_settings_are_one_line(bank):
    with pytest.raises(InputError, match=r"another array \(2 microphones"):
        ResponseBank(bank.path, LINE_OF_15)
    with pytest.raises(InputError, match="other settings"):
        make_bank(bank.path, dataclasses.replace(SMALL, seed=2), array=TWO)
    with pytest.raises(InputError, match="no bank.json in it"):
        ResponseBank(bank.path / "rooms", TWO)


def test_the_card_names_array_seed_and_versions(bank):
    card = json.loads((bank.path / "bank.json").read_text())
    assert card["settings"]["seed"] == 1 and card["array"] == TWO.to_json()
    assert card["versions"]["pyroomacoustics"]
