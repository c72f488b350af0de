"""Embeddings of many recordings: with a progress bar, and in shards that survive a kill."""

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tqdm
from absl import logging

from tfsv.audio import soundfiles
from tfsv.audio.channels import OneChannel
from tfsv.audio.suitability import without_numbers
from tfsv.errors import InputError
from tfsv.files import writable_folder, write_array
from tfsv.verification.windows import WINDOW_SECONDS, sounding_windows

if TYPE_CHECKING:
    from tfsv.verification.embedder import Embedder

_VERSION = 2  # of what is stored: windows are weighted with their sound
_SHARD = 256  # utterances a shard: what a kill may cost


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
    """Reads one sound file and embeds it. A warning is logged where the recording does not suit.

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
    embedding, warnings = _embedded(embedder, path, window_seconds)
    for warning in warnings:
        logging.warning("%s: %s", path, warning)
    return embedding


def extract_embeddings(
    embedder: "Embedder",
    paths: Sequence[str | os.PathLike],
    *,
    folder: str | os.PathLike | None = None,
    identity: str = "",
    window_seconds: float = WINDOW_SECONDS,
    progress: bool = True,
) -> np.ndarray:
    """Embeds sound files, in order.

    Where recordings do not suit, a warning for each kind is logged, with their number and the
    first of them. Shards that are there already give no warning.

    Example:
        >>> embeddings = extract_embeddings(tfsv.load("demo"), ["enrol.wav", "test.wav"])
        >>> len(embeddings)
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
        The embeddings, float32 `[files, dimensions]`.

    Raises:
        InputError: A file cannot be read or embedded, the folder cannot be written, or there is no
            path. The message names the file, for an evaluation must not drop trials silently.
    """
    if not paths:
        raise InputError("no recording to embed: the list is empty")
    absent = [path for path in paths if not os.path.exists(path)]
    if absent:
        share = f"{len(absent)} of {len(paths)} recordings missing"
        raise InputError(f"{absent[0]}: cannot be read (No such file or directory; {share})")
    home = None
    if folder is not None:
        if not identity:
            raise InputError(f"{folder}: shards of embeddings need the model's identity")
        home = writable_folder(pathlib.Path(folder) / _key(paths, identity, window_seconds))
    shards, warned = [], []
    with tqdm.tqdm(
        total=len(paths), desc="embedding", unit="utt", disable=None if progress else True
    ) as bar:
        for start in range(0, len(paths), _SHARD):
            part = paths[start : start + _SHARD]
            file = home / f"{start // _SHARD:05d}.npy" if home else None
            shard = _stored(file, len(part)) if file else None
            if shard is None:
                embeddings = []
                for path in part:
                    embedding, warnings = _embedded(embedder, path, window_seconds)
                    embeddings.append(embedding)
                    warned += [(warning, path) for warning in warnings]
                    bar.update()
                shard = np.stack(embeddings).astype(np.float32, copy=False)
                if file:
                    write_array(file, shard)
            else:
                bar.update(len(part))
            shards.append(shard)
    _warn_of(warned, len(paths))
    return np.concatenate(shards)


def _embedded(
    embedder: "Embedder", path: str | os.PathLike, window_seconds: float
) -> tuple[np.ndarray, Sequence[str]]:
    waveform, info = soundfiles.read_with_info(path)
    try:
        return embed_long(embedder, waveform, window_seconds), info.warnings
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
        channel = path.channel if isinstance(path, OneChannel) else None
        path = os.path.abspath(path)
        try:
            state = os.stat(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        digest.update(os.fsencode(path) + f"\0{state.st_size} {state.st_mtime_ns}\n".encode())
        if channel:
            digest.update(f"channel {channel}\n".encode())
    return digest.hexdigest()[:24]


def _stored(file: pathlib.Path, count: int) -> np.ndarray | None:
    """The shard, or None where it is absent or not whole and must be made."""
    try:
        shard = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = shard.ndim == 2 and len(shard) == count and shard.dtype == np.float32
    return shard if whole and np.isfinite(shard).all() else None
