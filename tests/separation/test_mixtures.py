"""Mixtures against slow references: who is heard when, how loud, and from where."""

import dataclasses

import numpy as np
import pytest
from small_rooms import small_bank, small_corpus

from tfsv.errors import InputError
from tfsv.separation.angle_ranges import range_of
from tfsv.separation.batches import drawn_mixture, mixture_batches
from tfsv.separation.measured_mixtures import measured_mixtures
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.rendering import render
from tfsv.separation.scenes import draw_scene
from tfsv.separation.talkers import Talkers
from tfsv.separation.transcripts import Transcript

pytest.importorskip("pyroomacoustics")

SETTINGS = MixtureSettings(batch_size=3, crop_seconds=1.0)
SAMPLES = 16000


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return small_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def talkers(manifest):
    return Talkers(manifest.split("train"))


def scenes(bank, settings=SETTINGS, count=400):
    return [draw_scene(np.random.default_rng([5, n]), bank, settings) for n in range(count)]


def voices(scene, samples, seed=0):
    random = np.random.default_rng(seed)
    spans = scene.spans(samples)
    return [random.normal(0, 0.1, span.stop - span.start).astype(np.float32) for span in spans]


def test_ranges_are_drawn_evenly_and_angles_lie_in_them(bank):
    drawn = scenes(bank)
    two = [scene for scene in drawn if scene.range_name]
    for number in range(4):
        share = np.mean([scene.angle_range == number for scene in two])
        assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(two))
    for scene in two:
        angles = bank.rooms[scene.room].room.angles
        assert range_of(abs(angles[scene.place] - angles[scene.other])) == scene.angle_range
    for scene in drawn:
        if not scene.spoken:
            angles = bank.rooms[scene.room].room.angles
            assert abs(angles[scene.place] - angles[scene.other]) >= 15
    assert 0.04 < np.mean([scene.other is None for scene in drawn]) < 0.17
    assert 0.01 < np.mean([not scene.spoken for scene in drawn]) < 0.1
    assert {scene.sir for scene in two} == {-6.0, 0.0, 6.0}


def test_spans_overlap_for_the_part_that_was_drawn(bank):
    for scene in scenes(bank, count=50):
        if not scene.range_name:
            continue
        one, other = scene.spans(SAMPLES)
        both = min(one.stop, other.stop) - max(one.start, other.start)
        assert min(one.start, other.start) == 0 and max(one.stop, other.stop) == SAMPLES
        assert both / SAMPLES == pytest.approx(scene.overlap, abs=2 / SAMPLES)


def test_a_mixture_is_the_sum_of_convolutions_and_noise(bank):
    scene = next(s for s in scenes(bank) if s.range_name)
    speech, other = voices(scene, 4000)
    quiet = dataclasses.replace(scene, noise_snr=100.0, level=-30.0)
    mixture = render(quiet, bank, speech, other, 4000)
    spans, images = scene.spans(4000), []
    for voice, span, place in zip((speech, other), spans, (scene.place, scene.other), strict=True):
        dry = np.zeros(4000)
        dry[span] = voice
        responses = bank.responses(scene.room, place).astype(np.float64)
        image = np.stack([np.convolve(dry, response)[:4000] for response in responses])
        images.append(image / np.sqrt(np.mean(image[0, span] ** 2)))
    heard = images[0] + 10 ** (-scene.sir / 20) * images[1]
    scale = 10 ** (-30 / 20) / np.sqrt(np.mean(heard[0] ** 2))
    np.testing.assert_allclose(mixture.heard, scale * heard, atol=2e-5)
    np.testing.assert_allclose(mixture.wanted, scale * images[0][0], atol=2e-6)
    assert mixture.angle == bank.rooms[scene.room].room.angles[scene.place]
    loud = render(dataclasses.replace(scene, noise_snr=0.0, level=-30.0), bank, speech, other, 4000)
    for noise in (loud.heard - mixture.heard)[[0, 14]]:
        assert 20 * np.log10(noise.std()) == pytest.approx(-30, abs=0.3)
    assert np.abs(np.corrcoef(loud.heard - mixture.heard)[0, 1:]).max() < 0.1


def test_early_and_dry_targets_are_the_beginnings_of_the_responses(bank):
    scene = next(s for s in scenes(bank) if s.range_name)
    speech, other = voices(scene, 4000)
    room = bank.rooms[scene.room].room
    response = bank.responses(scene.room, scene.place)[0]
    way = np.linalg.norm(room.microphones(bank.array)[0] - room.sources[scene.place])
    direct = round(way / 343 * 16000)
    assert abs(int(np.abs(response).argmax()) - direct) <= 1
    targets = {w: render(scene, bank, speech, other, 4000, w).wanted
               for w in ("reverberant", "early", "dry")}  # fmt: skip
    power = {w: float(np.mean(np.square(t))) for w, t in targets.items()}
    rest = targets["reverberant"] - targets["early"]
    assert np.mean(np.square(rest)) < power["early"]
    correlation = np.corrcoef(targets["dry"], targets["reverberant"])[0, 1]
    assert 0.3 < correlation < 1


def test_nobody_at_the_asked_angle_is_a_silent_target(bank):
    scene = next(s for s in scenes(bank) if not s.spoken)
    _, other = voices(scene, 4000)
    mixture = render(scene, bank, None, other, 4000)
    assert not mixture.wanted.any() and mixture.heard.any()


def test_a_loud_mixture_is_softer_as_a_whole_and_never_clipped(bank):
    scene = next(s for s in scenes(bank) if s.range_name)
    speech, other = voices(scene, 4000)
    loud = render(dataclasses.replace(scene, level=0.0), bank, speech, other, 4000)
    soft = render(dataclasses.replace(scene, level=-40.0), bank, speech, other, 4000)
    assert np.abs(loud.heard).max() == pytest.approx(1.0)
    factor = loud.heard[0].std() / soft.heard[0].std()
    np.testing.assert_allclose(loud.wanted, factor * soft.wanted, rtol=1e-3, atol=1e-6)


def test_silent_speech_is_one_line(bank):
    scene = next(s for s in scenes(bank) if s.range_name)
    speech, other = voices(scene, 4000)
    with pytest.raises(InputError, match="is silent"):
        render(scene, bank, np.zeros_like(speech), other, 4000)


def test_a_batch_follows_from_its_step_alone(bank, talkers, manifest):
    def batches(first, count):
        stream = mixture_batches(talkers, bank, SETTINGS, first)
        return [[heard, angles, wanted] for (heard, angles), wanted in stream.take(count)]

    whole, resumed = batches(0, 4), batches(2, 2)
    for before, after in zip(whole[2:], resumed, strict=True):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)
    fresh = drawn_mixture((0, 3, 1), Talkers(manifest.split("train")), bank, SETTINGS, SAMPLES)
    np.testing.assert_array_equal(fresh.heard, whole[3][0][1])
    assert not np.array_equal(whole[0][0], whole[1][0])


def test_talkers_are_drawn_by_their_length_and_from_their_corpus(talkers):
    random = np.random.default_rng(0)
    assert talkers.names == ["train0", "train1", "train2"]
    others = {talkers.draw(random, other_than="train0", near=True) for _ in range(40)}
    assert others == {"train2"}  # train1 is of the other corpus
    others = {talkers.draw(random, other_than="train0") for _ in range(40)}
    assert others == {"train1", "train2"}


def test_speech_loses_the_silence_around_it_and_goes_on_with_further_utterances(talkers):
    speech = talkers.speech(talkers.manifest.utterances[0])
    assert speech.dtype == np.int16 and 1.4 * SAMPLES < len(speech) < 1.8 * SAMPLES
    long = talkers.stretch(np.random.default_rng(0), "train0", 10 * SAMPLES)
    assert long.shape == (10 * SAMPLES,) and long.dtype == np.float32


def test_memory_for_speech_is_bounded(manifest, monkeypatch):
    monkeypatch.setattr("tfsv.separation.talkers.KEPT_BYTES", 120_000)
    talkers = Talkers(manifest.split("train"))
    for utterance in talkers.manifest:
        talkers.speech(utterance)
    assert sum(speech.nbytes for speech in talkers._kept.values()) <= 120_000


def test_one_talker_or_an_empty_split_is_one_line(manifest):
    with pytest.raises(InputError, match="two talkers"):
        Talkers(type(manifest)(manifest.path, manifest.utterances[:3]))
    with pytest.raises(InputError, match="no utterance in split"):
        manifest.split("dev")


def test_unreadable_utterances_are_passed_over_and_a_talker_of_none_is_told(tmp_path):
    manifest = small_corpus(tmp_path, ("train", "train"))
    (tmp_path / "train0-1.wav").write_bytes(b"no sound")
    random = np.random.default_rng(0)
    talkers = Talkers(manifest)
    assert all(talkers.stretch(random, "train0", 40000).any() for _ in range(5))
    for take in (0, 2):
        (tmp_path / f"train0-{take}.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"train0-\d.wav"):
        Talkers(manifest).stretch(random, "train0", 40000)


def test_measured_mixtures_hold_whole_utterances_and_are_the_same_for_every_seed(bank, manifest):
    talkers = Talkers(manifest.split("test"))
    said = [Transcript("test3-1.wav", "test", ("ONE", "TWO", "SIX"))]
    made = list(measured_mixtures(talkers, bank, SETTINGS, 5, said))
    again = list(measured_mixtures(talkers, bank, dataclasses.replace(SETTINGS, seed=9), 5, said))
    assert [one.range_name for one in made] == [
        name for name in ("0-15", "15-45", "45-90", "90-180") for _ in range(5)
    ] + ["nobody"]
    for a, b in zip(made, again, strict=True):
        np.testing.assert_array_equal(a.mixture.heard, b.mixture.heard)
    for one in made[:-1]:
        assert one.talker != one.other and one.mixture.wanted.any()
    assert [bool(one.words) for one in made[:5]] == [True, True, False, False, False]
    told = made[0]
    speech = next(u for u in talkers.manifest if u.path == "test3-1.wav")
    assert told.talker == speech.speaker
    sounding = np.abs(told.mixture.wanted) > 1e-3 * np.abs(told.mixture.wanted).max()
    assert sounding.sum() > 0.5 * len(talkers.speech(speech))
    assert not made[-1].mixture.wanted.any()
