"""Word errors: a fixed recogniser hears a sound, and its words are compared with the transcript."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterable, Sequence

import numpy as np

from tfsv.errors import InputError
from tfsv.separation.bigram import arpa_bigram
from tfsv.separation.optional import optional

_LEAST_SAMPLES = 1600  # 0.1 s; of less the recogniser makes no frame it could hear a word in
_ONLY = {"A": "EY"}
"""Pronunciations of words that have several. AN4 spells names, so its A is always the letter."""


@dataclasses.dataclass(frozen=True)
class WordErrors:
    """Counts of one utterance, or of many together.

    Example:
        >>> WordErrors(words=10, substitutions=1, deletions=1, insertions=0).rate
        0.2

    Attributes:
        words: Words of the transcript.
        substitutions: Words that were taken for others.
        deletions: Words that were not heard.
        insertions: Words that were not said.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """Errors of all three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Word error rate, a fraction, which insertions can take above 1."""
        return self.errors / self.words

    def __add__(self, other: "WordErrors") -> "WordErrors":
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return WordErrors(*(a + b for a, b in pairs))


def word_errors(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The fewest errors that make one sequence of words of another.

    Example:
        >>> word_errors(["RUBOUT", "A", "B"], ["RUBOUT", "B", "B", "B"])
        WordErrors(words=3, substitutions=1, deletions=0, insertions=1)

    Args:
        said: Words of the transcript, at least one.
        heard: Words that were recognised.

    Raises:
        InputError: The package jiwer is not installed, or the transcript has no words.
    """
    if not said:
        raise InputError("word errors: the transcript has no words")
    counts = optional("jiwer", "word errors").process_words(" ".join(said), " ".join(heard))
    return WordErrors(len(said), counts.substitutions, counts.deletions, counts.insertions)


class Recogniser:
    """Pocketsphinx with its English acoustic model and a bigram of given sentences.

    Pronunciations are those of its dictionary, for the words of the sentences alone. Every
    utterance is heard anew: no mean is kept from the one before, so the order does not matter.
    With the bigram of AN4's training transcripts it errs in 15 % of the clean words of the others.

    Example:
        >>> recogniser = Recogniser(sentences_of(read_transcripts("an4_text.tsv"), "train"))
        >>> recogniser.words(waveform)
        ['RUBOUT', 'G', 'M']

    Args:
        sentences: Words of each sentence, in capitals. Sentences with a word that the dictionary
            has not are left out.

    Attributes:
        unknown: Words that the dictionary has not, in order.

    Raises:
        InputError: The package pocketsphinx is not installed, or the dictionary has no word of a
            whole sentence.
    """

    def __init__(self, sentences: Iterable[Sequence[str]]):
        package = optional("pocketsphinx", "word errors")
        models = pathlib.Path(package.get_model_path("en-us"))
        sentences = [tuple(words) for words in sentences]
        spoken = _pronunciations(
            models / "cmudict-en-us.dict", {word for words in sentences for word in words}
        )
        self.unknown = sorted({word for words in sentences for word in words} - set(spoken))
        kept = [words for words in sentences if all(word in spoken for word in words)]
        if not kept:
            raise InputError(f"recogniser: its dictionary has no word of {self.unknown[:5]}")
        with tempfile.TemporaryDirectory(prefix="tfsv-") as folder:
            dictionary, model = pathlib.Path(folder, "words.dict"), pathlib.Path(folder, "words.lm")
            dictionary.write_text(_dictionary(spoken), encoding="utf-8")
            model.write_text(arpa_bigram(kept), encoding="utf-8")
            self._decoder = package.Decoder(
                hmm=str(models / "en-us"), dict=str(dictionary), lm=str(model),
                cmn="batch", loglevel="FATAL",
            )  # fmt: skip

    def words(self, waveform: np.ndarray, name: str = "waveform") -> list[str]:
        """The words of an utterance, in capitals.

        Args:
            waveform: Waveform, float `[samples]`, 16 kHz. Peaks above full scale are clipped.
            name: Name of the waveform, for error messages.

        Raises:
            InputError: The waveform is no such array, has a sample that is not finite, or is
                shorter than 0.1 s.
        """
        samples = np.asarray(waveform, np.float64)
        if samples.ndim != 1 or samples.size < _LEAST_SAMPLES:
            raise InputError(f"{name}: has samples {samples.shape}; expected 0.1 s or more")
        if not np.isfinite(samples).all():
            raise InputError(f"{name}: has samples that are NaN or infinite")
        integers = np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2")
        if not integers.any():
            return []  # in which the recogniser would hear a word
        self._decoder.reinit_feat()  # forgets what it took for noise in the utterance before
        self._decoder.start_utt()
        self._decoder.process_raw(integers.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr.upper().split() if found else []


def _pronunciations(dictionary: pathlib.Path, words: set[str]) -> dict[str, list[str]]:
    """The pronunciations of words, by word in capitals."""
    found: dict[str, list[str]] = {}
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        name, _, phones = line.partition(" ")
        word = name.partition("(")[0].upper()
        if word in words and _ONLY.get(word, phones) == phones:
            found.setdefault(word, []).append(phones)
    return found


def _dictionary(spoken: dict[str, list[str]]) -> str:
    lines = [
        f"{word if number == 1 else f'{word}({number})'} {phones}"
        for word, all_of_it in sorted(spoken.items())
        for number, phones in enumerate(all_of_it, start=1)
    ]
    return "\n".join(lines) + "\n"
