"""Where the recordings of a trial list are: beneath a folder, or in a manifest."""

import collections
import os
import pathlib
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from absl import logging

from tfsv.audio.channels import with_channel
from tfsv.audio.corpora.files import sound_files
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.sound_kinds import SUFFIXES, UNREADABLE_SUFFIXES
from tfsv.errors import InputError
from tfsv.text_files import escaped
from tfsv.verification.trials import Trials

_ENDINGS = (*SUFFIXES, *UNREADABLE_SUFFIXES)  # of names in lists
_NAMED = 10  # missing recordings in a message; more are in a file
_Found = TypeVar("_Found")


def recording_paths(
    trials: Trials,
    root: str | os.PathLike | None,
    manifest: Manifest | None,
    channel: int | str | None = None,
) -> list[str | os.PathLike]:
    """Finds the sound file of each of `trials.names`, or tells all that are missing.

    A name is a path below the folder, or an utterance or path of the manifest. If there is no such
    file, but one that differs by its ending only, that is taken: lists say `.wav` where the disk
    has `.flac`. A name without an ending is the one file beneath the folder that is called so. If
    no name with an ending is found, but all are in one folder further down, that folder is taken.
    What was taken is logged in a line.

    Example:
        >>> paths = recording_paths(read_trials("trials/test.txt"), "recordings", None)
        >>> waveforms = [soundfiles.read(path) for path in paths]

    Args:
        trials: The trials.
        root: Folder in which the names are. None: the manifest says where they are.
        manifest: The manifest that has the recordings. With a folder, it says which paths below
            the folder its utterances have, and where recordings are that are not there.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". It is not asked where the manifest says which. None: channels are averaged.

    Returns:
        A path for each of `trials.names`, with its channel where one is chosen.

    Raises:
        InputError: Recordings are missing, or could be several files. The message has the list's
            line and the count; where there are many, it names a file that lists them. It is also
            raised if neither root nor manifest is given, if the manifest has a name with several
            channels, or if no file can have such a channel.
    """
    if manifest is not None:
        _require_one_channel(trials, manifest)
    paths = _found_paths(trials, root, manifest)
    return [with_channel(path, channel) for path in paths]


def _found_paths(
    trials: Trials, root: str | os.PathLike | None, manifest: Manifest | None
) -> list[str | os.PathLike]:
    if root is None and manifest is None:
        if not all(map(os.path.isabs, trials.names)):
            raise InputError("the folder of the recordings is not known; give 'root' or 'manifest'")
        root = os.sep
    if root is None:
        listed = _Search(trials, f"in {manifest.path}", *_in_manifest(manifest)).found()
        return _present(trials, [manifest.recording(utterance) for utterance in listed], manifest)
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder; 'root' names the folder of the recordings")
    known = {} if manifest is None else _known(manifest)

    def exact(name: str) -> str | os.PathLike | None:
        utterance = known.get(name)
        for below in (name,) if utterance is None else (name, utterance.path):
            path = os.path.join(root, below)
            if os.path.isfile(path):
                return path if utterance is None else with_channel(path, utterance.channel)
        return None if utterance is None else manifest.recording(utterance)

    def everything() -> Iterable[tuple[str, str]]:
        for path in sound_files(root):
            if os.path.isfile(place := os.path.join(root, path)):  # and no link to nothing
                yield path, place

    places = f"in {root}" + ("" if manifest is None else f" or {manifest.path}")
    found = _Search(trials, places, exact, _Siblings(root), everything).found()
    return found if manifest is None else _present(trials, found, manifest)


def utterances_of(trials: Trials, manifest: Manifest) -> list[Utterance]:
    """The utterance of each of `trials.names`, found in a manifest as `recording_paths` finds it.

    Example:
        >>> speakers = [u.speaker for u in utterances_of(trials, manifest)]

    Raises:
        InputError: The manifest lacks a name, or has it with several channels.
    """
    _require_one_channel(trials, manifest)
    search = _Search(trials, f"in {manifest.path}", *_in_manifest(manifest), tell=False)
    return search.found()


def listed(
    utterances: Iterable[Utterance], manifest: Manifest, trials: Trials, paths: Sequence[str]
) -> Utterance | None:
    """The first of some utterances that a trial list has, by name or by its recording; or None.

    Example:
        >>> test = read_manifest("manifest.tsv").split("test")
        >>> listed(test, test, trials, recording_paths(trials, "recordings", None))

    Args:
        utterances: Utterances of the manifest.
        manifest: The manifest.
        trials: The trials.
        paths: What `recording_paths` gave for them.
    """
    names, files = set(trials.names), set(map(os.path.abspath, paths))
    for one in utterances:
        if one.path in names or one.utterance in names:
            return one
        if os.path.abspath(manifest.absolute(one)) in files:
            return one
    return None


class _Siblings:
    """Files in the folder in which a name should be, whose names differ by the ending only."""

    def __init__(self, root: str | os.PathLike):
        self._root = root
        self._folders: dict[str, dict[str, list[str]]] = {}

    def __call__(self, name: str) -> list[str]:
        folder, last = os.path.split(_slashed(name))
        if folder not in self._folders:
            self._folders[folder] = _sounds_of(self._on_disk(folder))
        found = self._folders[folder]
        return next((found[stem] for stem in _stems(last) if stem in found), [])

    def _on_disk(self, folder: str) -> str:
        """The folder below the root, or the one whose accents are spelled otherwise."""
        path = os.path.join(self._root, folder)
        if os.path.isdir(path) or os.path.isabs(folder):
            return path
        found = os.fspath(self._root)
        for part in folder.split("/"):
            if not os.path.isdir(os.path.join(found, part)) and os.path.isdir(found):
                alike = [name for name in os.listdir(found) if _composed(name) == _composed(part)]
                part = alike[0] if len(alike) == 1 else part
            found = os.path.join(found, part)
        return found


class _Beneath(Generic[_Found]):
    """Recordings anywhere beneath a folder, by the last parts of their paths without ending."""

    def __init__(self, files: Iterable[tuple[str, _Found]]):
        self._files = collections.defaultdict(list)
        for path, target in files:
            *folders, last = _parts(path)
            self._files[_stems(last)[-1]].append((tuple(folders), target))

    def matches(self, name: str) -> list[tuple[tuple[str, ...], _Found]]:
        """Folders that lie between the top and the name, and what is there."""
        *folders, last = _parts(name)
        depth = len(folders)
        return [
            (home[: len(home) - depth], target)
            for stem in _stems(last)
            for home, target in self._files.get(stem, ())
            if home[len(home) - depth :] == tuple(folders)
        ]


class _Search(Generic[_Found]):
    """One search for all names of a list: exactly, by another ending, and further down."""

    def __init__(
        self,
        trials: Trials,
        places: str,
        exact: Callable[[str], _Found | None],
        siblings: Callable[[str], Sequence[_Found]],
        everything: Callable[[], Iterable[tuple[str, _Found]]],
        *,
        tell: bool = True,
    ):
        self._trials, self._places = trials, places
        self._exact, self._siblings, self._everything = exact, siblings, everything
        self._tell = tell
        self._taken: list[str] = []

    def found(self) -> list[_Found]:
        names = self._trials.names
        places = [self._exact(name) for name in names]
        absent = [i for i, place in enumerate(places) if place is None]
        if not absent:
            return places
        self._take(places, absent, lambda i: self._siblings(names[i]), _difference)
        absent = [i for i in absent if places[i] is None]
        ending = [i for i in absent if _has_ending(names[i])]
        astray = len(ending) == sum(map(_has_ending, names)) and ending
        if astray or len(ending) < len(absent):
            beneath = _Beneath(self._everything())
            bare = [i for i in absent if not _has_ending(names[i])]
            inside = {i: [place for _, place in beneath.matches(names[i])] for i in bare}
            self._take(places, bare, inside.get, lambda *_: "are further down")
            if astray:
                home = self._home(ending, beneath)
                inside = {
                    i: [place for top, place in beneath.matches(names[i]) if top == home]
                    for i in ending
                }
                where = f"are in {os.path.join('', *home or ())}/"
                self._take(places, ending, inside.get, lambda *_: where)
        absent = [i for i, place in enumerate(places) if place is None]
        if absent:
            raise InputError(_missing(self._trials, absent, self._places))
        for line in self._taken if self._tell else ():
            logging.warning("%s: %s", self._trials.source or "trial list", line)
        return places

    def _take(
        self,
        places: list[_Found | None],
        wanted: Sequence[int],
        candidates: Callable[[int], Sequence[_Found] | None],
        what: Callable[[str, _Found], str],
    ) -> None:
        taken: dict[str, list[int]] = {}
        for i in wanted:
            found = candidates(i) or []
            if len(found) > 1:
                several = ", ".join(map(_shown, found[:3]))
                raise InputError(
                    f"{self._trials.first_places()[i]}: {self._trials.names[i]!r} is not"
                    f" {self._places} as it stands, and may be any of {len(found)}: {several};"
                    " write the path out"
                )
            if found:
                places[i] = found[0]
                taken.setdefault(what(self._trials.names[i], found[0]), []).append(i)
        self._taken += [
            f"{len(rows)} of {len(places)} recordings {differ}: for {self._trials.names[rows[-1]]},"
            f" {_shown(places[rows[-1]])} is taken"
            for differ, rows in taken.items()
        ]

    def _home(self, wanted: Sequence[int], beneath: _Beneath) -> tuple[str, ...] | None:
        """The one folder that has most of the names, and more than half of them."""
        counts = collections.Counter(
            home
            for i in wanted
            for home in {home for home, _ in beneath.matches(self._trials.names[i])}
        )
        best = counts.most_common(2)
        if not best or best[0][1] * 2 <= len(wanted):
            return None
        if len(best) > 1 and best[1][1] == best[0][1]:
            first, second = (os.path.join("", *home) for home, _ in best)
            raise InputError(
                f"{self._trials.source or 'trial list'}: its recordings are not {self._places} as"
                f" they stand, but in {first} and in {second}; name one of these folders"
            )
        return best[0][0]


def _in_manifest(manifest: Manifest) -> tuple:
    """How a manifest is searched: exactly, by the path without its ending, all of it."""
    known = _known(manifest)
    files = [(utterance.path, utterance) for utterance in manifest]
    alike: dict[tuple[str, ...], list[Utterance]] = {}

    def siblings(name: str) -> list[Utterance]:
        if not alike:
            for path, utterance in files:
                *folders, last = _parts(path)
                alike.setdefault((*folders, _stems(last)[-1]), []).append(utterance)
        *folders, last = _parts(name)
        keys = [(*folders, stem) for stem in _stems(last)]
        return next((alike[key] for key in keys if key in alike), [])

    return known.get, siblings, lambda: files


def _known(manifest: Manifest) -> dict[str, Utterance]:
    known = {utterance.utterance: utterance for utterance in manifest}
    return known | {utterance.path: utterance for utterance in manifest}


def _require_one_channel(trials: Trials, manifest: Manifest) -> None:
    """Raises if the list has a path that the manifest has with several channels."""
    channels = {utterance.path: utterance.channel for utterance in manifest}
    several = {one.path for one in manifest if one.channel != channels[one.path]}
    name = next((name for name in trials.names if name in several), None)
    if name is not None:
        raise InputError(
            f"{manifest.path}: {name!r} of the trial list has several channels in it; the list"
            " must name its utterances instead of paths"
        )


def _present(trials: Trials, paths: list[str], manifest: Manifest) -> list[str]:
    absent = [i for i, path in enumerate(paths) if not os.path.isfile(path)]
    if absent:
        place = f"where {manifest.path} says: {paths[absent[0]]} does not exist"
        raise InputError(_missing(trials, absent, place))
    return paths


def _missing(trials: Trials, absent: Sequence[int], places: str) -> str:
    """One line about all recordings that are missing."""
    lines = trials.first_places()
    first, *others = order = sorted(absent, key=lambda i: lines[i])
    text = f"{lines[first]}: {trials.names[first]!r} is not {places}"
    share = f"{len(absent)} of {len(trials.names)} recordings missing"
    remedy = "restore what is missing, or name the right folder or manifest"
    if len(order) <= _NAMED:
        also = ", ".join(f"{trials.names[i]!r} (line {lines[i].line})" for i in others)
        return f"{text}{', nor are ' if also else ''}{also} ({share}); {remedy}"
    also = ", ".join(f"{trials.names[i]!r} (line {lines[i].line})" for i in others[:2])
    text += f", nor are {also} and {len(others) - 2} others"
    try:
        handle, file = tempfile.mkstemp(prefix="tfsv-missing-", suffix=".tsv")
        with open(handle, "w", encoding="utf-8") as report:
            report.writelines(f"{lines[i]}\t{escaped(trials.names[i])}\n" for i in order)
    except OSError:  # no room for the list; what matters is told all the same
        return f"{text} ({share}); {remedy}"
    return f"{text} ({share}, all listed in {file}); {remedy}"


def _sounds_of(folder: str) -> dict[str, list[str]]:
    """Sound files of a folder by their names without ending."""
    found: dict[str, list[str]] = {}
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name.lower().endswith(SUFFIXES) and entry.is_file()
            )
    except OSError:
        return found
    for name in names:
        found.setdefault(_stems(name)[-1], []).append(os.path.join(folder, name))
    return found


def _parts(name: str) -> list[str]:
    return [_composed(part) for part in pathlib.PurePosixPath(_slashed(name)).parts]


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


def _stems(last: str) -> list[str]:
    """What a file's name may be without an ending: itself, and without one that sounds have."""
    last = _composed(last)
    return [last, os.path.splitext(last)[0]] if _has_ending(last) else [last]


def _has_ending(name: str) -> bool:
    return name.lower().endswith(_ENDINGS)


def _composed(text: str) -> str:
    """One spelling of accents: macOS writes them as characters of their own."""
    return unicodedata.normalize("NFC", text)


def _difference(name: str, found: object) -> str:
    same = _parts(name)[-1] == _parts(_shown(found))[-1]
    return "are spelled otherwise" if same else "have another ending"


def _shown(found: object) -> str:
    return found.path if isinstance(found, Utterance) else str(found)
