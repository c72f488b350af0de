"""Recordings that do not suit are read with a warning."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from tfsv.audio.soundfiles import read_with_info, sound_info
from tfsv.audio.suitability import counted
from tfsv.audio.voices import voices_manifest

EMPTY = "the upper band (above 5 kHz) is empty, as in telephone speech"


def _voice(seconds=3.0, rate=16000):
    """Noise with the long-term spectrum of speech, in syllables."""
    count = int(seconds * rate)
    hertz = np.fft.rfftfreq(count, 1 / rate)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=count))
    spectrum *= np.maximum(hertz / 500, 1) ** -1.5 * (hertz > 100)
    sound = np.fft.irfft(spectrum, count) * (1.1 + np.sin(2 * np.pi * 4 * np.arange(count) / rate))
    return 0.3 * sound / np.abs(sound).max()


def _warnings(path, sound, rate=16000, **kwargs):
    soundfile.write(path, sound, rate, **kwargs)
    info = sound_info(path)
    assert read_with_info(path)[1] == info
    return info.warnings


def _telephone(sound, rate=16000):
    """300 to 3400 Hz at 8 kHz, and back to the rate."""
    edges = scipy.signal.butter(4, [300, 3400], "band", fs=8000, output="sos")
    low = scipy.signal.sosfilt(edges, scipy.signal.resample_poly(sound, 8000, rate))
    return scipy.signal.resample_poly(low, rate, 8000)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("level", [1.0, 0.01])
def test_clean_speech_gives_no_warning(tmp_path, rate, level):
    assert _warnings(tmp_path / "a.wav", level * _voice(rate=rate), rate) == ()


@pytest.mark.parametrize("rate, khz", [(8000, "4"), (11025, "5.5125"), (15999, "7.9995")])
def test_a_rate_below_16_khz(tmp_path, rate, khz):
    told = f"{rate} samples a second, below 16000: nothing above {khz} kHz is heard"
    assert _warnings(tmp_path / "a.wav", _voice(rate=rate), rate) == (told,)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_telephone_speech_at_a_higher_rate(tmp_path, suffix, rate):
    sound = _telephone(_voice(rate=rate), rate)
    assert _warnings(tmp_path / f"a.{suffix}", sound, rate) == (EMPTY,)


@pytest.mark.parametrize("level", [0.1, 0.03])
def test_quiet_telephone_speech(tmp_path, level):
    """Rounding to 16 bits fills the upper band with something that is no speech."""
    assert _warnings(tmp_path / "a.wav", level * _telephone(_voice())) == (EMPTY,)


def test_speech_cut_at_7_khz_is_wide_enough(tmp_path):
    cut = scipy.signal.sosfilt(scipy.signal.butter(10, 6500, fs=16000, output="sos"), _voice())
    assert _warnings(tmp_path / "a.wav", cut) == ()


def test_leading_noise_does_not_hide_telephone_speech(tmp_path):
    quiet = 3e-5 * np.random.default_rng(1).normal(size=5 * 16000)
    sound = np.concatenate([quiet, _telephone(_voice(10.0))])
    assert _warnings(tmp_path / "a.wav", sound, subtype="FLOAT") == (EMPTY,)


@pytest.mark.parametrize("samples", [400, 511, 512, 600])
def test_very_short_recordings(tmp_path, samples):
    sound = np.random.default_rng(0).normal(0, 0.1, samples)
    assert _warnings(tmp_path / "a.wav", sound) == ()


def test_clipping(tmp_path):
    loud = np.clip(8 * _voice(), -1, 1)
    (told,) = _warnings(tmp_path / "a.wav", loud)
    assert told.startswith("clipped: ") and told.endswith("record it at a lower level")
    share = np.mean(np.abs(loud[1:]) * (loud[1:] == loud[:-1]) == 1)
    assert f" {100 * share:.1f} % of" in told


def test_overshoot_is_no_clipping(tmp_path):
    """A float file that exceeds 1 has lost nothing."""
    assert _warnings(tmp_path / "a.wav", 8 * _voice(), subtype="FLOAT") == ()


def test_a_peak_at_full_scale_is_no_clipping(tmp_path):
    assert _warnings(tmp_path / "a.wav", _voice() / np.abs(_voice()).max()) == ()


def test_built_in_voices_suit(tmp_path):
    manifest = voices_manifest(speakers=6, utterances=2, sessions=1, cache=tmp_path)
    for utterance in manifest:
        assert sound_info(manifest.absolute(utterance)).warnings == ()


def test_real_speech_suits(real_speech):
    """Of corpora that are known to be clean, not one recording in a hundred is doubted."""
    paths = [p for p in real_speech.some_files(400) if "/libri_" in p or "/nemo/" in p]
    assert paths and not any(sound_info(path).warnings for path in paths)


def test_lines_that_differ_in_numbers_are_counted_as_one():
    lines = ["clipped: 1.5 %", "2 channels differ", "6 channels differ"]
    assert counted(lines) == [("N channels differ", 2), ("clipped: 1.5 %", 1)]
    assert counted(["2 channels differ"] * 3) == [("2 channels differ", 3)]
    assert counted(lines, most=1) == [("N channels differ", 2)]
