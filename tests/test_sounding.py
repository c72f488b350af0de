"""Frames without sound: the same ones in numpy and in the graph, and none behind the front end."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.audio.sounding import frame_powers, sounding, sounding_frames
from tfsv.features import LogMel, frame_count
from tfsv.sounding import repeated_sound, sounding_mask

LEVELS = (0.0, -95.0, -62.0, -56.0, -46.0, -44.0, -3.0, -1.0)  # dB, but 0 for digital silence


def voice(seconds=1.5, seed=0, pause=0.0):
    """Syllables of a harmonic tone over a faint hiss, with a pause of hiss in the middle."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16000)) / 16000
    tone = sum(np.sin(2 * np.pi * (110 + 9 * seed) * k * t) / k for k in range(1, 25))
    sound = 0.05 * tone * (1.1 + np.sin(11 * t)) + 0.003 * random.normal(size=t.size)
    half = len(sound) // 2
    hiss = 2.5e-4 * random.normal(size=int(pause * 16000))  # 47 dB below the voice
    return np.concatenate([sound[:half], hiss, sound[half:]]).astype(np.float32)


def silence(kind, samples, seed=9):
    random = np.random.default_rng(seed)
    if kind == "zeros":
        return np.zeros(samples, np.float32)
    if kind == "offset":
        return np.full(samples, 0.01, np.float32)
    if kind == "hiss":
        return (2e-5 * random.normal(size=samples)).astype(np.float32)
    clicks = np.zeros(samples, np.float32)
    for place in range(4000, samples - 20, 8000):
        clicks[place : place + 20] = 0.5
    return clicks


def literally(powers, silence_db):
    """The detector of `tfsv.audio.sounding`'s first lines, frame by frame."""
    roots = [p**0.25 for p in powers]
    level = sum(r * r for r in roots) / sum(roots) if sum(roots) else 0.0
    decibels = [20 * np.log10((r / level) ** 2) if r and level else -np.inf for r in roots]
    active = [d > -silence_db for d in decibels]

    def at(values, i, otherwise):
        return values[i] if 0 <= i < len(values) else otherwise

    kept = [all(at(active, i + k, True) for k in range(-2, 3)) for i in range(len(powers))]
    near = [any(at(kept, i + k, False) for k in range(-12, 13)) for i in range(len(powers))]
    return [n and d > -silence_db - 15 for n, d in zip(near, decibels, strict=True)]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, -95.0, -61.0, -40.0, -31.0, -16.0, -14.0, -1.0]), max_size=60)
)
def test_detector_is_what_its_words_say(levels):
    powers = np.array([10 ** (d / 10) if d else 0.0 for d in levels])
    found = sounding(powers, 45.0)
    assert found.tolist() == literally(powers, 45.0)
    if found.any():
        mask = sounding_mask(tf.constant(powers[None], tf.float32), 45.0)
        assert (mask.numpy()[0] == found).all()


@given(st.integers(0, 1200))
def test_powers_are_the_variances_of_kaldis_frames(samples):
    waveform = np.random.default_rng(samples).normal(size=samples) + 3
    starts = range(0, 160 * frame_count(samples), 160)
    wanted = [np.var(waveform[start : start + 400]) for start in starts]
    np.testing.assert_allclose(frame_powers(waveform), wanted, rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), min_size=1, max_size=300).filter(any))
def test_sound_is_repeated_in_order(mask):
    features = np.arange(2 * len(mask), dtype=np.float32).reshape(1, -1, 2)
    sound = features[0][mask]
    wanted = np.resize(sound, (len(mask), 2))
    found = repeated_sound(tf.constant(features), tf.constant([mask], tf.float32))
    np.testing.assert_array_equal(found[0], wanted)


def test_search_reaches_every_place_of_ten_minutes():
    frames = 60_000
    mask = np.random.default_rng(0).random((1, frames)) < 0.3
    features = np.arange(frames, dtype=np.float32)[None, :, None]
    found = repeated_sound(tf.constant(features), tf.constant(mask, tf.float32))
    np.testing.assert_array_equal(found[0, :, 0], np.resize(features[0, mask[0], 0], frames))


@pytest.mark.parametrize("kind", ["zeros", "offset", "hiss", "clicks"])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_silence_in_front_and_behind_leaves_the_frames_of_speech(kind, seconds):
    sound = voice()
    piece = silence(kind, int(16000 * seconds) // 160 * 160)
    before = len(piece) // 160
    front_end = LogMel(bins=24)
    alone = front_end(sound[None])[0].numpy()
    padded = np.concatenate([piece, sound, piece])
    found = np.flatnonzero(sounding_frames(padded))
    assert before - 3 <= found[0] <= before and found[-1] <= before + len(alone) + 2
    first = before - found[0]  # frames that lie across the edge
    features = front_end(padded[None])[0].numpy()[first : first + len(alone)]
    np.testing.assert_allclose(features, alone, atol=0.4)


def test_hiss_that_is_not_so_far_below_stays_beside_speech_only():
    hiss = 5 * silence("hiss", 32_000)  # -80 dB, 54 below the voice
    found = sounding_frames(np.concatenate([hiss, voice(), hiss]))
    assert 148 <= np.count_nonzero(found) <= 148 + 2 * 13


def test_speech_without_silence_has_kaldis_features():
    sound = voice()
    assert sounding_frames(sound).all()
    with_silence = LogMel(silence_db=None)(sound[None])
    np.testing.assert_allclose(LogMel()(sound[None]), with_silence, atol=1e-5)


def test_short_pauses_of_a_speaker_stay_and_long_ones_go():
    for pause, silent in ((0.1, 0), (0.2, 0), (1.0, 78)):
        found = sounding_frames(voice(pause=pause))
        assert np.count_nonzero(~found) == pytest.approx(silent, abs=2)


@settings(deadline=None, max_examples=30)
@given(st.floats(-70, 24))
def test_level_decides_nothing(decibels):
    sound = np.concatenate([silence("hiss", 8000), voice(pause=1.0), silence("zeros", 8000)])
    louder = sound * np.float32(10 ** (decibels / 20))
    assert (sounding_frames(louder) == sounding_frames(sound)).all()
    front_end = LogMel(bins=24)
    np.testing.assert_allclose(front_end(louder[None]), front_end(sound[None]), atol=2e-3)


def test_nothing_but_silence_keeps_its_length():
    features = LogMel(bins=24)(np.zeros((2, 4000), np.float32))
    assert features.shape == (2, frame_count(4000), 24)
    np.testing.assert_allclose(features, 0, atol=1e-5)
    assert not sounding_frames(np.zeros(4000)).any()
    assert not sounding_frames(silence("clicks", 16000)).any()


def test_each_row_of_a_batch_has_its_own_silence():
    rows = [np.concatenate([silence("zeros", 8000), voice(1.0, s)])[:20000] for s in range(3)]
    rows.append(voice(20000 / 16000, 4))
    front_end = LogMel(bins=24)
    together = front_end(np.stack(rows))
    for row, features in zip(rows, together, strict=True):
        np.testing.assert_allclose(front_end(row[None])[0], features, atol=1e-5)


@pytest.mark.parametrize("silence_db", [0, -3, float("nan")])
def test_bad_limits_are_refused(silence_db):
    with pytest.raises(ValueError, match="silence_db"):
        LogMel(silence_db=silence_db)
