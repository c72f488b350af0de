"""Scores that travel: one formula for lists and single trials, carried by files and folders."""

import dataclasses
import json
import math

import numpy as np
import pytest
import tiny_networks
from exported_files import waveform

from tfsv.conversion.convert import convert
from tfsv.errors import InputError
from tfsv.tasks.model_folder import (
    read_folder_cohort,
    save_model,
    write_folder_card,
    write_folder_decision,
)
from tfsv.tasks.opening import open_model
from tfsv.verification.calibration import Calibration, Quality
from tfsv.verification.extraction import Voices
from tfsv.verification.learned_scorer import learned_scorer
from tfsv.verification.metrics import threshold_at_far
from tfsv.verification.scorer import Scorer, as_voice, decision_of
from tfsv.verification.scoring import cosine_scores, voiceprint
from tfsv.verification.tflite_embedder import TFLiteEmbedder
from tfsv.verification.thresholds import thresholds_of
from tfsv.verification.trials import Enrolment, Trials
from tfsv.verification.voices import Sound, Voice, sound_of

CALIBRATION = Calibration(
    -2.0, 1.5, Quality(-0.5, 0.5, 2.0, 6.0), Quality(-0.125, 0.0, 4.0, 12.0),
    Quality(3.0, 0.3, 0.4, 0.5),
)  # fmt: skip
SIZE = tiny_networks.EMBEDDING


def _scorer(top=5, rows=12):
    cohort = np.random.default_rng(5).integers(-127, 128, (rows, SIZE)).astype(np.int8)
    thresholds = {"eer": 0.5, "far_0.01": 2.5}
    return Scorer(cohort, top, CALIBRATION, thresholds)


def _sides(count=6, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, SIZE)).astype(np.float32)
    sounds = [Sound(*pair) for pair in random.uniform([0.2, -40], [9, -10], (count, 2)).tolist()]
    return vectors, sounds


def _by_hand(scorer, enrol, test):
    """The page of the format, step by step."""
    a, b = (
        np.asarray(v.embedding, float) / math.dist(v.embedding, [0] * SIZE) for v in (enrol, test)
    )
    cosine, halves, alike = float(a @ b), [], 0.0
    for side in (a, b):
        rows = scorer.cohort.astype(float)
        cosines = [sum(side * row) / math.sqrt(sum(row * row)) for row in rows]
        cosines = sorted(cosines)[-scorer.top :]
        mean = math.fsum(cosines) / scorer.top
        deviation = math.sqrt(math.fsum((c - mean) ** 2 for c in cosines) / scorer.top)
        halves.append((cosine - mean) / max(deviation, 0.001))
        alike += min(max(mean, 0.3), 0.5) - 0.4
    c = scorer.calibration
    seconds = [
        min(max(v.sound.seconds, c.duration.lowest), c.duration.highest) for v in (enrol, test)
    ]
    duration = sum(math.log(s / c.duration.typical) for s in seconds)
    apart = min(max(abs(enrol.sound.level - test.sound.level), c.level.lowest), c.level.highest)
    level = apart - c.level.typical
    measures = c.duration.weight * duration + c.level.weight * level + 3.0 * alike
    return c.offset + c.score * sum(halves) / 2 + measures


def test_a_score_is_what_the_page_says_and_the_same_for_exchanged_sides():
    scorer = _scorer()
    voices = [Voice(*pair) for pair in zip(*_sides(), strict=True)]
    for enrol, test in [(0, 1), (2, 3), (4, 5)]:
        found = scorer.score(voices[enrol], voices[test])
        assert found == pytest.approx(_by_hand(scorer, voices[enrol], voices[test]), abs=1e-9)
        assert found == pytest.approx(scorer.score(voices[test], voices[enrol]), abs=1e-12)


def test_a_list_scores_as_its_trials_do_one_by_one():
    scorer = _scorer()
    vectors, sounds = _sides()
    voices = [Voice(*pair) for pair in zip(vectors, sounds, strict=True)]
    enrolled = (Enrolment("x", (0, 2)), Enrolment("y", (1,)))
    trials = Trials(
        np.array([1, 0, 1], np.uint8), np.array([6, 7, 3], np.int32),
        np.array([3, 4, 5], np.int32), list("abcdef"), enrolled,
    )  # fmt: skip
    expected = [
        scorer.score([voices[0], voices[2]], voices[3]),
        scorer.score(voices[1], voices[4]),
        scorer.score(voices[3], voices[5]),
    ]
    np.testing.assert_allclose(scorer.trial_scores(vectors, trials, sounds), expected, atol=1e-5)
    unknown = scorer.trial_scores(vectors, trials)
    assert unknown[2] == pytest.approx(scorer.score(vectors[3], vectors[5]), abs=1e-5)


def test_without_a_cohort_and_a_calibration_the_score_is_the_cosine():
    vectors, _ = _sides()
    cosine = cosine_scores(vectors, [0], [1])[0]
    assert Scorer().score(vectors[0], vectors[1]) == pytest.approx(cosine, abs=1e-6)
    several = Scorer().score(vectors[:2], [vectors[2]])
    assert several == pytest.approx(voiceprint(vectors[:2]) @ voiceprint(vectors[2:3]), abs=1e-6)


def test_sides_of_several_recordings():
    vectors, sounds = _sides(2)
    joined = as_voice([Voice(vectors[0], sounds[0]), Voice(vectors[1], sounds[1])])
    assert joined.sound.seconds == pytest.approx(sounds[0].seconds + sounds[1].seconds)
    assert joined.sound.level == pytest.approx((sounds[0].level + sounds[1].level) / 2)
    assert as_voice([Voice(vectors[0], sounds[0]), vectors[1]]).sound is None
    for wrong in ([], np.zeros((2, 2, 2)), "embedding", 3):
        with pytest.raises(InputError, match="a side of a trial is an embedding"):
            as_voice(wrong)


def test_seconds_and_level_are_those_of_the_sound():
    tone = 0.2 * np.sqrt(2) * np.sin(np.arange(32_000) / 8)
    heard = sound_of(np.concatenate([np.zeros(16_000), tone, np.zeros(48_000)]))
    assert heard.seconds == pytest.approx(2.0, abs=0.05)
    assert heard.level == pytest.approx(20 * np.log10(0.2), abs=0.3)
    assert sound_of(tone / 10).level == pytest.approx(heard.level - 20, abs=0.3)
    with pytest.raises(InputError, match="silent"):
        sound_of(np.zeros(8_000))


def test_a_scorer_is_learned_and_its_thresholds_hold_in_each_corpus():
    random = np.random.default_rng(0)
    speakers = random.normal(size=(40, SIZE))
    names = np.repeat(np.arange(40), 8)  # 12,160 pairs of strangers in each corpus
    near = np.where(names < 20, 0.4, 1.2)[
        :, None
    ]  # of speakers of the second corpus, less is heard
    vectors = (speakers[names] + near * random.normal(size=(320, SIZE))).astype(np.float32)
    pairs = [(a, b) for a in range(320) for b in range(a) if (names[a] < 20) == (names[b] < 20)]
    enrol, test = np.array(pairs, np.int32).T
    labels = (names[enrol] == names[test]).astype(np.uint8)
    trials = Trials(labels, enrol, test, [str(n) for n in range(320)])
    corpora = np.where(names[enrol] < 20, "clear", "noisy")
    voices = Voices(vectors, [Sound(2.0, -20.0)] * 320)
    scorer = learned_scorer(Scorer(_scorer().cohort, 5), voices, trials, corpora)
    ratios = scorer.trial_scores(vectors, trials, voices.sounds)
    for corpus in ("clear", "noisy"):
        strangers = ratios[(corpora == corpus) & (labels == 0)]
        for rate in (0.01, 0.001):
            assert np.mean(strangers >= scorer.thresholds[f"far_{rate:g}"]) <= rate
    assert scorer.calibration.duration.weight == scorer.calibration.level.weight == 0


def test_thresholds_without_corpora_are_those_of_the_list():
    random = np.random.default_rng(0)
    labels = np.repeat([1, 0], [100, 3_000])
    scores = random.normal(size=3_100) + 2 * labels
    found = thresholds_of(scores, labels)
    assert found["far_0.01"] == threshold_at_far(scores, labels, 0.01)
    assert found == thresholds_of(scores, labels, np.zeros(3_100))
    few = thresholds_of(scores[:200], labels[:200])
    assert few.keys() == {"eer", "far_0.01"}
    groups = np.where(np.arange(3_100) % 2, "odd", "even")
    stricter = thresholds_of(scores, labels, groups)
    assert stricter["far_0.01"] >= found["far_0.01"]
    for group in ("odd", "even"):
        part = scores[(labels == 0) & (groups == group)]
        assert np.mean(part >= stricter["far_0.01"]) <= 0.01


def test_a_group_of_few_strangers_does_not_set_a_threshold():
    random = np.random.default_rng(1)
    labels = np.repeat([1, 0], [100, 3_000])
    scores = random.normal(size=3_100) + 2 * labels
    scores[-10:] += 100  # one person under two names, say
    groups = np.where(np.arange(3_100) < 2_200, "many", "few")  # 2,100 and 900 strangers
    found = thresholds_of(scores, labels, groups)
    assert found["far_0.01"] < 10
    groups[2_000:] = "few"  # 1,900 and 1,100, of whom ten are one in a hundred
    assert thresholds_of(scores, labels, groups)["far_0.01"] < 10
    scores[-20:-10] += 100
    assert thresholds_of(scores, labels, groups)["far_0.01"] > 10


@pytest.fixture(scope="module")
def conversion():
    network = tiny_networks.time_network()
    return convert(network, {}, tiny_networks.card(), tiny_networks.ends(), "float32", "float32")


def _file(conversion, path, decision, cohort):
    card = dataclasses.replace(conversion.card, decision=decision)
    path.write_bytes(conversion.content(card, cohort))
    return path


def test_a_file_scores_and_decides_by_what_it_carries(conversion, tmp_path):
    scorer = _scorer()
    decision, cohort = decision_of({"far_0.01": 0.75}, scorer)
    model = TFLiteEmbedder(_file(conversion, tmp_path / "a.tflite", decision, cohort))
    one, other = model.voice(waveform(9_000)), model.voice(waveform(12_000, seed=1))
    assert model.score(one, other) == pytest.approx(scorer.score(one, other), abs=1e-12)
    assert one.sound == sound_of(waveform(9_000))
    assert model.threshold(0.01) == 2.5
    assert model.card.thresholds == {"far_0.01": 0.75}  # for readers that only know cosines
    plain = TFLiteEmbedder(
        _file(conversion, tmp_path / "b.tflite", {"thresholds": {"far_0.01": 0.75}}, None)
    )
    assert plain.scorer is None and plain.threshold(0.01) == 0.75
    cosine = plain.score(one.embedding, other.embedding)
    assert cosine == pytest.approx(one.embedding @ other.embedding, abs=1e-6)
    with pytest.raises(InputError, match=r"a\.tflite: its card has no threshold 'far_0.001'"):
        model.threshold(0.001)


def test_a_calibration_needs_no_cohort(conversion, tmp_path):
    scorer = Scorer(None, None, CALIBRATION, {"far_0.01": 1.0})
    decision, cohort = decision_of({}, scorer)
    model = TFLiteEmbedder(_file(conversion, tmp_path / "a.tflite", decision, cohort))
    one = model.voice(waveform(9_000))
    assert model.score(one, one) == pytest.approx(scorer.score(one, one))


def _changed(**changes):
    table = json.loads(json.dumps(_scorer().to_table()))
    for name, value in changes.items():
        where, _, inner = name.partition("__")
        if inner:
            table[where][inner] = value
        elif value is ...:
            del table[where]
        else:
            table[where] = value
    return table


@pytest.mark.parametrize(
    "table, words",
    [
        (3, "must be a table"),
        ([], "must be a table"),
        (_changed(top=...), "'top' is missing"),
        (_changed(offset=...), "'offset' is missing"),
        (_changed(extra=1), "unknown key 'extra'"),
        (_changed(top=1), "'top' of the model card must lie between 2"),
        (_changed(top=13), "'top' of the model card must lie between 2"),
        (_changed(top=None), "'top' of the model card must lie between 2"),
        (_changed(top=True), "'top' of the model card must be a whole number"),
        (_changed(top=10**400), "'top' of the model card must lie between 2"),
        (_changed(cohort=13), "needs a cohort of 13 × 8, it has 12 × 8"),
        (_changed(cohort=-1), "'cohort' of the model card must be a whole number"),
        (_changed(score=0), "'score' of the model card must be more than 0"),
        (_changed(score=-1), "'score' of the model card must be more than 0"),
        (_changed(score="high"), "'score' of the model card must be a finite number"),
        (_changed(offset=10**400), "'offset' of the model card is too large"),
        (_changed(duration=7), "'duration' of the model card must be a table"),
        (_changed(duration__lowest=0), "'lowest' of the model card must be more than 0"),
        (_changed(duration__lowest=3), "'duration' .* lowest, typical and highest in order"),
        (_changed(level__typical=13), "'level' .* lowest, typical and highest in order"),
        (_changed(level__weight=[]), "'weight' of the model card must be a finite number"),
        (_changed(level__more=1), "unknown key 'more'"),
        (_changed(imposter_mean=1), "'imposter_mean' of the model card must be a table"),
        (_changed(imposter_mean__lowest=0.6), "'imposter_mean' .* in order"),
        (_changed(thresholds={"eer": "low"}), "'thresholds' of the model card must be a finite"),
        (_changed(thresholds=None), "'thresholds' of the model card must be a table"),
    ],
)  # fmt: skip
def test_forged_tables_are_refused_with_one_line(conversion, tmp_path, table, words):
    decision = {"thresholds": {}, "scoring": table}
    path = _file(conversion, tmp_path / "forged.tflite", decision, _scorer().cohort)
    with pytest.raises(InputError, match=words) as caught:
        TFLiteEmbedder(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("cohort", [None, np.ones((12, 7), np.int8), np.ones((11, 8), np.int8)])
def test_a_file_whose_cohort_does_not_fit_is_refused(conversion, tmp_path, cohort):
    decision, _ = decision_of({}, _scorer())
    path = _file(conversion, tmp_path / "forged.tflite", decision, cohort)
    found = "none" if cohort is None else f"{len(cohort)} × {cohort.shape[1]}"
    with pytest.raises(InputError, match=f"needs a cohort of 12 × 8, it has {found}; export"):
        TFLiteEmbedder(path)


def test_a_folder_scores_by_what_it_carries(tmp_path):
    card = tiny_networks.card()
    card.network |= {"name": "xvector", "channels": 4, "bins": 16, "embedding_size": SIZE}
    from tfsv.verification.model_card import network_of

    save_model(tmp_path, network_of(card).build(), card)
    assert open_model(tmp_path).scorer is None and read_folder_cohort(tmp_path) is None
    write_folder_decision(tmp_path, *decision_of({"eer": 0.5}, _scorer()))
    scorer = open_model(tmp_path).scorer
    vectors, _ = _sides(2)
    assert scorer.score(*vectors) == pytest.approx(_scorer().score(*vectors))
    (tmp_path / "cohort.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"cohort\.npy: not a cohort \("):
        open_model(tmp_path)
    np.save(tmp_path / "cohort.npy", np.ones((12, 8)))
    with pytest.raises(InputError, match=r"not a cohort \(float64 \[12, 8\] instead of int8"):
        open_model(tmp_path)
    save_model(tmp_path, network_of(card).build(), card)
    assert not (tmp_path / "cohort.npy").exists()
    write_folder_decision(tmp_path, *decision_of({"eer": 0.5}, _scorer()))
    write_folder_decision(tmp_path, *decision_of({"eer": 0.5}, None))
    assert not (tmp_path / "cohort.npy").exists() and open_model(tmp_path).scorer is None
    write_folder_card(tmp_path, dataclasses.replace(card, decision=decision_of({}, _scorer())[0]))
    with pytest.raises(InputError, match="needs a cohort of 12 × 8, it has none"):
        open_model(tmp_path)
