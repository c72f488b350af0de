"""Splits of a corpus by speaker: training, dev and test."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence

from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError

_DEFAULT = "0.1"  # of the speakers that may be moved


def draw_splits(
    utterances: Sequence[Utterance],
    *,
    dev_speakers: str | None = None,
    test_speakers: str | None = None,
    seed: int = 0,
) -> list[Utterance]:
    """Moves training speakers to dev and test. Speakers without a split count as training ones.

    Speakers are ranked by a hash of seed and name. So the draw depends on nothing else than the set
    of speakers.

    Example:
        >>> rows = draw_splits(rows, dev_speakers="40", test_speakers="0.1")

    Args:
        utterances: Rows of a manifest. Their split is empty where the corpus does not say it.
        dev_speakers: Number of speakers ("40"), or fraction of those that may be moved ("0.1").
            None: a tenth is moved where the corpus has no dev split of its own, else no one.
        test_speakers: Number of speakers ("40"), or fraction of those that may be moved ("0.1").
            None: a tenth is moved where the corpus has no test split of its own, else no one.
        seed: Seed of the draw.

    Returns:
        The rows in the same order, every one with a split.

    Raises:
        InputError: A number cannot be read, or more speakers are wanted than there are.
    """
    own = {utterance.split for utterance in utterances}
    free = {u.speaker for u in utterances if u.split in ("", "train")}
    free -= {u.speaker for u in utterances if u.split not in ("", "train")}
    ranked = sorted(free, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())

    def count(split: str, wanted: str | None) -> int:
        if split in own and wanted is None:
            return 0
        return speaker_count(f"{split}_speakers", wanted, len(ranked))

    test, dev = count("test", test_speakers), count("dev", dev_speakers)
    if test + dev > len(ranked):
        raise InputError(
            f"'dev_speakers', 'test_speakers': {dev} + {test} of {len(ranked)} training speakers"
        )
    moved = dict.fromkeys(ranked[:test], "test") | dict.fromkeys(ranked[test : test + dev], "dev")
    return [
        dataclasses.replace(u, split=moved.get(u.speaker, u.split or "train")) for u in utterances
    ]


def speaker_count(setting: str, wanted: str | None, speakers: int) -> int:
    """The number of speakers that a setting asks for.

    Example:
        >>> speaker_count("dev_speakers", "0.1", 40)
        4

    Args:
        setting: Name of the setting, for messages.
        wanted: Number of speakers ("40") or fraction below 1 ("0.1"). None: a tenth is meant, and
            two if there are enough, since one speaker makes no trial.
        speakers: Number of speakers that there are.

    Raises:
        InputError: `wanted` is neither a number nor a fraction.
    """
    text = _DEFAULT if wanted is None else wanted
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"0?\.\d+", text):
        least = min(2, speakers // 4) if wanted is None else 0
        return max(least, round(float(text) * speakers))
    raise InputError(
        f"'{setting}': expected a number (40) or a fraction below 1 (0.1), received {text!r}"
    )
