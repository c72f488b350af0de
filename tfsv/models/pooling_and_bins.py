"""Which pooling and how many mel filters a checkpoint is of.

The embedding layer's number of inputs is a product of both. Half the inputs are half the filters,
or one statistic of each feature in place of two. Which one it is, tensors do not tell.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from tfsv.errors import InputError
from tfsv.models.registry import POOLINGS

Choice = tuple[str, int]
"""Name of a pooling, a key of `POOLINGS`, and a number of mel filters."""

STATISTICS = {"tstp": 2, "mean": 1, "tsdp": 1}
"""Number of statistics of each feature, by the pooling. These poolings have no weights."""

_KINDS = {1: "mean or deviation alone", 2: "mean and deviation"}

OTHER_NAMES = {"tap": "mean"}
"""Names that WeSpeaker has for poolings, where they are not ours in capitals."""

_MOST_BINS = (
    128  # more leave some filters of a 25 ms window at 16 kHz without a bin of the spectrum
)


@dataclasses.dataclass(frozen=True)
class Said:
    """What a setting or a file says of a network's pooling and mel filters.

    Example:
        >>> Said("config.yaml says feat_dim: 80", bins=80).allows(("mean", 80))
        True

    Attributes:
        words: Who says it, for messages. Empty: nobody says anything.
        bins: Number of mel filters. None: nothing is said of it.
        pooling: Name of the pooling; "astp" stands for all of its forms. None: nothing is said.
    """

    words: str = ""
    bins: int | None = None
    pooling: str | None = None

    def allows(self, choice: Choice) -> bool:
        """Whether a choice is what was said."""
        pooling, bins = choice
        named = self.pooling in (None, pooling, pooling.partition("_")[0])
        return named and self.bins in (None, bins)


def pooling_named(name: str) -> str:
    """The pooling with this name, in our words or WeSpeaker's.

    Example:
        >>> pooling_named("TAP"), pooling_named("tstp")
        ('mean', 'tstp')

    Raises:
        InputError: There is no such pooling.
    """
    own = OTHER_NAMES.get(name.lower(), name.lower())
    POOLINGS.named(own)
    return own


def agreed(said: Iterable[Said]) -> Said:
    """All that was said, together.

    Example:
        >>> agreed([Said("bins=80", bins=80), Said("config.yaml says TAP", pooling="mean")]).pooling
        'mean'

    Raises:
        InputError: Two contradict each other.
    """
    said = [one for one in said if one.words]
    for one, other in itertools.combinations(said, 2):
        for field in ("bins", "pooling"):
            values = {getattr(x, field) for x in (one, other)} - {None}
            if len(values) > 1:
                raise InputError(f"{one.words}, but {other.words}; correct one of them")
    return Said(
        " and ".join(one.words for one in said),
        next((one.bins for one in said if one.bins is not None), None),
        next((one.pooling for one in said if one.pooling is not None), None),
    )


def choices(rows: int, multiple: int) -> list[Choice]:
    """Poolings and mel filters that give an image of one row for each `multiple` of filters.

    Example:
        >>> choices(10, 8)
        [('tstp', 40), ('mean', 80), ('tsdp', 80)]

    Args:
        rows: Number of the embedding layer's inputs for each channel of the image.
        multiple: Number of mel filters that make one row of the image.
    """
    return [
        (pooling, rows // count * multiple)
        for pooling, count in STATISTICS.items()
        if rows % count == 0
    ]


def only_choice(possible: Sequence[Choice], said: Said) -> Choice:
    """The pooling and mel filters that are meant.

    Example:
        >>> only_choice([("tstp", 40), ("mean", 80), ("tsdp", 80)], Said("bins=40", bins=40))
        ('tstp', 40)

    Args:
        possible: What fits the tensors. More than 128 mel filters do not unless they were said.
        said: What settings and files say.

    Raises:
        InputError: Several are possible, or what was said is not.
    """
    left = [choice for choice in possible if said.allows(choice)]
    if not left:
        raise InputError(f"{said.words}, but its tensors are of {_listed(possible)}")
    if said.bins is None:
        left = [choice for choice in left if choice[1] <= _MOST_BINS] or left
    if len(left) == 1:
        return left[0]
    settings = "'bins' or 'pooling'" if len({bins for _, bins in left}) > 1 else "'pooling'"
    raise InputError(
        f"its tensors are of {_listed(left)}; nothing tells which: give {settings}, or put its"
        " config.yaml beside it"
    )


def _listed(choices: Sequence[Choice]) -> str:
    """The choices in words, by the number of mel filters."""
    by_bins: dict[int, list[str]] = {}
    for pooling, bins in choices:
        by_bins.setdefault(bins, []).append(pooling)
    return ", or of ".join(
        f"{bins} mel filters with {_KINDS.get(STATISTICS.get(names[0]), 'attention')}"
        f" (pooling={' or '.join(names)})"
        for bins, names in by_bins.items()
    )
