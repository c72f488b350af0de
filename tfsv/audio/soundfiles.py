"""Opening sound files that a stranger hands over, with libsndfile."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.containers import Sound, open_sound
from tfsv.errors import InputError

SHORTEST_SECONDS = 0.025  # one frame of the front end
LONGEST_SECONDS = 600.0  # 38 MB of float32

_BLOCK = 1 << 16  # sample frames decoded at a time
_SILENT_RMS = 1e-4  # -80 dB: three steps of 16 bits; the quietest real speech we saw is at -56 dB
_HIGHEST_PEAK = 16.0  # float files may overshoot 1, but not by an integer's range
_LOWEST_RATE, _HIGHEST_RATE = 4000, 384000
_MPEG_FRAME = 1152  # samples; what an mp3's own header may be wrong by


@dataclass(frozen=True)
class SoundInfo:
    """Facts about a sound file that has been decoded to its end and found fit.

    Example:
        >>> SoundInfo("speech.wav", seconds=2.5, rate=16000, channels=1).seconds
        2.5

    Attributes:
        path: Path that was given.
        seconds: Duration, counted from the decoded samples.
        rate: Sample rate of the file, Hz.
        channels: Number of channels in the file.
    """

    path: str
    seconds: float
    rate: int
    channels: int


def sound_info(
    path: str | os.PathLike,
    *,
    minimum_seconds: float = SHORTEST_SECONDS,
    maximum_seconds: float = LONGEST_SECONDS,
) -> SoundInfo:
    """Decodes the whole file, block by block, and says what is in it.

    Memory does not grow with the file's length.

    Example:
        >>> sound_info("speech.wav")
        SoundInfo(path='speech.wav', seconds=2.5, rate=16000, channels=1)

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …
        minimum_seconds: Shortest duration that is taken. It is never below one frame of 25 ms.
        maximum_seconds: Longest duration that is taken.

    Raises:
        InputError: The file is missing, empty, no audio, truncated, damaged, silent, too short or
            too long. It is also raised for samples that are no finite numbers in about -1 to 1.
    """
    path = os.fspath(path)
    with open_sound(path) as sound:
        count = sum(len(block) for block in _blocks(sound, path, minimum_seconds, maximum_seconds))
        return SoundInfo(path, count / sound.samplerate, sound.samplerate, sound.channels)


def read(
    path: str | os.PathLike,
    *,
    minimum_seconds: float = SHORTEST_SECONDS,
    maximum_seconds: float = LONGEST_SECONDS,
) -> np.ndarray:
    """Reads a whole file as the waveform that the networks take.

    Channels are averaged, and other rates are resampled (`scipy.signal.resample_poly`).

    Example:
        >>> waveform = read("speech.wav")
        >>> waveform.dtype, waveform.shape
        (dtype('float32'), (40000,))

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …
        minimum_seconds: Shortest duration that is taken. It is never below one frame of 25 ms.
        maximum_seconds: Longest duration that is taken. Longer files are refused before they are
            held in memory.

    Returns:
        The waveform at 16 kHz from -1 to 1, float32 `[samples]`.

    Raises:
        InputError: The file is missing, empty, no audio, truncated, damaged, silent, too short or
            too long. It is also raised for samples that are no finite numbers in about -1 to 1.
    """
    path = os.fspath(path)
    with open_sound(path) as sound:
        blocks = list(_blocks(sound, path, minimum_seconds, maximum_seconds))
        rate = sound.samplerate
    waveform = np.concatenate(blocks)
    if rate != SAMPLE_RATE:
        common = math.gcd(rate, SAMPLE_RATE)
        import scipy.signal  # takes most of a second; recordings of 16 kHz do without

        waveform = scipy.signal.resample_poly(waveform, SAMPLE_RATE // common, rate // common)
    return np.clip(waveform, -1.0, 1.0).astype(np.float32, copy=False)


def _blocks(
    sound: Sound,
    path: str,
    minimum_seconds: float,
    maximum_seconds: float,
) -> Iterator[np.ndarray]:
    """Yields the file as mono float32 blocks, and raises as soon as it is known to be unfit."""
    rate, declared = sound.samplerate, sound.frames
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise InputError(f"{path}: {rate} samples a second; expected {_LOWEST_RATE} or more")
    longest = int(maximum_seconds * rate)
    if declared > longest and sound.container.stated:
        raise InputError(_too_long(path, declared / rate, maximum_seconds))
    count, total, squares = 0, 0.0, 0.0
    while True:
        try:
            block = sound.read_block(_BLOCK)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise InputError(
                f"{path}: damaged or truncated after {count / rate:.2f} s; copy it again"
            ) from error
        if len(block) == 0:
            break
        count += len(block)
        if count > longest:
            raise InputError(_too_long(path, max(count, declared) / rate, maximum_seconds))
        peak = np.max(np.abs(block))
        if not np.isfinite(peak):
            raise InputError(f"{path}: holds samples that are NaN or infinite; export it again")
        if peak > _HIGHEST_PEAK:
            raise InputError(
                f"{path}: float samples up to {peak:.0f}, expected -1 to 1; scale it down"
            )
        mono = block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
        total += float(mono.sum(dtype=np.float64))
        squares += float(np.square(mono, dtype=np.float64).sum())
        yield mono
    _require_whole(sound, path, count)
    shortest = max(minimum_seconds, SHORTEST_SECONDS)
    if count < shortest * rate:
        raise InputError(
            f"{path}: too short: {count} samples, {count / rate:.3f} s, "
            f"where at least {shortest:g} s are needed"
        )
    if squares / count - (total / count) ** 2 < _SILENT_RMS**2:
        raise InputError(f"{path}: silent (below {20 * math.log10(_SILENT_RMS):.0f} dB)")


def _too_long(path: str, seconds: float, maximum_seconds: float) -> str:
    return (
        f"{path}: too long: {seconds:.0f} s, at most {maximum_seconds:g} s are taken; "
        "cut it into parts"
    )


def _require_whole(sound: Sound, path: str, count: int) -> None:
    """Raises if fewer frames were decoded than the header states."""
    slack = _MPEG_FRAME if sound.format == "MP3" else 0
    if sound.container.stated and sound.frames - count > slack:
        raise InputError(
            f"{path}: truncated: it ends after {count / sound.samplerate:.2f} s, "
            "before the end that its header promises; copy it again"
        )
