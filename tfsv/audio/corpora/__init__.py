"""Corpora in the layouts in which they are distributed, with a file for each corpus or family.

A new file here is found by itself. It needs a function that is registered in `CORPORA`.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tfsv.audio.manifest import Utterance
from tfsv.registry import Registry

__all__ = ["CORPORA", "CorpusEntries", "Skipped"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A recording that is left out of the manifest.

    Example:
        >>> skipped = Skipped("ann/1.m4a", "libsndfile cannot decode this format; convert it first")

    Attributes:
        path: Path of the recording, relative to the corpus.
        reason: Line that says why the recording is left out, and what to do.
    """

    path: str
    reason: str


CorpusEntries = Iterator[Utterance | Skipped]
"""Entries of a corpus: recordings to take, unopened, and recordings that cannot be taken."""

CORPORA: Registry[Callable[[str | os.PathLike], CorpusEntries]] = Registry(
    "corpus", "tfsv.audio.corpora"
)
"""Readers of corpora by name.

A reader takes the corpus's folder and yields entries in a fixed order. Their paths are relative to
that folder, or absolute. Their seconds are 0, because nothing has been opened yet. Their split is
empty where the corpus does not say it.

Example:
    >>> @CORPORA.register("flat")
    ... def flat(root):
    ...     "One folder of files that are named SPEAKER-NUMBER.wav."
    ...     for path in sorted(pathlib.Path(root).glob("*.wav")):
    ...         speaker, number = path.stem.split("-")
    ...         yield Utterance(path.stem, speaker, number, path.name, 0.0, "")
"""
