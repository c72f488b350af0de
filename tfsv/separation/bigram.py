"""A bigram language model of transcripts, as a text in ARPA's format."""

import collections
import math
from collections.abc import Iterable, Sequence

BEGIN, END = "<s>", "</s>"
"""Marks of the beginning and the end of a sentence."""

_NEVER = -99.0  # log10 of a probability of 0, as the format has it


def arpa_bigram(sentences: Iterable[Sequence[str]]) -> str:
    """A bigram model with Witten-Bell's discounts.

    After a word with n occurrences and t different followers, a follower that was seen c times has
    c / (n + t). All others share t / (n + t) in proportion to their own probabilities. The unigrams
    are counts, with one more for each word. How paper 4's recogniser has its model is unknown, and
    this one is ours.

    Example:
        >>> print(arpa_bigram([["yes"], ["no"]]).splitlines()[1:3])
        ['ngram 1=4', 'ngram 2=4']

    Args:
        sentences: Words of each sentence.

    Returns:
        The text, with a line for each unigram and each bigram that was seen.
    """
    followers: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for words in sentences:
        for word, after in zip([BEGIN, *words], [*words, END], strict=True):
            followers[word][after] += 1
    words = sorted({word for row in followers.values() for word in row})
    counts = collections.Counter({word: 1 for word in words})
    for row in followers.values():
        counts.update(row)
    total = sum(counts.values())
    alone = {word: counts[word] / total for word in words}
    singles = [f"{_NEVER:.4f}\t{BEGIN}\t{_log(_backoff(followers[BEGIN], alone)):.4f}"]
    singles += [
        f"{_log(alone[word]):.4f}\t{word}"
        + (f"\t{_log(_backoff(followers[word], alone)):.4f}" if word in followers else "")
        for word in words
    ]
    pairs = [
        f"{_log(count / (sum(row.values()) + len(row))):.4f}\t{word} {after}"
        for word, row in sorted(followers.items())
        for after, count in sorted(row.items())
    ]
    return "\n".join(
        [
            "\\data\\", f"ngram 1={len(singles)}", f"ngram 2={len(pairs)}", "",
            "\\1-grams:", *singles, "", "\\2-grams:", *pairs, "", "\\end\\", "",
        ]
    )  # fmt: skip


def _backoff(row: collections.Counter[str], alone: dict[str, float]) -> float:
    """The factor on a word's own probability where it was not seen after another one."""
    seen = len(row) / (sum(row.values()) + len(row))
    rest = 1 - sum(alone[word] for word in row)
    return seen / rest if rest > 0 else 1.0


def _log(probability: float) -> float:
    return math.log10(probability)
