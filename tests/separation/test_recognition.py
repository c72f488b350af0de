"""Word errors are counted right, and the recogniser errs as it was measured to."""

import functools
import operator

import numpy as np
import pytest

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.separation.recognition import Recogniser, WordErrors, word_errors
from tfsv.separation.transcripts import read_transcripts, sentences_of


def distance(said, heard):
    """Levenshtein's distance of two sequences."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def test_errors_are_the_least_number_of_changes():
    pytest.importorskip("jiwer", reason="needs the extra separation")
    random = np.random.default_rng(0)
    for _ in range(40):
        said, heard = (list(random.choice(list("ABC"), n)) for n in random.integers(1, 9, 2))
        counts = word_errors(said, heard)
        assert counts.errors == distance(said, heard) and counts.words == len(said)
        assert len(said) - counts.deletions + counts.insertions == len(heard)
    assert word_errors(["A", "B"], []) == WordErrors(2, 0, 2, 0)
    total = WordErrors(2, 0, 2, 0) + WordErrors(3, 1, 0, 2)
    assert total == WordErrors(5, 1, 2, 2) and total.rate == 1.0
    with pytest.raises(InputError, match="the transcript has no words"):
        word_errors([], ["A"])


@pytest.fixture(scope="module")
def recogniser():
    pytest.importorskip("pocketsphinx", reason="needs the extra separation")
    return Recogniser([("YES",), ("NO", "A", "QUIXOTRY"), ("ENTER", "A", "B")])


def test_words_without_a_pronunciation_are_told(recogniser):
    assert recogniser.unknown == ["QUIXOTRY"]
    with pytest.raises(InputError, match="its dictionary has no word of .'QUIXOTRY'"):
        Recogniser([("QUIXOTRY",)])


@pytest.mark.parametrize(
    "waveform, message",
    [
        (np.zeros(1599), "a.wav: has samples .1599,.; expected 0.1 s or more"),
        (np.zeros((2, 1600)), "a.wav: has samples .2, 1600."),
        (np.full(1600, np.inf), "a.wav: has samples that are NaN or infinite"),
    ],
)
def test_what_cannot_be_heard_is_refused(recogniser, waveform, message):
    with pytest.raises(InputError, match=message):
        recogniser.words(waveform, "a.wav")


def test_silence_has_no_words_and_noise_ends_in_time(recogniser):
    assert recogniser.words(np.zeros(16000)) == []
    recogniser.words(10 * np.random.default_rng(0).normal(size=16000))


def test_clean_words_are_mostly_right_in_any_order(real_speech):
    transcripts = read_transcripts(real_speech.root / "an4_text.tsv")
    pytest.importorskip("pocketsphinx", reason="needs the extra separation")
    recogniser = Recogniser(sentences_of(transcripts, "train"))
    assert recogniser.unknown == []
    some = [transcript for transcript in transcripts if transcript.split == "test"][::6]
    sounds = [soundfiles.read(str(real_speech.root / transcript.path)) for transcript in some]
    heard = [recogniser.words(sound) for sound in sounds]
    assert [recogniser.words(sound) for sound in sounds[::-1]] == heard[::-1]
    errors = map(word_errors, (transcript.words for transcript in some), heard)
    assert functools.reduce(operator.add, errors).rate < 0.2


@pytest.mark.parametrize(
    "text, message",
    [
        ("a.ogg\ttrain\tYES\n", "text.tsv:1: expected path, split, speaker, name, text"),
        ("a.ogg\ttrain\ts\tn\tYES\nb.ogg\ttrain\ts\tn\t \n", "text.tsv:2: expected"),
        ("\n", "text.tsv: has no transcripts"),
    ],
)
def test_tables_of_something_else_are_told(tmp_path, text, message):
    path = tmp_path / "text.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_transcripts(path)
    path.write_text("a.ogg\ttrain\ts\tn\tyes no\n")
    (only,) = read_transcripts(path)
    assert only.words == ("YES", "NO") and sentences_of([only], "train") == [only.words]
    with pytest.raises(InputError, match="split=dev: has no transcripts"):
        sentences_of([only], "dev")
