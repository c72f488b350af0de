"""What one side of a trial is: an embedding, and how much of its speaker was heard.

How sure a score is depends on the recordings. Mandasari et al., *Quality measure functions for
calibration of speaker recognition systems*, TASLP 2013, add functions of the durations of both
sides to the calibration. Here the duration is that of sound, as `tfsv.audio.sounding` finds it,
and the level is that of the frames with sound.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.sounding import HOP_SAMPLES, frame_powers, sounding
from tfsv.errors import InputError
from tfsv.verification.embedder import SILENT
from tfsv.verification.scoring import voiceprint


@dataclasses.dataclass(frozen=True)
class Sound:
    """How much sound a recording has, and how loud it is.

    Example:
        >>> sound_of(np.tile([0.1, -0.1], 16000))
        Sound(seconds=1.98, level=-20.0)

    Attributes:
        seconds: Seconds of frames with sound, 10 ms a frame.
        level: Mean power of these frames, dB; 0 is that of samples of -1 and 1.
    """

    seconds: float
    level: float


@dataclasses.dataclass(frozen=True)
class Voice:
    """One side of a trial.

    Example:
        >>> model = tfsv.load("demo")
        >>> model.score(model.voice(enrolled), model.voice(tested))

    Attributes:
        embedding: Embedding, or the voiceprint of several recordings, float32 `[dimensions]`.
        sound: What was heard, of all recordings together. None: it is not known.
    """

    embedding: np.ndarray
    sound: Sound | None = None


def sound_of(waveform: np.ndarray) -> Sound:
    """Measures how much sound a recording has.

    Example:
        >>> sound_of(soundfiles.read("enrol.wav")).seconds
        2.31

    Args:
        waveform: The recording, `[samples]`, 16 kHz, -1 to 1.

    Raises:
        InputError: No frame has sound.
    """
    powers = frame_powers(waveform)
    heard = powers[sounding(powers)]
    if not len(heard):
        raise InputError(SILENT)
    seconds = len(heard) * HOP_SAMPLES / SAMPLE_RATE
    return Sound(float(seconds), float(10 * np.log10(heard.mean())))


def joined_sound(sounds: Sequence[Sound]) -> Sound:
    """The sound of several recordings of one speaker: seconds add up, levels are averaged in dB.

    Example:
        >>> joined_sound([Sound(1.0, -20.0), Sound(2.0, -30.0)])
        Sound(seconds=3.0, level=-25.0)
    """
    return Sound(
        float(sum(sound.seconds for sound in sounds)),
        float(np.mean([sound.level for sound in sounds])),
    )


def joined(voices: Sequence[Voice]) -> Voice:
    """One side from several recordings of a speaker.

    Example:
        >>> enrolled = joined([model.voice(first), model.voice(second)])

    Args:
        voices: The recordings. One of them stays as it is, its embedding normalised.

    Raises:
        InputError: There is none, or an embedding is NaN, infinite or zero.
    """
    embedding = voiceprint([voice.embedding for voice in voices])
    sounds = [voice.sound for voice in voices]
    known = None not in sounds
    return Voice(embedding, joined_sound(sounds) if known else None)
