"""Embeddings of many recordings: with a progress bar, and in shards that survive a kill."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tqdm
from absl import logging

from tfsv.array_files import read_array
from tfsv.audio import soundfiles
from tfsv.audio.channels import OneChannel
from tfsv.audio.speeds import speed_of
from tfsv.audio.suitability import without_numbers
from tfsv.errors import InputError
from tfsv.files import writable_folder, write_array
from tfsv.verification.voices import Sound, Voice, sound_of
from tfsv.verification.windows import WINDOW_SECONDS, sounding_windows

if TYPE_CHECKING:
    from tfsv.verification.embedder import Embedder

_VERSION = 3  # of what is stored: behind each embedding, seconds of sound and level
_HEARD = 2  # columns behind an embedding
_SPARING = "sparing"  # subfolder of shards with zeros for recordings that cannot be embedded
_SHARD = 256  # utterances a shard: what a kill may cost


@dataclasses.dataclass(frozen=True)
class Voices:
    """Embeddings of recordings, and what was heard in each.

    Example:
        >>> voices = extract_voices(tfsv.load("demo"), ["enrol.wav", "test.wav"])
        >>> voices.embeddings.shape, voices.sounds[0].seconds
        ((2, 128), 2.31)

    Attributes:
        embeddings: Embeddings, float32 `[recordings, dimensions]`.
        sounds: Sound of each recording.
    """

    embeddings: np.ndarray
    sounds: list[Sound]


def embed_long(
    embedder: "Embedder", waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS
) -> np.ndarray:
    """Embeds a waveform of any length.

    Up to `window_seconds` it is embedded whole. A longer one is cut into the smallest number of
    equally long windows that fit, so that no short rest is left. Its embedding is the normalised
    mean of theirs, each weighted with the sound that is in it (`sounding_windows`).

    Example:
        >>> embedding = embed_long(tfsv.load("demo"), soundfiles.read("lecture.wav"))

    Args:
        embedder: The model.
        waveform: The recording, float32 `[samples]`, 16 kHz.
        window_seconds: Longest window, in seconds.

    Returns:
        The embedding, float32 `[dimensions]`, of length 1.

    Raises:
        InputError: The model refuses a window, or the embeddings of the windows cancel.
    """
    parts = sounding_windows(waveform, window_seconds)
    if len(parts) == 1:
        return embedder.embed(parts[0][0])
    mean = sum(weight * embedder.embed(part) for part, weight in parts)
    length = np.linalg.norm(mean)
    if not length:
        raise InputError("the embeddings of the recording's windows cancel; the model is broken")
    return (mean / length).astype(np.float32)


def embed_file(
    embedder: "Embedder",
    path: str | os.PathLike,
    window_seconds: float = WINDOW_SECONDS,
) -> np.ndarray:
    """Reads one sound file and embeds it, as `voice_of_file` does.

    Example:
        >>> model = tfsv.load("demo")
        >>> score = embed_file(model, "enrol.wav") @ embed_file(model, "test.wav")

    Args:
        embedder: The model.
        path: A file that `tfsv.audio.soundfiles.read` takes, at any rate, with any channels, or
            a `tfsv.audio.channels.OneChannel` of it.
        window_seconds: Longest window, in seconds; a longer recording is embedded in windows.

    Returns:
        The embedding, float32 `[dimensions]`, of length 1.

    Raises:
        InputError: The file cannot be read or embedded; the message names it.
    """
    return voice_of_file(embedder, path, window_seconds).embedding


def voice_of_file(
    embedder: "Embedder",
    path: str | os.PathLike,
    window_seconds: float = WINDOW_SECONDS,
) -> Voice:
    """Reads one sound file: its embedding, seconds of sound and level.

    A warning is logged where the recording does not suit.

    Example:
        >>> model = tfsv.load("demo")
        >>> model.score(voice_of_file(model, "enrol.wav"), voice_of_file(model, "test.wav"))

    Args:
        embedder: The model.
        path: A file that `tfsv.audio.soundfiles.read` takes, at any rate, with any channels, or
            a `tfsv.audio.channels.OneChannel` of it.
        window_seconds: Longest window, in seconds; a longer recording is embedded in windows.

    Raises:
        InputError: The file cannot be read or embedded; the message names it.
    """
    voice, warnings = _heard(embedder, path, window_seconds)
    for warning in warnings:
        logging.warning("%s: %s", path, warning)
    return voice


def voice_of_waveform(
    embedder: "Embedder", waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS
) -> Voice:
    """The embedding of a waveform of any length, seconds of sound and level.

    Example:
        >>> voice = voice_of_waveform(tfsv.load("demo"), soundfiles.read("test.wav"))

    Args:
        embedder: The model.
        waveform: The recording, float32 `[samples]`, 16 kHz mono, -1 to 1.
        window_seconds: Longest window, in seconds; a longer waveform is embedded in windows.

    Raises:
        InputError: The model refuses the waveform.
    """
    embedding = embed_long(embedder, waveform, window_seconds)
    return Voice(embedding, sound_of(waveform))


def extract_embeddings(
    embedder: "Embedder", paths: Sequence[str | os.PathLike], **settings: Any
) -> np.ndarray:
    """Embeds sound files, in order, as `extract_voices` does.

    Example:
        >>> embeddings = extract_embeddings(tfsv.load("demo"), ["enrol.wav", "test.wav"])
        >>> len(embeddings)
        2

    Args:
        embedder: The model.
        paths: Sound files, or channels of them (`tfsv.audio.channels.OneChannel`).
        **settings: Further arguments of `extract_voices`.

    Returns:
        The embeddings, float32 `[files, dimensions]`.

    Raises:
        InputError: `extract_voices` refuses a file or a setting.
    """
    return extract_voices(embedder, paths, **settings).embeddings


def extract_voices(
    embedder: "Embedder",
    paths: Sequence[str | os.PathLike],
    *,
    folder: str | os.PathLike | None = None,
    identity: str = "",
    window_seconds: float = WINDOW_SECONDS,
    progress: bool = True,
) -> Voices:
    """Embeds sound files and measures how much is heard in each, in order.

    Where recordings do not suit, a warning for each kind is logged, with their number and the
    first of them. Shards that are there already give no warning.

    Example:
        >>> voices = extract_voices(tfsv.load("demo"), ["enrol.wav", "test.wav"])
        >>> len(voices.embeddings)
        2

    Args:
        embedder: The model.
        paths: Sound files, or channels of them (`tfsv.audio.channels.OneChannel`).
        folder: Folder that keeps the embeddings; None: nothing is kept. Each combination of model,
            window and files (paths, channels, sizes and times of change) has a folder of its own
            there. It holds `00000.npy`, …, 256 utterances each, every one whole or absent. Shards
            that are there already are read instead of computed.
        identity: A text that tells this model from others, e.g. its file's sha256. It is needed
            with `folder`.
        window_seconds: Longest window, in seconds; a longer recording is embedded in windows.
        progress: Whether to show a bar with rate and remaining time (on a terminal).

    Returns:
        Embeddings and sounds of the files.

    Raises:
        InputError: A file cannot be read or embedded, the folder cannot be written, or there is no
            path. The message names the file, for an evaluation must not drop trials silently.
    """
    home = _checked(paths, folder, identity, window_seconds)
    found = np.concatenate(list(_shards(embedder, paths, home, window_seconds, progress)))
    sounds = [Sound(seconds, level) for seconds, level in found[:, -_HEARD:].tolist()]
    return Voices(np.ascontiguousarray(found[:, :-_HEARD]), sounds)


class StoredEmbeddings:
    """Embeddings of many recordings in a folder, of which only those asked for are in memory.

    A recording that cannot be read or embedded is left out, and the log names it. Its embedding is
    zero.

    Example:
        >>> stored = StoredEmbeddings(tfsv.load("demo"), paths, "runs/a/teacher", identity="demo")
        >>> stored(np.array([0, 7])).shape
        (2, 128)

    Attributes:
        size: Number of components of an embedding.

    Args:
        embedder: The model.
        paths: Sound files, or channels of them, perhaps at other speeds (`tfsv.audio.speeds`).
        folder: Folder that keeps the embeddings, as `extract_embeddings` has it. A killed call goes
            on when it is made again.
        identity: A text that tells this model from others, e.g. its file's sha256.
        description: What stands before the progress bar.

    Raises:
        InputError: No recording can be embedded, or the folder cannot be written.
    """

    def __init__(
        self,
        embedder: "Embedder",
        paths: Sequence[str | os.PathLike],
        folder: str | os.PathLike,
        identity: str,
        description: str = "embedding",
    ):
        home = _checked(paths, pathlib.Path(folder, _SPARING), identity, WINDOW_SECONDS)
        sizes = set()
        for shard in _shards(
            embedder, paths, home, WINDOW_SECONDS, True, sparing=True, description=description
        ):
            sizes |= {shard.shape[1] - _HEARD} if shard.shape[1] else set()
        if len(sizes) != 1:
            raise InputError(f"{paths[0]}: neither it nor any other recording can be embedded")
        (self.size,) = sizes
        self._files = [home / f"{n:05d}.npy" for n in range(-(-len(paths) // _SHARD))]
        self._open: dict[int, np.ndarray] = {}

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The embeddings of recordings by their places in `paths`.

        Args:
            rows: Places, int `[rows]`.

        Returns:
            Embeddings of length 1 or 0, float32 `[rows, size]`.
        """
        found = np.zeros((len(rows), self.size), np.float32)
        for place, row in enumerate(rows):
            shard = self._shard(int(row) // _SHARD)
            if shard.shape[1]:  # else no recording of it could be embedded
                found[place] = shard[int(row) % _SHARD, :-_HEARD]
        return found

    def _shard(self, number: int) -> np.ndarray:
        if number not in self._open:
            self._open[number] = np.load(self._files[number], mmap_mode="r", allow_pickle=False)
        return self._open[number]


def _checked(
    paths: Sequence[str | os.PathLike],
    folder: str | os.PathLike | None,
    identity: str,
    window_seconds: float,
) -> pathlib.Path | None:
    """The folder of these recordings' shards; None where nothing is kept."""
    if not paths:
        raise InputError("no recording to embed: the list is empty")
    absent = [path for path in paths if not os.path.exists(path)]
    if absent:
        share = f"{len(absent)} of {len(paths)} recordings missing"
        raise InputError(f"{absent[0]}: cannot be read (No such file or directory; {share})")
    if folder is None:
        return None
    if not identity:
        raise InputError(f"{folder}: shards of embeddings need the model's identity")
    return writable_folder(pathlib.Path(folder) / _key(paths, identity, window_seconds))


def _shards(
    embedder: "Embedder",
    paths: Sequence[str | os.PathLike],
    home: pathlib.Path | None,
    window_seconds: float,
    progress: bool,
    *,
    sparing: bool = False,
    description: str = "embedding",
) -> Iterator[np.ndarray]:
    """Shards, float32 `[utterances, dimensions + 2]`, read or computed and kept.

    Behind an embedding are seconds of sound and level. A shard has no columns if none of its
    recordings can be embedded.

    Args:
        sparing: Whether a recording that cannot be embedded is logged and gets zeros.
    """
    warned = []
    with tqdm.tqdm(
        total=len(paths), desc=description, unit="utt", disable=None if progress else True
    ) as bar:
        for start in range(0, len(paths), _SHARD):
            part = paths[start : start + _SHARD]
            file = home / f"{start // _SHARD:05d}.npy" if home else None
            shard = _stored(file, len(part)) if file else None
            if shard is None:
                rows = []
                for path in part:
                    try:
                        voice, warnings = _heard(embedder, path, window_seconds)
                        row = [*voice.embedding, voice.sound.seconds, voice.sound.level]
                    except InputError as error:
                        if not sparing:
                            raise
                        logging.warning("%s; it is left out", error)
                        row, warnings = [], ()
                    rows.append(np.array(row, np.float32))
                    warned += [(warning, path) for warning in warnings]
                    bar.update()
                blank = np.zeros(max(map(len, rows)), np.float32)
                shard = np.stack([row if len(row) else blank for row in rows])
                if file:
                    write_array(file, shard)
            else:
                bar.update(len(part))
            yield shard
    _warn_of(warned, len(paths))


def _heard(
    embedder: "Embedder", path: str | os.PathLike, window_seconds: float
) -> tuple[Voice, Sequence[str]]:
    waveform, info = soundfiles.read_with_info(path)
    try:
        return voice_of_waveform(embedder, waveform, window_seconds), info.warnings
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _warn_of(warned: Sequence[tuple[str, str | os.PathLike]], count: int) -> None:
    """Logs each kind of warning once, with the number of recordings and the first of them."""
    alike: dict[str, list[tuple[str, str | os.PathLike]]] = {}
    for warning, path in warned:
        alike.setdefault(without_numbers(warning), []).append((warning, path))
    for same in alike.values():
        warning, path = same[0]
        logging.warning("%d of %d recordings, such as %s: %s", len(same), count, path, warning)


def _key(paths: Sequence[str | os.PathLike], identity: str, window_seconds: float) -> str:
    digest = hashlib.sha256(f"{_VERSION}\n{identity}\n{window_seconds}\n".encode())
    for path in paths:
        path, speed = speed_of(path)
        channel = path.channel if isinstance(path, OneChannel) else None
        path = os.path.abspath(path)
        try:
            state = os.stat(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        digest.update(os.fsencode(path) + f"\0{state.st_size} {state.st_mtime_ns}\n".encode())
        if channel:
            digest.update(f"channel {channel}\n".encode())
        if speed != 1:
            digest.update(f"speed {speed}\n".encode())
    return digest.hexdigest()[:24]


def _stored(file: pathlib.Path, count: int) -> np.ndarray | None:
    """The shard, or None where it is absent or not whole and must be made."""
    try:
        shard = read_array(file)
    except (OSError, ValueError, EOFError):
        return None
    whole = shard.ndim == 2 and len(shard) == count and shard.dtype == np.float32
    whole = whole and shard.shape[1] not in (1, _HEARD)
    return shard if whole and np.isfinite(shard).all() else None
