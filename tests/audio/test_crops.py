"""Crops of anyone's recordings: their number, their places, and what cannot be used."""

import logging

import numpy as np
import pytest
import soundfile

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.crops import cut_crops, recordings_in
from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.errors import InputError


def write(path, seconds, level=0.1, seed=0):
    path.parent.mkdir(exist_ok=True)
    samples = level * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    soundfile.write(path, samples.astype(np.float32), SAMPLE_RATE, subtype="FLOAT")
    return samples.astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        write(tmp_path / "some" / f"{number}.wav", 1.0 + number / 2, seed=number)
    return tmp_path / "some"


def test_more_recordings_than_crops_give_one_each(folder):
    crops = cut_crops(recordings_in(folder), count=4, seconds=0.5)
    assert crops.waveforms.shape == (4, SAMPLE_RATE // 2) and len(set(crops.used)) == 4
    again = cut_crops(recordings_in(folder), count=4, seconds=0.5)
    np.testing.assert_array_equal(crops.waveforms, again.waveforms)
    other = cut_crops(recordings_in(folder), count=4, seconds=0.5, seed=1)
    assert not np.array_equal(crops.waveforms, other.waveforms)


def test_a_long_recording_gives_several_that_do_not_overlap(tmp_path):
    whole = write(tmp_path / "one" / "long.wav", 20)
    crops = cut_crops(recordings_in(tmp_path / "one"), count=8, seconds=2.0)
    assert len(crops.waveforms) == 8 and len(crops.used) == 1
    starts = sorted(
        int(np.flatnonzero(whole[:-SAMPLE_RATE] == crop[0])[0]) for crop in crops.waveforms
    )
    assert np.all(np.diff(starts) >= 2 * SAMPLE_RATE)


def test_a_short_recording_is_repeated(tmp_path):
    whole = write(tmp_path / "one" / "short.wav", 0.3)
    (crop,) = cut_crops(recordings_in(tmp_path / "one"), count=8, seconds=1.0).waveforms
    np.testing.assert_array_equal(crop[: len(whole)], whole)
    np.testing.assert_array_equal(crop[len(whole) : 2 * len(whole)], whole)


def test_crops_lie_where_there_is_sound(tmp_path):
    speech = write(tmp_path / "one" / "x.wav", 3)
    silence = np.zeros(10 * SAMPLE_RATE, np.float32)
    soundfile.write(tmp_path / "one" / "x.wav", np.concatenate([silence, speech]), SAMPLE_RATE)
    (crop,) = cut_crops(recordings_in(tmp_path / "one"), count=1, seconds=1.0).waveforms
    assert np.mean(crop != 0) > 0.4


def test_what_cannot_be_used_is_named(folder, caplog):
    (folder / "0.wav").write_bytes(b"no sound")
    write(folder / "1.wav", 2, level=0)
    with caplog.at_level(logging.WARNING):
        crops = cut_crops(recordings_in(folder), count=6, seconds=0.5)
    assert len(crops.used) == 4
    assert "passed over: " in caplog.text and "0.wav" in caplog.text and "1.wav" in caplog.text


@pytest.mark.parametrize("level", [0, None])
def test_nothing_to_hear_is_one_line(tmp_path, level):
    path = tmp_path / "some" / "x.wav"
    write(path, 2, level=level or 0)
    if level is None:
        path.write_bytes(b"")
    with pytest.raises(InputError, match="none of 1 recordings can be used: .*x.wav") as error:
        cut_crops(recordings_in(tmp_path / "some"), count=6, seconds=0.5)
    assert "\n" not in str(error.value)


def test_a_manifest_gives_its_train_split(folder):
    rows = [
        Utterance(f"u{n}", f"s{n}", "a", f"{n}.wav", 1.0 + n / 2, "train" if n < 2 else "dev")
        for n in range(4)
    ]
    write_manifest(folder / "manifest.tsv", rows)
    assert recordings_in(folder / "manifest.tsv") == [str(folder / f"{n}.wav") for n in range(2)]
    write_manifest(folder / "manifest.tsv", rows[2:])
    assert len(recordings_in(folder / "manifest.tsv")) == 2


def test_no_place_is_one_line(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder or manifest"):
        recordings_in(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no sound file below it"):
        recordings_in(tmp_path)
