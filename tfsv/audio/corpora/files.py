"""Files and folders of a corpus, as all readers of corpora look at them."""

import collections
import os
import pathlib
from collections.abc import Iterator, Mapping

from tfsv.audio.sound_kinds import SUFFIXES, UNREADABLE_SUFFIXES
from tfsv.errors import InputError

SPLITS = ("train", "dev", "test")
"""Folder names that mark the splits of a corpus."""

_SOUND = SUFFIXES + UNREADABLE_SUFFIXES  # the latter too: the report must name them


def require_folder(root: str | os.PathLike) -> None:
    """Refuses a corpus whose folder is not there.

    Example:
        >>> require_folder("LibriSpeech")

    Raises:
        InputError: There is no such folder.
    """
    if not pathlib.Path(root).is_dir():
        raise InputError(f"{root}: no such folder; 'root' names the corpus's folder")


def sound_files(root: str | os.PathLike) -> Iterator[str]:
    """Yields the sound files below a folder, sorted within each folder. Links are followed once.

    Example:
        >>> next(sound_files("recordings"))
        'ann/1.wav'

    Yields:
        Paths relative to `root`.

    Raises:
        InputError: There is no such folder, or no sound file below it.
    """
    require_folder(root)
    seen = set()
    found = False
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if name.lower().endswith(_SOUND) and not name.startswith("."):
                found = True
                yield str(pathlib.PurePath(folder, name).relative_to(root))
    if not found:
        raise InputError(f"{root}: no sound file below it ({' '.join(SUFFIXES[:7])} …)")


def folders_of(path: str) -> tuple[str, ...]:
    """The folders in which a file lies, from the outermost to the innermost.

    Example:
        >>> folders_of("ann/monday/1.wav")
        ('ann', 'monday')
    """
    return pathlib.PurePath(path).parts[:-1]


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Identifiers of recordings, in which those that would be equal are the paths instead.

    `anna/1-2.wav` and `anna-1/2.wav` are two recordings, yet both make `anna-1-2`.

    Example:
        >>> told_apart({"a/1-2.wav": "a-1-2", "a-1/2.wav": "a-1-2", "b/3.wav": "b-3"})
        {'a/1-2.wav': 'a/1-2.wav', 'a-1/2.wav': 'a-1/2.wav', 'b/3.wav': 'b-3'}

    Args:
        names: The identifier that each path would have. It holds no slash, and every path has one.
    """
    counts = collections.Counter(names.values())
    return {path: name if counts[name] == 1 else path for path, name in names.items()}
