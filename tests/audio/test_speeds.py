"""Recordings at other speeds, against tones whose pitch is known and training's own crops."""

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tfsv.audio.channels import OneChannel
from tfsv.audio.pipeline import crop
from tfsv.audio.soundfiles import read
from tfsv.audio.speeds import AtSpeed, at_speed, speed_of


@pytest.mark.parametrize("rate", [16000, 8000])
@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_pitch_and_tempo_follow_the_speed(tmp_path, rate, factor):
    time = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), rate)
    waveform = read(AtSpeed(tmp_path / "tone.wav", factor))
    assert len(waveform) == pytest.approx(32000 / factor, abs=1)
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    assert np.argmax(spectrum) * 16000 / len(waveform) == pytest.approx(1000 * factor, abs=1)


def test_a_channel_is_taken_first(tmp_path):
    left, right = np.random.default_rng(0).normal(0, 0.1, (2, 16000))
    soundfile.write(tmp_path / "both.wav", np.stack([left, right], 1), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "right.wav", right, 16000, subtype="FLOAT")
    heard = read(AtSpeed(OneChannel(str(tmp_path / "both.wav"), 2), 1.1))
    np.testing.assert_array_equal(heard, read(AtSpeed(tmp_path / "right.wav", 1.1)))


def test_training_crops_have_the_same_sound(tmp_path):
    random = np.random.default_rng(1)
    smooth = np.convolve(random.normal(0, 0.3, 20000), np.hanning(16) / 8, "same")
    soundfile.write(tmp_path / "a.wav", smooth, 16000, subtype="FLOAT")
    whole = read(AtSpeed(tmp_path / "a.wav", 1.1))
    sound = tf.constant(smooth, tf.float32)
    factor = tf.constant(1.1, tf.float64)
    part = crop(sound, tf.constant(16000), factor, 8000, tf.constant(0.0)).numpy()
    difference = part[500:7500] - whole[500:7500]
    assert np.std(difference) < 0.02 * np.std(part)


def test_no_speed_is_the_path_itself():
    assert at_speed("a.wav", 1.0) == "a.wav" and speed_of("a.wav") == ("a.wav", 1)
