import collections

import pytest

from tfsv.audio.manifest import Utterance
from tfsv.audio.splits import draw_splits, speaker_count
from tfsv.errors import InputError


def rows(splits):
    """Two utterances of each speaker."""
    return [
        Utterance(f"{speaker}-{n}", speaker, "s", f"{speaker}-{n}.wav", 1.0, split)
        for speaker, split in splits.items()
        for n in range(2)
    ]


def counts(utterances):
    """Speakers of each split; a speaker is in one only."""
    split_of = dict({(u.speaker, u.split) for u in utterances})
    assert len(split_of) == len({(u.speaker, u.split) for u in utterances})
    return collections.Counter(split_of.values())


MANY = {f"s{number}": "" for number in range(40)}


def test_a_tenth_is_held_out_where_the_corpus_says_nothing():
    assert counts(draw_splits(rows(MANY))) == {"train": 32, "dev": 4, "test": 4}
    with_test = MANY | {f"t{number}": "test" for number in range(5)}
    assert counts(draw_splits(rows(with_test))) == {"train": 36, "dev": 4, "test": 5}
    assert counts(draw_splits(rows(with_test), test_speakers="2"))["test"] == 7


def test_numbers_and_fractions():
    drawn = draw_splits(rows(MANY), dev_speakers="3", test_speakers="0.5")
    assert counts(drawn) == {"train": 17, "dev": 3, "test": 20}
    assert [u.utterance for u in drawn] == [u.utterance for u in rows(MANY)]
    assert speaker_count("dev_speakers", None, 10) == 2  # one speaker makes no trial
    assert speaker_count("dev_speakers", None, 3) == 0
    assert speaker_count("dev_speakers", ".04", 10) == 0


def test_who_is_drawn_depends_on_the_seed_and_the_names_alone():
    def held_out(utterances, seed):
        drawn = draw_splits(utterances, dev_speakers="0", test_speakers="5", seed=seed)
        return {u.speaker for u in drawn if u.split == "test"}

    first = held_out(rows(MANY), 0)
    assert held_out(rows(MANY)[::-1], 0) == first != held_out(rows(MANY), 1)


def test_more_than_there_are():
    message = "^'dev_speakers', 'test_speakers': 21 . 20 of 40 training speakers"
    with pytest.raises(InputError, match=message):
        draw_splits(rows(MANY), dev_speakers="21", test_speakers="20")
