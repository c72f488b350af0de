"""What differs in level only is scored, and trained on, alike."""

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_stub import person

import tfsv
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.pipeline import training_dataset
from tfsv.audio.pipeline_settings import DECODERS, PipelineSettings
from tfsv.errors import InputError
from tfsv.features import LogMel

HIGHEST = 16.0  # peak of a float file
LOWEST = 1e-4  # its standard deviation


def _take(seed):
    """A voice in a room with some noise, peak 1."""
    sound = person(160, 1.5, seed=seed) + 0.01 * np.random.default_rng(seed).normal(size=24000)
    return sound / np.abs(sound).max()


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("takes")
    soundfile.write(folder / "enrol.wav", _take(0), 16000, subtype="FLOAT")
    soundfile.write(folder / "test.wav", _take(1), 16000, subtype="FLOAT")
    return folder


@settings(max_examples=15, deadline=None)
@given(
    level=st.floats(np.log10(1e-2), np.log10(HIGHEST)),
    rate=st.sampled_from([8000, 16000, 44100]),
)
def test_level_changes_no_cosine(takes, level, rate):
    sound = scipy.signal.resample_poly(_take(1), rate, 16000)
    sound *= 10**level / np.abs(sound).max()
    soundfile.write(takes / "scaled.wav", sound, rate, subtype="FLOAT")
    soundfile.write(takes / "plain.wav", sound / np.abs(sound).max(), rate, subtype="FLOAT")
    recordings = [takes / "plain.wav", takes / "scaled.wav"]
    plain, scaled = tfsv.verify(takes / "enrol.wav", recordings, cosine=True)
    # The empty upper band of 8 kHz is float32's rounding, which int8 activations round on.
    assert scaled.score == pytest.approx(plain.score, abs=4e-3 if rate < 16000 else 1e-3)


def test_level_moves_a_ratio_no_further_than_in_the_dev_trials(takes):
    calibration = tfsv.load("demo").scorer.calibration
    most = -calibration.level.weight * (calibration.level.highest - calibration.level.lowest)
    plain = tfsv.verify(takes / "enrol.wav", takes / "test.wav")[0].score
    for level in (0.5, 0.1, 0.01):
        soundfile.write(takes / "quiet.wav", level * _take(1), 16000, subtype="FLOAT")
        quiet = tfsv.verify(takes / "enrol.wav", takes / "quiet.wav")[0].score
        assert abs(quiet - plain) <= most + 0.1


@pytest.mark.parametrize(
    "peak, reason", [(1.01 * HIGHEST, "scale it down"), (LOWEST, "silent .below -80 dB.")]
)
def test_beyond_the_limits_is_refused_with_its_reason(takes, peak, reason):
    soundfile.write(takes / "scaled.wav", peak * _take(1), 16000, subtype="FLOAT")
    with pytest.raises(InputError, match=reason):
        tfsv.verify(takes / "enrol.wav", takes / "scaled.wav")


@pytest.mark.parametrize("decoder", DECODERS)
def test_level_changes_nothing_that_is_trained_on(tmp_path, decoder):
    """Crops at any speed, plain ones and those with rooms and noise, have the same features."""
    pipeline = PipelineSettings(
        batch_size=12, crop_seconds=0.5, augment_probability=0.7, decoder=decoder
    )
    rows = [Utterance("a", "a", "", "a.wav", 1.5, "train")]
    dataset, features = training_dataset(Manifest(tmp_path / "m.tsv", rows), pipeline), []
    for level in (1.0, 0.01, HIGHEST):
        soundfile.write(tmp_path / "a.wav", level * _take(0), 16000, subtype="FLOAT")
        ((crops, _),) = dataset.take(1)
        assert np.abs(crops).max() <= 1.0
        features.append(LogMel()(crops).numpy())
    np.testing.assert_allclose(features[1], features[0], atol=2e-3)
    np.testing.assert_allclose(features[2], features[0], atol=2e-3)


def test_training_does_not_hear_silence_where_channels_cancel(tmp_path):
    voice = _take(0)
    soundfile.write(tmp_path / "a.wav", np.stack([voice, -voice], axis=1), 16000, subtype="FLOAT")
    rows = [Utterance("a", "a", "", "a.wav", 1.5, "train")]
    crops = _crops(tmp_path, rows)
    assert float(np.std(crops)) == pytest.approx(voice.std(), rel=0.3)


def test_training_hears_the_channel_of_the_manifest(tmp_path):
    """One file with a speaker on each channel is two rows."""
    tones = [0.5 * np.sin(2 * np.pi * hertz * np.arange(24000) / 16000) for hertz in (500, 2000)]
    soundfile.write(tmp_path / "a.wav", np.stack(tones, axis=1), 16000)
    rows = [
        Utterance(f"a-{side}", side, "", "a.wav", 1.5, "train", {"channel": side}) for side in "AB"
    ]
    crops = _crops(tmp_path, rows)
    strongest = np.argmax(np.abs(np.fft.rfft(crops)), axis=1)  # bins of 2 Hz
    assert sorted(strongest) == [250, 250, 1000, 1000]


def _crops(folder, rows):
    pipeline = PipelineSettings(
        batch_size=4, crop_seconds=0.5, speed_factors=(1.0,), augment_probability=0.0
    )
    ((crops, _),) = training_dataset(Manifest(folder / "m.tsv", rows), pipeline).take(1)
    return crops.numpy()
