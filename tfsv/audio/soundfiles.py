"""Opening sound files that a stranger hands over, with libsndfile."""

import dataclasses
import os
from collections.abc import Iterator

import numpy as np
import soundfile

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.channels import OneChannel
from tfsv.audio.containers import Sound, open_sound
from tfsv.audio.speeds import speed_of
from tfsv.audio.suitability import Suitability
from tfsv.errors import InputError

SHORTEST_SECONDS = 0.025  # one frame of the front end
LONGEST_SECONDS = 600.0  # 38 MB of float32
MOST_CHANNELS = 64  # of a microphone array; a file may claim 1,024

_BLOCK = 64_000  # sample frames decoded at a time; whole frames of the power meter at 16 kHz
_HIGHEST_PEAK = 16.0  # float files may overshoot 1, but not by an integer's range
_LOWEST_RATE, _HIGHEST_RATE = 4000, 384000
_MPEG_FRAME = 1152  # samples; what an mp3's own header may be wrong by


@dataclasses.dataclass(frozen=True)
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
        warnings: A line for each thing in which the recording does not suit, though it can be read:
            its rate, an empty upper band, channels that differ or cancel, clipping, bytes behind
            the sound that its header states.
    """

    path: str
    seconds: float
    rate: int
    channels: int
    warnings: tuple[str, ...] = ()


def sound_info(
    path: str | os.PathLike,
    *,
    minimum_seconds: float = SHORTEST_SECONDS,
    maximum_seconds: float = LONGEST_SECONDS,
) -> SoundInfo:
    """Decodes the whole file, block by block, and says what is in it.

    Memory hardly grows with the file's length: by less than 0.1 MB a minute.

    Example:
        >>> sound_info("speech.wav")
        SoundInfo(path='speech.wav', seconds=2.5, rate=16000, channels=1, warnings=())

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …
            A `tfsv.audio.channels.OneChannel` is judged by that channel.
        minimum_seconds: Shortest duration that is taken, and as much of it must be sound. It is
            never below one frame of 25 ms.
        maximum_seconds: Longest duration that is taken.

    Raises:
        InputError: The file is missing, empty, no audio, truncated, damaged, silent, too short or
            too long, or lacks the channel. It is also raised for samples that are no finite
            numbers in about -1 to 1, and for more than 64 channels.
    """
    info, _ = _heard(path, minimum_seconds, maximum_seconds, keep=False)
    return info


def read(
    path: str | os.PathLike,
    *,
    minimum_seconds: float = SHORTEST_SECONDS,
    maximum_seconds: float = LONGEST_SECONDS,
) -> np.ndarray:
    """Reads a whole file as the waveform that the networks take.

    It is the waveform of `read_with_info`, without its warnings.

    Example:
        >>> waveform = read("speech.wav")
        >>> waveform.dtype, waveform.shape
        (dtype('float32'), (40000,))

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …
        minimum_seconds: Shortest duration that is taken, and as much of it must be sound. It is
            never below one frame of 25 ms.
        maximum_seconds: Longest duration that is taken. Longer files are refused before they are
            held in memory.

    Returns:
        The waveform at 16 kHz from -1 to 1, float32 `[samples]`.

    Raises:
        InputError: The file is missing, empty, no audio, truncated, damaged, silent, too short or
            too long, or lacks the channel. It is also raised for samples that are no finite
            numbers in about -1 to 1.
    """
    waveform, _ = read_with_info(
        path, minimum_seconds=minimum_seconds, maximum_seconds=maximum_seconds
    )
    return waveform


def read_with_info(
    path: str | os.PathLike,
    *,
    minimum_seconds: float = SHORTEST_SECONDS,
    maximum_seconds: float = LONGEST_SECONDS,
) -> tuple[np.ndarray, SoundInfo]:
    """Reads a whole file as the waveform that the networks take, and says what does not suit.

    Other rates are resampled (`scipy.signal.resample_poly`). A waveform that then exceeds 1 is
    scaled down as a whole, never clipped. Channels are averaged, unless the path is a `OneChannel`.
    Where they cancel each other, the loudest is taken.

    Example:
        >>> waveform, info = read_with_info("call.wav")
        >>> info.warnings
        ("2 channels that differ are mixed; 'channel' takes one",)

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …
            A `tfsv.audio.channels.OneChannel` has that channel taken. A file of one channel has
            that one taken, whatever is chosen. A `tfsv.audio.speeds.AtSpeed` is played at its
            speed; what is said of the file, and the limits of its duration, are of the file itself.
        minimum_seconds: Shortest duration that is taken, and as much of it must be sound. It is
            never below one frame of 25 ms.
        maximum_seconds: Longest duration that is taken. Longer files are refused before they are
            held in memory.

    Returns:
        The waveform at 16 kHz from -1 to 1, float32 `[samples]`, and facts about the file.

    Raises:
        InputError: The file is missing, empty, no audio, truncated, damaged, silent, too short or
            too long, or lacks the channel. It is also raised for samples that are no finite
            numbers in about -1 to 1.
    """
    path, speed = speed_of(path)
    info, blocks = _heard(path, minimum_seconds, maximum_seconds, keep=True)
    waveform = _joined(blocks)
    ratio = SAMPLE_RATE / (info.rate * speed)
    if ratio != 1:
        import scipy.signal  # takes most of a second; recordings of 16 kHz do without

        waveform = scipy.signal.resample_poly(waveform, ratio.numerator, ratio.denominator)
    peak = max(1.0, float(np.max(waveform)), -float(np.min(waveform)))
    if peak > 1.0:
        waveform = waveform / np.float32(peak)
    return waveform.astype(np.float32, copy=False), info


def _heard(
    path: str | os.PathLike, minimum_seconds: float, maximum_seconds: float, *, keep: bool
) -> tuple[SoundInfo, list[np.ndarray]]:
    """Facts about a file that is fit, and what is taken of it, as mono blocks if they are kept."""
    name = os.fspath(path)
    channel = path.channel if isinstance(path, OneChannel) else None
    with open_sound(name) as sound:
        heard = Suitability(name, sound.samplerate, sound.channels, channel)
        count, blocks = 0, []
        for block in _blocks(sound, name, minimum_seconds, maximum_seconds, heard):
            count += len(block)
            if keep:
                blocks.append(block)
        rate = sound.samplerate
        warnings = (*_unread(sound, count), *heard.warnings())
        info = SoundInfo(name, count / rate, rate, sound.channels, warnings)
    if heard.cancelled is None:
        return info, blocks
    taken = OneChannel(name, heard.cancelled)
    again, blocks = _heard(taken, minimum_seconds, maximum_seconds, keep=keep)
    warnings = dict.fromkeys((heard.cancellation(), *again.warnings))
    return dataclasses.replace(info, warnings=tuple(warnings)), blocks


def _joined(blocks: list[np.ndarray]) -> np.ndarray:
    """The blocks as one, which empties the list, so that no sample is held twice."""
    end = sum(map(len, blocks))
    joined = np.empty(end, np.float32)
    while blocks:
        block = blocks.pop()
        joined[end - len(block) : end] = block
        end -= len(block)
    return joined


def _unread(sound: Sound, count: int) -> tuple[str, ...]:
    """A line about bytes that are not read since the header states less sound; perhaps none."""
    if not sound.container.unread:
        return ()
    return (
        f"{sound.container.unread} bytes behind the {count / sound.samplerate:.2f} s that its"
        " header states are not read; the recorder may have failed to complete the header",
    )


def _blocks(
    sound: Sound,
    path: str,
    minimum_seconds: float,
    maximum_seconds: float,
    heard: Suitability,
) -> Iterator[np.ndarray]:
    """Yields what is heard, mono float32, and raises as soon as the file is known to be unfit."""
    rate, declared = sound.samplerate, sound.frames
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise InputError(
            f"{path}: {rate} samples a second; expected {_LOWEST_RATE} to {_HIGHEST_RATE}"
        )
    if sound.channels > MOST_CHANNELS:
        raise InputError(
            f"{path}: {sound.channels} channels; at most {MOST_CHANNELS} are taken, save some of"
            " them as a file of their own"
        )
    longest = int(maximum_seconds * rate)
    if declared > longest and sound.container.stated:
        raise InputError(_too_long(path, declared / rate, maximum_seconds))
    count = 0
    while True:
        try:
            block = sound.read_block(_BLOCK)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise InputError(f"{path}: {_damage(count / rate, _BLOCK / rate)}") from error
        if len(block) == 0:
            break
        count += len(block)
        if count > longest:
            raise InputError(_too_long(path, max(count, declared) / rate, maximum_seconds))
        peak = max(block.max(), -block.min())
        if not np.isfinite(peak):
            raise InputError(f"{path}: holds samples that are NaN or infinite; export it again")
        if peak > _HIGHEST_PEAK:
            raise InputError(
                f"{path}: float samples up to {peak:.0f}, expected -1 to 1; scale it down"
            )
        yield heard.mono(block, peak)
    _require_whole(sound, path, count)
    shortest = max(minimum_seconds, SHORTEST_SECONDS)
    if count < shortest * rate:
        raise InputError(
            f"{path}: too short: {count} samples, {count / rate:.3f} s, "
            f"where at least {shortest:g} s are needed"
        )
    heard.require_sound(shortest)


def _damage(heard: float, block: float) -> str:
    """Where a decoder failed: in the block behind so many seconds that were heard."""
    place = (
        f"between {heard:.2f} and {heard + block:.2f} s" if heard else f"in its first {block:g} s"
    )
    return f"damaged or truncated {place}; copy it again"


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
