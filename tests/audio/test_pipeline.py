"""The training pipeline: what a crop is, and that item n is the same on every way to it."""

import collections
import dataclasses
import logging
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf

from tfsv.audio import augment, decoding
from tfsv.audio.manifest import Manifest, Utterance, read_manifest, write_manifest
from tfsv.audio.pipeline import (
    _Augmenter,
    class_count,
    crop,
    steps_per_epoch,
    training_dataset,
)
from tfsv.audio.pipeline_settings import DECODERS, PipelineSettings
from tfsv.errors import InputError

RATE = 16000
PLAIN = PipelineSettings(
    batch_size=4, crop_seconds=0.5, speed_factors=(1.0,), augment_probability=0.0
)


def sine(hertz, seconds=1.0, rate=RATE):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(
        np.float32
    )


def noise(seconds, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE)).astype(np.float32)


def corpus(folder, sounds, suffix="wav", **kwargs):
    """Writes {speaker: [waveforms]} and returns its manifest."""
    utterances = []
    for speaker, waveforms in sounds.items():
        for i, waveform in enumerate(waveforms):
            path = f"{speaker}-{i}.{suffix}"
            soundfile.write(folder / path, waveform, RATE, **kwargs)
            seconds = len(waveform) / RATE
            utterances.append(Utterance(path, speaker, "s", path, seconds, "train"))
    return Manifest(folder / "manifest.tsv", utterances)


@pytest.fixture
def small(tmp_path):
    return corpus(
        tmp_path, {s: [noise(0.8, 10 * k + i) for i in range(3)] for k, s in enumerate("cab")}
    )


def drawn(dataset, steps):
    return [(x.numpy(), y.numpy()) for x, y in dataset.take(steps)]


def assert_same(left, right):
    assert len(left) == len(right) > 0
    for (x, labels), (x_too, labels_too) in zip(left, right, strict=True):
        np.testing.assert_array_equal(x, x_too)
        np.testing.assert_array_equal(labels, labels_too)


AUGMENTED = PipelineSettings(batch_size=4, crop_seconds=0.5, augment_probability=0.9, seed=3)


@pytest.mark.parametrize("decoder", DECODERS)
def test_resume_continues_bit_for_bit(small, decoder):
    settings = dataclasses.replace(AUGMENTED, decoder=decoder)
    whole = drawn(training_dataset(small, settings), 12)  # 27 items an epoch: nearly two
    assert_same(whole, drawn(training_dataset(small, settings), 12))
    assert_same(whole[7:], drawn(training_dataset(small, settings, first_step=7), 5))


def test_parallelism_changes_nothing(small):
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    one = training_dataset(small, AUGMENTED).with_options(options)
    assert_same(drawn(training_dataset(small, AUGMENTED), 5), drawn(one, 5))


def test_op_determinism_is_obeyed(small, tmp_path):
    """In a process of its own, since TensorFlow cannot switch it off again."""
    script = """
import sys
import numpy as np
import tensorflow as tf
tf.config.experimental.enable_op_determinism()
from tfsv.audio.manifest import read_manifest
from tfsv.audio.pipeline import PipelineSettings, training_dataset
settings = PipelineSettings(batch_size=4, crop_seconds=0.5, augment_probability=0.9, seed=3)
dataset = training_dataset(read_manifest(sys.argv[1]), settings)
np.save(sys.argv[2], np.stack([x.numpy() for x, _ in dataset.take(3)]))
"""
    write_manifest(small.path, small)
    result = str(tmp_path / "x.npy")
    subprocess.run([sys.executable, "-c", script, str(small.path), result], check=True)
    expected = np.stack([x for x, _ in drawn(training_dataset(small, AUGMENTED), 3)])
    np.testing.assert_array_equal(np.load(result), expected)


def test_batches_can_be_distributed(small):
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    spread = strategy.experimental_distribute_dataset(training_dataset(small, AUGMENTED))
    batches = [(x.numpy(), y.numpy()) for (x, y), _ in zip(spread, range(3), strict=False)]
    assert_same(batches, drawn(training_dataset(small, AUGMENTED), 3))


def test_seeds_differ(small):
    first = drawn(training_dataset(small, AUGMENTED), 1)[0][0]
    other = drawn(training_dataset(small, dataclasses.replace(AUGMENTED, seed=4)), 1)[0][0]
    assert np.any(first != other)


def test_shape_type_and_range(small):
    dataset = training_dataset(small, AUGMENTED)
    assert dataset.element_spec == (
        tf.TensorSpec((4, 8000), tf.float32),
        tf.TensorSpec((4,), tf.int32),
    )
    for x, _ in drawn(dataset, 8):
        assert np.all(np.isfinite(x)) and np.max(np.abs(x)) <= 1


def test_every_epoch_has_every_utterance_at_every_speed_once(small):
    settings = dataclasses.replace(PLAIN, batch_size=9, speed_factors=(1.0, 0.9, 1.1))
    assert class_count(small, settings) == 9 and steps_per_epoch(small, settings) == 3
    assert steps_per_epoch(small, dataclasses.replace(settings, batch_size=8)) == 4
    labels = np.concatenate([y for _, y in drawn(training_dataset(small, settings), 6)])
    for epoch in labels.reshape(2, 27):
        assert collections.Counter(epoch) == {label: 3 for label in range(9)}
    assert np.any(labels[:27] != labels[27:])


def test_class_is_factor_and_sorted_speaker(tmp_path):
    pitch = {"b": 400.0, "a": 700.0, "c": 1000.0}
    manifest = corpus(tmp_path, {name: [sine(hertz, 2.0)] for name, hertz in pitch.items()})
    factors = (1.0, 0.9, 1.1)
    settings = dataclasses.replace(PLAIN, batch_size=9, crop_seconds=1.0, speed_factors=factors)
    (x, labels) = drawn(training_dataset(manifest, settings), 1)[0]
    assert sorted(labels) == list(range(9))
    for waveform, label in zip(x, labels, strict=True):
        expected = pitch["abc"[label % 3]] * factors[label // 3]
        spectrum = np.abs(np.fft.rfft(waveform * np.hanning(RATE), 8 * RATE))
        assert np.argmax(spectrum) / 8 == pytest.approx(expected, abs=0.25)
        assert np.max(np.abs(waveform)) == pytest.approx(0.5, abs=0.01)  # no ringing at the ends


def test_crop_is_a_stretch_of_the_file():
    sound = np.arange(1000, dtype=np.float32)
    for position in (0.0, 0.3, 0.99999994):
        part = crop(sound, 16000, tf.constant(1.0, tf.float64), 100, position).numpy()
        np.testing.assert_array_equal(part, part[0] + np.arange(100))
        assert part[0] == int(position * 901)
    exact = crop(sound, 16000, tf.constant(1.0, tf.float64), 1000, 0.7)
    np.testing.assert_array_equal(exact, sound)


def test_short_sounds_are_tiled():
    sound = np.arange(30, dtype=np.float32)
    part = crop(sound, 16000, tf.constant(1.0, tf.float64), 100, 0.7)
    np.testing.assert_array_equal(part, np.arange(100) % 30)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_equals_scipy_away_from_the_ends(factor):
    sound = scipy.signal.lfilter(scipy.signal.firwin(101, 0.7), 1, noise(2.0)).astype(np.float32)
    part = crop(sound, RATE, tf.constant(factor, tf.float64), 16000, 0.0).numpy()
    up, down = {0.9: (10, 9), 1.1: (10, 11)}[factor]
    expected = scipy.signal.resample_poly(sound.astype(np.float64), up, down, window=("kaiser", 12))
    inner = slice(300, 15700)
    error = part[inner] - expected[:16000][inner]
    assert 10 * np.log10(np.mean(error**2) / np.mean(part[inner] ** 2)) < -40


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_other_rates_and_stereo_come_out_as_16_khz_mono(tmp_path, rate, decoder):
    left, right = sine(440.0, 1.5, rate), sine(1000.0, 1.5, rate)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), rate)
    manifest = Manifest(tmp_path / "m", [Utterance("a", "a", "", "a.wav", 1.5, "train")])
    settings = dataclasses.replace(PLAIN, batch_size=1, crop_seconds=1.0, decoder=decoder)
    (x, _) = drawn(training_dataset(manifest, settings), 1)[0]
    spectrum = np.abs(np.fft.rfft(x[0]))
    assert set(np.argsort(spectrum)[-2:]) == {440, 1000}
    assert spectrum[440] * 2 / RATE == pytest.approx(0.25, abs=0.01)  # half of 0.5


@pytest.mark.parametrize(
    "suffix, subtype",
    [
        ("wav", "PCM_U8"),
        ("wav", "PCM_16"),
        ("wav", "PCM_24"),
        ("wav", "FLOAT"),
        ("flac", "PCM_S8"),
        ("flac", "PCM_16"),
        ("flac", "PCM_24"),
        ("ogg", "VORBIS"),
        ("mp3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("rate", [16000, 22050])
def test_tensorflow_io_decodes_as_libsndfile(tmp_path, suffix, subtype, rate):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.stack([sine(440, 0.5, rate), sine(700, 0.5, rate)], 1), rate, subtype)
    sound, found = decoding.decode(tf.constant(str(path)), "tensorflow-io")
    expected = soundfile.read(path, dtype="float32")[0]
    assert found == rate and sound.shape[1] == 2
    if suffix == "mp3":  # decoders differ in the delay that they cut off
        assert abs(len(sound) - len(expected)) <= 2304
        assert np.max(np.abs(sound)) == pytest.approx(0.5, abs=0.05)
    else:
        np.testing.assert_allclose(sound, expected, atol=1e-4)


def test_wav_with_a_chunk_before_its_format(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(440, 0.1), RATE)
    data = path.read_bytes()
    path.write_bytes(data[:12] + b"JUNK\x04\x00\x00\x00abcd" + data[12:])
    sound, rate = decoding.decode(tf.constant(str(path)), "tensorflow-io")
    np.testing.assert_allclose(sound[:, 0], sine(440, 0.1), atol=1e-4)
    assert rate == RATE


BAD = {
    "empty.ogg": b"",
    "text.flac": b"this is no sound at all" * 100,
    "cut.wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "header.ogg": b"OggS" + bytes(100),
    "missing.wav": None,
}
REASONS = {
    "empty.ogg": "empty file",
    "text.flac": "no audio but text",
    "cut.wav": "damaged from its start",
    "header.ogg": "damaged",
    "missing.wav": "no such file",
}


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_replaced_by_the_speakers_next_and_logged_once(tmp_path, caplog, name, decoder):
    manifest = corpus(tmp_path, {"a": [sine(400)], "b": [sine(700)]})
    if BAD[name] is not None:
        (tmp_path / name).write_bytes(BAD[name])
    utterances = [Utterance("bad", "a", "", name, 1.0, "train"), *manifest]
    manifest = Manifest(tmp_path / "m.tsv", utterances)
    settings = dataclasses.replace(PLAIN, batch_size=3, decoder=decoder)
    with caplog.at_level(logging.WARNING, logger="absl"):
        batches = drawn(training_dataset(manifest, settings), 3)
    for x, labels in batches:
        assert sorted(labels) == [0, 0, 1]
        for waveform, label in zip(x, labels, strict=True):
            peak = np.argmax(np.abs(np.fft.rfft(waveform))) * 2
            assert peak == (400, 700)[label]
    lines = [record.getMessage() for record in caplog.records if name in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].startswith(str(tmp_path / name)) and lines[0].endswith("a-0.wav")
    assert REASONS[name] in lines[0] and "\n" not in lines[0]


def test_a_channel_that_is_not_there_is_told_by_training(tmp_path, caplog):
    manifest = corpus(tmp_path, {"a": [sine(400)], "b": [sine(700)]})
    soundfile.write(tmp_path / "two.wav", np.stack([sine(400)] * 2, axis=1), RATE)
    extra = {"channel": "3"}
    utterances = [Utterance("bad", "a", "", "two.wav", 1.0, "train", extra), *manifest]
    with caplog.at_level(logging.WARNING, logger="absl"):
        drawn(training_dataset(Manifest(tmp_path / "m.tsv", utterances), PLAIN), 3)
    (line,) = [r.getMessage() for r in caplog.records if "two.wav" in r.getMessage()]
    assert "lacks the channel" in line


def test_samples_that_are_no_numbers_are_replaced_too(tmp_path):
    manifest = corpus(
        tmp_path, {"a": [np.full(RATE, np.nan, np.float32), sine(400)]}, subtype="FLOAT"
    )
    for x, _ in drawn(training_dataset(manifest, PLAIN), 2):
        assert np.all(np.isfinite(x)) and np.std(x) > 0.3


def test_a_speaker_without_any_good_file_ends_with_a_name(tmp_path):
    manifest = corpus(tmp_path, {"b": [sine(700)]})
    bad = Utterance("bad", "a", "", "missing.wav", 1.0, "train")
    manifest = Manifest(tmp_path / "m.tsv", [bad, *manifest])
    with pytest.raises(tf.errors.OpError, match="missing.wav"):
        drawn(training_dataset(manifest, dataclasses.replace(PLAIN, batch_size=2)), 1)


def test_nothing_but_bad_files_ends_with_a_name(tmp_path):
    bad = [Utterance("bad", "a", "", "missing.wav", 1.0, "train")]
    with pytest.raises(tf.errors.OpError, match="InputError: .*missing.wav: no such file"):
        drawn(training_dataset(Manifest(tmp_path / "m.tsv", bad), PLAIN), 1)


@pytest.mark.parametrize("kind, bounds", [("noise", (0, 15)), ("speech", (10, 30))])
def test_musan_folder_noise_has_the_range_of_its_kind(tmp_path, kind, bounds):
    manifest = corpus(tmp_path, {"a": [sine(400)]})
    folder = tmp_path / "musan" / kind / "free-sound"
    folder.mkdir(parents=True)
    soundfile.write(folder / "noise-0001.wav", sine(3000, 3.0), RATE)
    settings = dataclasses.replace(
        PLAIN, batch_size=32, musan=str(tmp_path / "musan"), augment_probability=1.0
    )
    (x, _) = drawn(training_dataset(manifest, settings), 1)[0]
    spectrum = np.abs(np.fft.rfft(x))
    snr = 20 * np.log10(spectrum[:, 200] / spectrum[:, 1500])
    noisy = snr[snr < 60]  # the others stand in a room
    assert 6 <= len(noisy) <= 26 and np.ptp(noisy) > 5
    assert bounds[0] - 0.2 < noisy.min() and noisy.max() < bounds[1] + 0.2


def test_rir_folder_responses_are_applied_from_their_peak(tmp_path):
    manifest = corpus(tmp_path, {"a": [sine(400)]})
    folder = tmp_path / "rirs" / "simulated" / "smallroom"
    folder.mkdir(parents=True)
    response = np.zeros((4000, 2), np.float32)
    response[100, 0], response[120, 0] = 0.9, 0.9  # 400 Hz, half a period later: cancels
    soundfile.write(folder / "rir.wav", response, RATE)
    settings = dataclasses.replace(
        PLAIN, batch_size=32, rirs=str(tmp_path / "rirs"), augment_probability=1.0
    )
    (x, _) = drawn(training_dataset(manifest, settings), 1)[0]
    wet = [row for row in x if np.std(row[1000:]) < 0.01 * np.std(row[:20])]
    assert 6 <= len(wet) <= 26  # only the first half period is heard, before the reflection


def test_damaged_noise_is_replaced_and_logged(tmp_path, caplog):
    manifest = corpus(tmp_path, {"a": [sine(400)]})
    folder = tmp_path / "musan" / "music"
    folder.mkdir(parents=True)
    soundfile.write(folder / "good.wav", sine(3000, 3.0), RATE)
    (folder / "bad.wav").write_bytes(b"")
    settings = dataclasses.replace(
        PLAIN, batch_size=16, musan=str(tmp_path / "musan"), augment_probability=1.0
    )
    with caplog.at_level(logging.WARNING, logger="absl"):
        (x, _) = drawn(training_dataset(manifest, settings), 1)[0]
    assert np.all(np.isfinite(x))
    assert sum("bad.wav" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    "name, value",
    [
        ("batch_size", 0),
        ("crop_seconds", 0.0),
        ("speed_factors", ()),
        ("speed_factors", (1.0, 1.0)),
        ("speed_factors", (5.0,)),
        ("augment_probability", 1.5),
        ("noise_snr", (15.0, 0.0)),
        ("seed", -1),
        ("decoder", "ffmpeg"),
    ],
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(InputError, match=f"^{name}="):
        PipelineSettings(**{name: value})


def test_folders_without_sound_are_refused(small, tmp_path):
    (tmp_path / "nothing").mkdir()
    for name in ("musan", "rirs"):
        settings = dataclasses.replace(PLAIN, **{name: str(tmp_path / "nothing")})
        with pytest.raises(InputError, match=f"^{name}=.*nothing"):
            training_dataset(small, settings)
    with pytest.raises(InputError, match="no utterance"):
        training_dataset(Manifest(tmp_path / "m.tsv", []), PLAIN)


def test_real_speech_comes_through(real_speech):
    manifest = read_manifest(real_speech.manifest).split("train")
    settings = PipelineSettings(batch_size=16)
    assert class_count(manifest, settings) == 3 * len(manifest.speakers)
    (x, labels) = drawn(training_dataset(manifest, settings), 1)[0]
    assert x.shape == (16, 32000) and np.all(np.std(x, axis=1) > 1e-3)
    assert labels.min() >= 0 and labels.max() < class_count(manifest, settings)


def test_long_recordings_are_heard_for_each_so_many_seconds_of_them(tmp_path):
    sounds = {"a": [noise(0.6), noise(2.9)], "b": [noise(1.6)]}
    manifest = corpus(tmp_path, sounds)
    settings = dataclasses.replace(PLAIN, batch_size=5, visit_seconds=1.0)
    assert steps_per_epoch(manifest, settings) == 2  # 1 + 3 + 2 visits, 5 a batch
    numbered = training_dataset(
        manifest, settings, vectors=lambda rows: rows[:, None].astype(np.float32)
    )
    rows = np.concatenate([v.numpy()[:, 0] for _, (_, v) in numbered.take(12)])
    for epoch in rows.reshape(10, 6):
        assert sorted(epoch) == [0, 1, 1, 1, 2, 2]


def test_what_is_known_of_a_recording_stands_beside_its_crop(small):
    settings = dataclasses.replace(PLAIN, batch_size=9, speed_factors=(1.0, 0.9))
    known = training_dataset(
        small, settings, vectors=lambda rows: np.stack([rows + 1, rows], 1).astype(np.float32)
    )
    plain = drawn(training_dataset(small, settings), 2)
    both = [(x.numpy(), y.numpy(), v.numpy()) for x, (y, v) in known.take(2)]
    assert_same(plain, [(x, y) for x, y, _ in both])
    labels = np.concatenate([y for _, y, _ in both])
    vectors = np.concatenate([v for _, _, v in both])
    assert sorted(vectors[:, 1]) == list(range(18))  # nine recordings at two speeds
    names = [small.speakers.index(utterance.speaker) for utterance in small]
    expected = [row // 9 * 3 + names[row % 9] for row in vectors[:, 1].astype(int)]
    assert expected == list(labels)


def test_what_stands_in_for_a_damaged_recording_has_nothing_known(small):
    (small.root / "a-1.wav").write_bytes(b"RIFF")
    settings = dataclasses.replace(PLAIN, batch_size=9)
    known = training_dataset(
        small, settings, vectors=lambda rows: np.stack([rows + 1], 1).astype(np.float32)
    )
    ((_, (_, vectors)),) = known.take(1)
    damaged = [utterance.path for utterance in small].index("a-1.wav")
    assert sorted(vectors.numpy()[:, 0]) == sorted({*range(10)} - {damaged + 1})


@pytest.mark.parametrize(
    ("changed", "room", "noisy", "both"),
    [
        ({"augment_probability": 0.6}, 0.3, 0.3, 0.0),
        ({"room_probability": 0.5, "noise_probability": 0.5}, 0.5, 0.5, 0.25),
        ({"augment_probability": 0.4, "noise_probability": 1.0}, 0.2, 1.0, 0.2),
    ],
)
def test_chances_of_rooms_and_noise(changed, room, noisy, both):
    augmenter = _Augmenter(dataclasses.replace(PLAIN, **changed))
    draws = np.random.default_rng(0).uniform(size=(2000, 8)).astype(np.float32)
    chosen = np.array([[bool(x) for x in augmenter._chosen(row)] for row in tf.constant(draws)])
    shares = [chosen[:, 0].mean(), chosen[:, 1].mean(), chosen.all(axis=1).mean()]
    np.testing.assert_allclose(shares, [room, noisy, both], atol=0.04)


def test_another_microphone_changes_the_colour_and_not_the_level():
    waveform = tf.constant(noise(1.0))
    seeds = [tf.constant([0, n]) for n in range(20)]
    gains = []
    for seed in seeds:
        coloured = augment.equalize(waveform, seed, 8.0)
        np.testing.assert_allclose(augment.power(coloured), augment.power(waveform), rtol=1e-4)
        ratio = np.abs(np.fft.rfft(coloured) / np.fft.rfft(waveform))[60:7900]
        gains.append(20 * np.log10(ratio / np.median(ratio)))
    gains = np.array(gains)
    assert np.abs(gains).max() <= 16.1 and np.abs(gains).max() > 8
    assert np.abs(np.diff(gains, axis=1)).max() < 0.4  # smooth
    assert np.abs(gains.mean(axis=0)).max() < 6


def test_an_equalizer_is_drawn_for_its_share_of_crops(small):
    settings = dataclasses.replace(PLAIN, batch_size=9, crop_seconds=0.8)
    plain = drawn(training_dataset(small, settings), 6)
    half = dataclasses.replace(settings, equalizer_probability=0.5)
    coloured = drawn(training_dataset(small, half), 6)
    changed = [np.any(x != y) for (a, _), (b, _) in zip(plain, coloured, strict=True)
               for x, y in zip(a, b, strict=True)]  # fmt: skip
    assert 0.25 < np.mean(changed) < 0.75
