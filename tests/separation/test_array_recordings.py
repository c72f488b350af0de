"""Recordings of an array: what is read, and a line for each thing that is wrong."""

import numpy as np
import pytest
import soundfile

from tfsv.errors import InputError
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
from tfsv.separation.recordings import read_recording

TWO = MicrophoneArray((-0.1, 0.1), ((1, 2),))


def written(path, samples, rate=16000, subtype="FLOAT"):
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def noise(channels=2, samples=16000, size=0.1):
    return size * np.random.default_rng(0).standard_normal((samples, channels)).astype(np.float32)


def test_channels_are_microphones(tmp_path):
    sound = noise(15)
    heard = read_recording(written(tmp_path / "a.wav", sound), LINE_OF_15)
    assert heard.dtype == np.float32
    np.testing.assert_array_equal(heard, sound.T)


def test_higher_rates_are_resampled_with_their_phases(tmp_path):
    time = np.arange(48000) / 48000
    tones = np.stack([np.sin(2 * np.pi * 500 * (time - delay)) for delay in (0, 1e-4)], 1) * 0.3
    heard = read_recording(written(tmp_path / "a.wav", tones.astype("f4"), 48000), TWO)
    time = np.arange(16000) / 16000
    for channel, delay in zip(heard[:, 200:-200], (0, 1e-4), strict=True):
        wanted = 0.3 * np.sin(2 * np.pi * 500 * (time - delay))[200:-200]
        np.testing.assert_allclose(channel, wanted, atol=2e-3)


@pytest.mark.parametrize(
    ("sound", "rate", "line"),
    [
        (noise(1), 16000, "has 1 channels; the array has 2 microphones"),
        (noise(3), 16000, "has 3 channels"),
        (noise(), 8000, "8000 samples a second; expected 16000"),
        (np.zeros((16000, 2), "f4"), 16000, "silent"),
        (noise() * [1, 0], 16000, "microphone 2 is silent; is it on"),
        (
            np.where(np.arange(32000).reshape(-1, 2) == 77, np.nan, noise()),
            16000,
            "NaN or infinite",
        ),
        (noise(samples=160), 16000, "too short"),
        (noise(samples=61 * 16000), 16000, "too long"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, sound, rate, line):
    path = written(tmp_path / "a.wav", np.asarray(sound, np.float32), rate)
    with pytest.raises(InputError, match=line) as caught:
        read_recording(path, TWO)
    assert "a.wav" in str(caught.value) and "\n" not in str(caught.value)


def test_clipped_microphones_are_told_and_taken(tmp_path, caplog):
    sound = noise()
    sound[:, 1] = np.clip(20 * sound[:, 1], -1, 1)
    path = written(tmp_path / "a.wav", sound, subtype="PCM_16")
    with caplog.at_level("WARNING"):
        assert read_recording(path, TWO).shape == (2, 16000)
    assert "1 microphones are clipped, such as 2" in caplog.text
