"""From scenes and dry speech to what the microphones hear and what a separator is to give."""

import dataclasses
import functools
import math

import numpy as np
import scipy.fft

from tfsv.audio import SAMPLE_RATE
from tfsv.errors import InputError
from tfsv.separation.microphones import SPEED_OF_SOUND
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.scenes import Scene

EARLY_SECONDS = 0.05
"""How long after the direct sound a reflection still counts as early."""

_NOISE_SAMPLES = 2**21  # of the pool that noise is cut from, so that no mixture waits for it
_DIRECT_TAPS = 40  # on both sides of the direct sound, as many as the simulator's filters have
_SILENCE = 1e-12  # mean square of a talker who cannot be heard


@dataclasses.dataclass(frozen=True)
class Mixture:
    """What is heard and what is wanted.

    Attributes:
        heard: What each microphone hears, float32 `[microphones, samples]`.
        wanted: Target, float32 `[samples]`; zeros where nobody talks at the asked place.
        angle: Angle that is asked for, degrees.
    """

    heard: np.ndarray
    wanted: np.ndarray
    angle: float


def render(
    scene: Scene,
    bank: ResponseBank,
    speech: np.ndarray | None,
    other: np.ndarray | None,
    samples: int,
    wanted: str = "reverberant",
) -> Mixture:
    """Makes a mixture; the same scene and speech make the same samples.

    Each talker's speech fills their span of `Scene.spans` and rings on behind it. The ratio of both
    is that of their images at microphone 1, each over its own span. Noise is white, and that of one
    microphone has nothing to do with another's. A mixture whose peak would exceed 1 is made softer
    as a whole, its target too.

    Example:
        >>> mixture = render(scene, bank, speech, other, samples=32000)
        >>> mixture.heard.shape
        (15, 32000)

    Args:
        scene: What is to be made.
        bank: The rooms.
        speech: Dry speech of the talker who is asked for, float32, as long as their span. None:
            nobody talks there.
        other: Dry speech of the other talker, likewise. None: there is none.
        samples: Length of the mixture.
        wanted: What the target is: "reverberant", the image at microphone 1; "early", what arrives
            within 50 ms after the direct sound; or "dry", what does within 2.5 ms.

    Raises:
        InputError: The speech is silent.
    """
    spans = scene.spans(samples)
    room = bank.rooms[scene.room].room
    images, target = [], None
    for voice, place, span in ((speech, scene.place, spans[0]), (other, scene.other, spans[1])):
        if voice is None:
            continue
        responses = bank.responses(scene.room, place)
        dry = np.zeros(samples, np.float32)
        dry[span] = voice
        spectrum, length = _spectrum(dry, responses.shape[1])
        spectra = scipy.fft.rfft(responses, length) * spectrum
        image = scipy.fft.irfft(spectra[0], length)[:samples]
        power = float(np.mean(np.square(image[span], dtype=np.float64)))
        if power < _SILENCE:
            raise InputError(f"{bank.path}: speech in room {scene.room} is silent")
        gain = power**-0.5 * (1.0 if voice is speech else 10 ** (-scene.sir / 20))
        images.append(np.float32(gain) * spectra)
        if voice is speech:
            target = image
            if wanted != "reverberant":
                way = np.linalg.norm(room.microphones(bank.array)[0] - room.sources[place])
                part = _part(responses[0], float(way), wanted)
                target = scipy.fft.irfft(scipy.fft.rfft(part, length) * spectrum, length)[:samples]
            target = np.float32(gain) * target
    heard = scipy.fft.irfft(sum(images[1:], start=images[0]), length)[:, :samples]
    power = float(np.mean(np.square(heard[0], dtype=np.float64)))
    heard += power**0.5 * 10 ** (-scene.noise_snr / 20) * _noise(scene.noise, heard.shape)
    scale = power**-0.5 * 10 ** (scene.level / 20)
    scale = np.float32(min(scale, 1.0 / np.abs(heard).max()))
    target = np.zeros(samples, np.float32) if target is None else target
    return Mixture(heard * scale, target * scale, room.angles[scene.place])


def _spectrum(dry: np.ndarray, taps: int) -> tuple[np.ndarray, int]:
    length = _fast_length(len(dry) + taps - 1)
    return scipy.fft.rfft(dry, length), length


def _fast_length(least: int) -> int:
    """The next 2^n, 3·2^n or 5·2^n: of scipy's "fast" lengths some take three times as long."""
    return min(odd * 2 ** math.ceil(math.log2(least / odd)) for odd in (1, 3, 5))


def _part(response: np.ndarray, distance: float, wanted: str) -> np.ndarray:
    """The beginning of a response: its direct sound, or what follows within 50 ms too."""
    direct = round(distance / SPEED_OF_SOUND * SAMPLE_RATE)
    late = round(EARLY_SECONDS * SAMPLE_RATE) if wanted == "early" else _DIRECT_TAPS
    part = response.copy()
    part[direct + late :] = 0
    return part


def _noise(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """White noise of variance 1, cut from one pool at a place of its own for each microphone."""
    random, (microphones, samples) = np.random.default_rng(seed), shape
    if samples >= _NOISE_SAMPLES:
        return random.standard_normal(shape, np.float32)
    starts = random.integers(_NOISE_SAMPLES - samples, size=microphones)
    return np.stack([_pool()[start : start + samples] for start in starts])


@functools.cache
def _pool() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(_NOISE_SAMPLES, np.float32)
