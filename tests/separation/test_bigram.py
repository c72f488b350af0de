"""The bigram's probabilities sum to 1 and are those of counts."""

import collections
import itertools

import pytest

from tfsv.separation.bigram import BEGIN, END, arpa_bigram

SENTENCES = [["a", "b"], ["a", "c", "a"], ["b"], ["a", "b", "b"]]


def read(text):
    """Probabilities and back-off factors of singles, and probabilities of pairs."""
    singles, pairs, factors = {}, {}, {}
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) > 1 and " " in cells[1]:
            pairs[tuple(cells[1].split())] = 10 ** float(cells[0])
        elif len(cells) > 1:
            singles[cells[1]] = 10 ** float(cells[0])
            factors[cells[1]] = 10 ** float(cells[2]) if len(cells) > 2 else 1.0
    return singles, pairs, factors


def test_probabilities_after_every_word_sum_to_1():
    singles, pairs, factors = read(arpa_bigram(SENTENCES))
    followers = [word for word in singles if word != BEGIN]
    assert sum(singles[word] for word in followers) == pytest.approx(1, abs=1e-3)
    for word in singles:
        if word != END:
            after = [pairs.get((word, x), factors[word] * singles[x]) for x in followers]
            assert sum(after) == pytest.approx(1, abs=2e-3), word


def test_pairs_are_discounted_as_witten_and_bell_do():
    _, pairs, _ = read(arpa_bigram(SENTENCES))
    counts = collections.Counter()
    for words in SENTENCES:
        counts.update(itertools.pairwise([BEGIN, *words, END]))
    assert set(pairs) == set(counts)
    for (word, after), count in counts.items():
        row = [n for (first, _), n in counts.items() if first == word]
        assert pairs[word, after] == pytest.approx(count / (sum(row) + len(row)), rel=1e-3)


def test_the_head_counts_the_lines():
    text = arpa_bigram(SENTENCES)
    singles, pairs, _ = read(text)
    assert f"ngram 1={len(singles)}\nngram 2={len(pairs)}\n" in text
    assert text.startswith("\\data\\\n") and text.endswith("\\end\\\n")
