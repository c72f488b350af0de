import concurrent.futures
import hashlib

import numpy as np
import pytest
import scipy.signal

from tfsv.audio import voices
from tfsv.audio.soundfiles import read, sound_info
from tfsv.audio.synthesizer import draw_session, draw_voice, speak
from tfsv.errors import InputError
from tfsv.verification.trials import read_trials

SMALL = dict(speakers=8, utterances=4, sessions=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return voices.voices_manifest(**SMALL, cache=tmp_path_factory.mktemp("cache"))


def _digest(root) -> dict[str, str]:
    files = [p for p in sorted(root.rglob("*")) if p.is_file()]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_what_is_in_the_corpus(corpus):
    assert len(corpus) == 32 and len(corpus.speakers) == 8
    sizes = {split: len(corpus.split(split).speakers) for split in corpus.splits}
    assert sizes == {"train": 4, "dev": 2, "test": 2}
    assert {u.extra["sex"] for u in corpus} == {"F", "M"}
    assert {u.extra["corpus"] for u in corpus} == {"voices"}
    for speaker in corpus.speakers:
        sessions = [u.session for u in corpus if u.speaker == speaker]
        assert sorted(sessions) == ["s0", "s0", "s1", "s1"]
    for utterance in corpus:
        info = sound_info(corpus.absolute(utterance))
        assert (info.rate, info.channels) == (16000, 1)
        assert info.seconds == pytest.approx(utterance.seconds, abs=1e-3)
        assert 1.98 <= info.seconds <= 3.0


def test_trial_lists_fit_the_manifest(corpus):
    by_path = {u.path: u for u in corpus}
    for split in ("dev", "test"):
        trials = read_trials(corpus.root / "trials" / f"{split}.txt")
        assert trials.labels.sum() == 12 and len(trials) == 12 + 16
        enrol = [by_path[trials.names[i]] for i in trials.enrol]
        test = [by_path[trials.names[i]] for i in trials.test]
        assert {u.split for u in enrol + test} == {split}
        same = [a.speaker == b.speaker for a, b in zip(enrol, test, strict=True)]
        assert np.array_equal(trials.labels, same)


def test_same_bytes_each_time_and_other_bytes_by_another_seed(corpus, tmp_path):
    again = voices.voices_manifest(**SMALL, cache=tmp_path)
    assert _digest(again.root) == _digest(corpus.root)
    other = voices.voices_manifest(**SMALL, seed=1, cache=tmp_path)
    assert not set(_digest(other.root).values()) & set(_digest(corpus.root).values())
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        again.root.name,
        other.root.name,
    ]


def test_second_use_reads_the_cache(corpus, monkeypatch):
    monkeypatch.setattr(voices, "_generate", None)
    again = voices.voices_manifest(**SMALL, cache=corpus.root.parent)
    assert again.utterances == corpus.utterances


def test_concurrent_first_use(corpus, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(voices.voices_manifest, **SMALL, cache=tmp_path) for _ in range(2)]
        made = [job.result() for job in jobs]
    assert made[0].root == made[1].root
    assert _digest(made[0].root) == _digest(corpus.root)
    assert [p.name for p in tmp_path.iterdir()] == [made[0].root.name]


def test_interrupted_generation_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(voices, "_write_trials", interrupted)
    with pytest.raises(KeyboardInterrupt):
        voices.voices_manifest(**SMALL, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TFSV_CACHE", raising=False)
    assert voices.cache_folder() == tmp_path / "tfsv"
    monkeypatch.setenv("TFSV_CACHE", str(tmp_path / "mine"))
    assert voices.cache_folder() == tmp_path / "mine"


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="not a folder that can be written"):
        voices.voices_manifest(**SMALL, cache=tmp_path / "file" / "cache")


@pytest.mark.parametrize(
    "numbers",
    [
        {"speakers": 5},
        {"utterances": 1},
        {"sessions": 0},
        {"sessions": 5},
        {"seed": -1},
    ],
)
def test_numbers_out_of_range(tmp_path, numbers):
    with pytest.raises(InputError, match="voices: "):
        voices.voices_manifest(**SMALL | numbers, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def _pitch(sound: np.ndarray) -> float:
    """Median over frames of the strongest autocorrelation lag, Hz."""
    low = scipy.signal.sosfilt(scipy.signal.butter(4, 900, fs=16000, output="sos"), sound)
    frames = np.lib.stride_tricks.sliding_window_view(low, 800)[::400]
    frames = frames[np.argsort(np.std(frames, axis=1))[len(frames) // 2 :]]
    power = np.abs(np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2048)) ** 2
    correlation = np.fft.irfft(power)[:, 40:250]
    return float(np.median(16000 / (40 + correlation.argmax(axis=1))))


@pytest.mark.parametrize("sex", ["F", "M"])
def test_voices_have_the_pitch_that_was_drawn(sex):
    ratios = []
    for seed in range(10):
        voice = draw_voice(np.random.default_rng(seed), sex)
        session = draw_session(np.random.default_rng(seed + 100))
        sound = speak(voice, session, 3.0, np.random.default_rng(seed))
        ratios.append(_pitch(sound) / (voice.pitch * session.pitch))
    assert np.median(ratios) == pytest.approx(1, abs=0.15)


def test_speech_like_spectrum(corpus):
    """Most energy below 4 kHz, falling with frequency, and syllables: a level that moves."""
    low, high, moves = [], [], []
    for utterance in corpus:
        _, _, power = scipy.signal.stft(read(corpus.absolute(utterance)), 16000, nperseg=400)
        power = np.abs(power) ** 2
        low.append(power[2:25].sum() / power.sum())  # 80 to 1000 Hz
        high.append(power[100:].sum() / power.sum())  # 4 kHz and above
        level = 10 * np.log10(power.sum(axis=0))
        moves.append(np.percentile(level, 90) - np.percentile(level, 10))
    assert np.median(low) > 0.5
    assert np.median(high) < 0.1
    assert np.median(moves) > 10


def test_sounds_are_within_range(corpus):
    peaks = [np.abs(read(corpus.root / u.path)).max() for u in corpus]
    assert max(peaks) <= 0.951 and min(peaks) > 0.02
