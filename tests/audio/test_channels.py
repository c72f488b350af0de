"""Which channel is heard: names of channels, mixes, and the same rule in files and in training."""

import os
import pickle

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.audio import mixing
from tfsv.audio.channels import Mix, OneChannel, channel_number, with_channel
from tfsv.audio.manifest import read_manifest
from tfsv.audio.soundfiles import read, read_with_info, sound_info
from tfsv.errors import InputError

VOICE, OTHER = (np.random.default_rng(seed).normal(0, 0.1, 8000) for seed in (0, 1))


def _written(path, *channels):
    soundfile.write(path, np.stack(channels, axis=1), 16000, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    "given_as, number",
    [(2, 2), ("1", 1), ("left", 1), ("Right", 2), ("A", 1), ("b", 2), ("", None), (None, None)],
)
def test_names_of_channels(given_as, number):
    assert channel_number(given_as) == number


@pytest.mark.parametrize("wrong", ["0", "-1", "both", "1.5", "²", 0])
def test_what_is_no_channel(wrong):
    with pytest.raises(InputError, match="channel=.*: expected 1, 2, …, left, right, A or B"):
        channel_number(wrong)


def test_a_path_keeps_its_own_channel():
    own = with_channel("call.wav", "right")
    assert own == OneChannel("call.wav", 2) == pickle.loads(pickle.dumps(own))
    assert with_channel(own, 1) is own
    assert with_channel("call.wav", None) == "call.wav"
    assert (os.fspath(own), str(own)) == ("call.wav", "call.wav")


def test_the_chosen_channel_alone_is_read(tmp_path):
    path = _written(tmp_path / "a.wav", VOICE, OTHER)
    for number, channel in ((1, VOICE), (2, OTHER)):
        waveform, info = read_with_info(OneChannel(str(path), number))
        np.testing.assert_allclose(waveform, channel, atol=1e-7)
        assert info.warnings == ()


def test_a_channel_that_is_not_there(tmp_path):
    path = _written(tmp_path / "a.wav", VOICE, OTHER)
    for function in (read, sound_info):
        with pytest.raises(InputError, match="a.wav: has 2 channels, and no channel 3"):
            function(OneChannel(str(path), 3))


def test_one_channel_is_taken_whatever_is_chosen(tmp_path):
    path = _written(tmp_path / "a.wav", VOICE)
    waveform, info = read_with_info(OneChannel(str(path), 2))
    np.testing.assert_allclose(waveform, VOICE, atol=1e-7)
    assert info.warnings == ("has one channel, which is taken; there is no channel 2",)
    assert sound_info(OneChannel(str(path), 1)).warnings == ()


def test_a_silent_channel_is_called_that(tmp_path):
    path = _written(tmp_path / "a.wav", VOICE, 0 * VOICE)
    with pytest.raises(InputError, match="channel 2 is silent"):
        read(OneChannel(str(path), 2))
    assert sound_info(path).warnings == ()  # half the voice, and nothing else
    np.testing.assert_allclose(read(path), VOICE / 2, atol=1e-7)


@pytest.mark.parametrize("gain", [1.0, 0.8, 0.5])
def test_channels_that_cancel_are_called_that_and_one_is_taken(tmp_path, gain):
    path = _written(tmp_path / "a.wav", gain * VOICE, -VOICE)
    waveform, info = read_with_info(path)
    taken = 1 if gain == 1.0 else 2
    np.testing.assert_allclose(np.abs(waveform), np.abs(VOICE), atol=1e-6)
    assert info.warnings == sound_info(path).warnings
    assert info.warnings == (
        "2 channels that cancel each other (opposite signs): "
        f"channel {taken} is taken; 'channel' takes another",
    )


@pytest.mark.parametrize("other, differ", [(VOICE, False), (0.3 * VOICE, False), (OTHER, True)])
def test_channels_that_differ(tmp_path, other, differ):
    """Identical channels and those that differ by a gain are one voice."""
    info = sound_info(_written(tmp_path / "a.wav", VOICE, other))
    told = ("2 channels that differ are mixed; 'channel' takes one",)
    assert info.warnings == (told if differ else ())


@pytest.mark.parametrize("decibels, differ", [(-15, True), (-25, False)])
def test_how_much_a_channel_must_hold_of_its_own(tmp_path, decibels, differ):
    own = 10 ** (decibels / 20) * OTHER
    info = sound_info(_written(tmp_path / "a.wav", VOICE, 0.5 * VOICE + own))
    assert bool(info.warnings) == differ


@settings(max_examples=30, deadline=None)
@given(
    gains=st.lists(
        st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-0.2, 0.2)),
        min_size=2,
        max_size=4,
    ),
    channel=st.integers(0, 3),
)
def test_training_takes_what_reading_takes(tmp_path_factory, gains, channel):
    """Any channels of two sources and an offset come out alike on both ways."""
    channels = [a * VOICE + b * OTHER + offset for a, b, offset in gains]
    chosen = min(channel, len(gains))
    path = _written(tmp_path_factory.mktemp("a") / "a.wav", *channels)
    sound = soundfile.read(path, dtype="float32")[0]
    heard = mixing.mono(tf.constant(sound), chosen).numpy()
    try:
        waveform = read(OneChannel(str(path), chosen) if chosen else path)
    except InputError as error:
        assert "silent" in str(error) and heard.std() < 1.1e-4
        return
    scale = max(1.0, np.abs(heard).max())
    np.testing.assert_allclose(waveform, heard / scale, atol=2e-6)


def test_a_mix_in_blocks_is_judged_as_a_whole():
    mix = Mix(2)
    both = np.stack([VOICE, OTHER - VOICE], axis=1).astype(np.float32)
    mono = np.concatenate([mix.of(block) for block in np.array_split(both, 7)])
    np.testing.assert_allclose(mono, OTHER / 2, atol=1e-6)
    # By definition: the power of the mean, to that of independent channels.
    ratio = np.var(OTHER / 2) / (np.var(both, axis=0).mean() / 2)
    assert mix.cancels == (ratio < 0.25)
    assert (mix.loudest, mix.differs) == (2, True)


def test_a_wrong_channel_in_a_manifest_is_no_setting(tmp_path):
    path = tmp_path / "manifest.tsv"
    columns = "utterance\tspeaker\tsession\tpath\tseconds\tsplit\tchannel\n"
    path.write_text(columns + "a-1\ta\ts\ta.wav\t1.0\ttrain\tmiddle\n")
    with pytest.raises(InputError, match="manifest.tsv:2: channel middle: expected 1, 2, …"):
        read_manifest(path)
