"""Recordings as inputs of exported files, and the ends of a speaker model."""

import itertools

import numpy as np
import pytest
import soundfile

from tfsv.errors import InputError
from tfsv.runtime.ports import Port
from tfsv.verification.ends import LOWEST_COSINE, speaker_ends
from tfsv.verification.recorded_inputs import calibration_inputs, example_inputs


def write(path, samples, level=0.1):
    sound = np.random.default_rng(samples).normal(0, level, samples).astype(np.float32)
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    return sound


@pytest.fixture
def recordings(tmp_path):
    """Ten recordings of 1,000 samples and one more each; what is in them by path."""
    return {tmp_path / f"{i}.wav": write(tmp_path / f"{i}.wav", 1000 + i) for i in range(10)}


def test_recordings_are_taken_evenly_from_the_list(recordings):
    paths, sounds = list(recordings), list(recordings.values())
    taken = list(calibration_inputs(paths, maximum=4))
    for inputs, number in zip(taken, (0, 2, 5, 7), strict=True):
        np.testing.assert_array_equal(inputs["waveform"], sounds[number][np.newaxis])
    assert len(list(calibration_inputs(paths))) == 10


def test_recordings_are_read_when_they_are_asked_for(recordings):
    paths = list(recordings)
    inputs = calibration_inputs(paths)
    next(inputs)
    for path in paths[1:]:
        path.unlink()
    assert list(inputs) == []


def test_what_is_read_of_a_recording_is_six_seconds_or_windows_of_twenty(tmp_path):
    sound = write(tmp_path / "long.wav", 50 * 16000)
    (inputs,) = calibration_inputs([tmp_path / "long.wav"])
    np.testing.assert_array_equal(inputs["waveform"][0], sound[:96000])
    windows = [inputs["waveform"][0] for inputs in example_inputs([tmp_path / "long.wav"])]
    assert len(windows) == 3
    np.testing.assert_array_equal(np.concatenate(windows), sound)


def test_unusable_recordings_are_passed_over_or_named(tmp_path, recordings):
    paths = list(recordings)
    write(tmp_path / "short.wav", 399)
    soundfile.write(tmp_path / "nan.wav", np.full(1000, np.nan, "f4"), 16000, subtype="FLOAT")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    for name in ("short.wav", "nan.wav", "broken.wav"):
        bad = tmp_path / name
        assert len(list(calibration_inputs([bad, paths[0], bad]))) == 1
        with pytest.raises(InputError, match="no recording to calibrate activations on: .*"):
            list(calibration_inputs([bad]))
        with pytest.raises(InputError, match=f"{name}: "):
            list(example_inputs([paths[0], bad]))


def test_ends_of_a_speaker_model():
    ends = speaker_ends({"bins": 24}, 8)
    assert ends.inputs == (Port("waveform", (1, None)),)
    assert ends.outputs == (Port("embedding", (1, 8)),)
    lengths = []
    for example in itertools.chain(ends.examples(), ends.examples()):
        assert ends.inputs[0].fits(example["waveform"])
        lengths.append(example["waveform"].shape[1])
    assert lengths[:4] == lengths[4:] and len(set(lengths[:4])) == 3
    unit = {"embedding": np.eye(8, dtype=np.float32)[:1]}
    other = {"embedding": -unit["embedding"]}
    assert ends.agreement(unit, unit) == 1 and ends.agreement(other, unit) == -1
    assert ends.lowest == LOWEST_COSINE
    with pytest.raises(InputError, match="front_end does not fit LogMel"):
        speaker_ends({"binz": 24}, 8)
