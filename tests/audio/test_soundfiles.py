import pathlib
import resource

import numpy as np
import pytest
import scipy.signal
import soundfile

from tfsv.audio.soundfiles import read, sound_info
from tfsv.errors import InputError


def _tone(seconds: float, rate: int = 16000, hertz: float = 440.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def _refused(path, match: str, **limits) -> None:
    """Both functions refuse, in one line that names the file."""
    for function in (sound_info, read):
        with pytest.raises(InputError, match=match) as caught:
            function(path, **limits)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_good_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, _tone(1.5), 16000)
    info = sound_info(path)
    assert (info.path, info.rate, info.channels) == (str(path), 16000, 1)
    assert info.seconds == pytest.approx(1.5, abs=0.08)
    waveform = read(path)
    assert waveform.dtype == np.float32 and waveform.ndim == 1
    middle = waveform[4000:20000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_other_rates_are_resampled(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, _tone(1.0, rate), rate, subtype="FLOAT")
    assert sound_info(path).rate == rate
    waveform = read(path)
    assert len(waveform) == pytest.approx(16000, abs=1)
    np.testing.assert_allclose(waveform[2000:14000], _tone(1.0)[2000:14000], atol=2e-3)


def test_stereo_is_averaged(tmp_path):
    path = tmp_path / "a.wav"
    left, right = _tone(0.5), _tone(0.5, hertz=1000)
    soundfile.write(path, np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    assert sound_info(path).channels == 2
    np.testing.assert_allclose(read(path), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("peak", [1.0001, 4.0, 16.0])
def test_overshoot_is_scaled_and_not_clipped(tmp_path, peak):
    path = tmp_path / "a.wav"
    sound = np.random.default_rng(0).uniform(-1, 1, 16000)
    sound *= peak / np.abs(sound).max()
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    waveform = read(path)
    assert np.abs(waveform).max() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(waveform, sound / peak, atol=1e-6)


def test_overshoot_of_resampling_is_scaled_and_not_clipped(tmp_path):
    """A square wave at full scale overshoots when its upper harmonics are taken off."""
    path = tmp_path / "a.wav"
    square = np.sign(_tone(1.0, 44100, 300.0) + 1e-9)
    soundfile.write(path, square, 44100, subtype="FLOAT")
    expected = scipy.signal.resample_poly(square, 160, 441)
    assert np.abs(expected).max() > 1.05
    np.testing.assert_allclose(read(path), expected / np.abs(expected).max(), atol=1e-5)


def test_overshoot_of_a_decoder_is_scaled_and_not_clipped(tmp_path):
    path = tmp_path / "a.ogg"
    soundfile.write(path, 0.99 * np.sign(_tone(1.0, hertz=200.0) + 1e-9), 16000)
    decoded, _ = soundfile.read(path, dtype="float32")
    assert np.abs(decoded).max() > 1.05
    np.testing.assert_allclose(read(path), decoded / np.abs(decoded).max(), atol=1e-6)


def test_an_integers_range_in_a_float_file_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, 32768 * _tone(0.5), 16000, subtype="FLOAT")
    _refused(path, "float samples up to 9830, expected -1 to 1; scale it down")


def test_empty_file(tmp_path):
    path = tmp_path / "a.wav"
    path.touch()
    _refused(path, "empty file")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("share", [0.001, 0.02, 0.4, 0.9])
def test_truncated_file(tmp_path, suffix, share):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    _refused(path, "truncated|damaged|no audio")


def test_wav_of_a_stream_with_unknown_size_is_whole(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, _tone(0.5), 16000)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert sound_info(path).seconds == pytest.approx(0.5)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_non_audio(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"This is no recording at all. " * 100)
    _refused(path, "no audio")


def test_m4a_says_how_to_convert(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\x00\x00\x00\x20ftypM4A " + bytes(1000))
    _refused(path, "convert it first: ffmpeg")


@pytest.mark.parametrize("value", [0.0, 2e-5, 0.2])
def test_silent_file(tmp_path, value):
    """Digital silence, less than a step of 16 bits, and a constant."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(16000, value), 16000, subtype="FLOAT")
    _refused(path, "silent")


def test_shorter_than_a_frame(tmp_path):
    path = tmp_path / "a.wav"
    for samples in (1, 399):
        soundfile.write(path, _tone(1)[1 : samples + 1], 16000)
        _refused(path, f"too short: {samples} samples")
    soundfile.write(path, _tone(1)[:400], 16000)
    assert len(read(path)) == 400
    _refused(path, "at least 0.5 s", minimum_seconds=0.5)
    soundfile.write(path, np.empty(0), 16000)
    _refused(path, "too short: 0 samples")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(tmp_path, value):
    path = tmp_path / "a.wav"
    sound = _tone(1)
    sound[7000] = value
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    _refused(path, "NaN or infinite")


def test_float_file_with_the_range_of_integers(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, _tone(1) * 32768, 16000, subtype="FLOAT")
    _refused(path, "scale it down")


def test_no_file(tmp_path):
    _refused(tmp_path / "a.wav", "no such file")
    _refused(tmp_path, "not a file")


def test_three_hours_are_refused_or_inspected_in_bounded_memory(tmp_path):
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        minute = (_tone(60, 8000) * 32767).astype(np.int16)
        for _ in range(180):
            file.write(minute)
    _refused(path, "too long: 10800 s, at most 600 s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sound_info(path, maximum_seconds=20000).seconds == pytest.approx(10800)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # kB; the samples as float32 are 345,600 kB


def test_real_speech(real_speech):
    for path in real_speech.some_files(40):
        assert sound_info(path).rate == 16000
        assert len(read(path)) == pytest.approx(sound_info(path).seconds * 16000)
        assert pathlib.Path(path).exists()


def test_channels_beyond_any_array_are_told_before_they_are_decoded(tmp_path):
    path = tmp_path / "a.wav"
    sound = 0.1 * np.random.default_rng(0).normal(size=(16_000, 1)).astype(np.float32)
    soundfile.write(path, np.tile(sound, (1, 64)), 16_000)
    assert len(read(path)) == 16_000
    soundfile.write(path, np.zeros((10, 1024), np.float32), 16_000)
    with pytest.raises(InputError, match=r"a\.wav: 1024 channels; at most 64 are taken"):
        read(path)
