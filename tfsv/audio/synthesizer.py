"""A source-filter speech synthesizer: voices that differ as speakers do, and the rooms they are in.

A train of glottal pulses and noise excite a cascade of formant resonators. The pulses are those of
Rosenberg 1971, "Effect of glottal pulse shape on the quality of natural vowels". The cascade is
that of Klatt 1980, "Software for a cascade/parallel formant synthesizer". The pulse and each piece
of noise are grains. Their spectra are multiplied by the vocal tract's at that instant and added up
in time. So all of an utterance is a few batched Fourier transforms. The distributions of speakers
and sessions are our choice: wide enough to be told apart, close enough to be confused.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from tfsv.audio import SAMPLE_RATE

_FRAME = 160  # control tracks have a value every 10 ms
_GRAIN = 512  # samples, 32 ms; longer than a formant rings
_BINS = _GRAIN // 2 + 1
_NOISE_HOP = 256
_FORMANT_BANDWIDTHS = np.array([60, 90, 130, 180, 220, 280, 350], np.float32)  # Hz


@dataclass(frozen=True)
class Phoneme:
    """Targets of a speech sound, for a vocal tract of 17.5 cm.

    Example:
        >>> vowel = Phoneme(formants=(270, 2290, 3010), voicing=1.0)

    Attributes:
        formants: Frequencies of the first three formants, Hz.
        voicing: Amplitude of the glottal pulses, 0 to 1.
        aspiration: Amplitude of noise through the whole tract.
        frication: Amplitude of noise through one resonance at the lips or teeth.
        noise_hz: Frequency of the resonance at the lips or teeth, Hz.
        seconds: Typical duration, seconds.
        nasal: Whether the nose is coupled in.
    """

    formants: tuple[float, float, float]
    voicing: float
    aspiration: float = 0.0
    frication: float = 0.0
    noise_hz: float = 4000.0
    seconds: float = 0.07
    nasal: bool = False


VOWELS = tuple(
    Phoneme(formants, 1.0, seconds=0.11)
    for formants in (
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    )
)
CONSONANTS = (
    Phoneme((280, 1000, 2200), 0.45, nasal=True),  # m
    Phoneme((280, 1700, 2600), 0.45, nasal=True),  # n
    Phoneme((360, 1300, 2700), 0.6),  # l
    Phoneme((300, 700, 2200), 0.6),  # w
    Phoneme((350, 1100, 1500), 0.6),  # r
    Phoneme((280, 2200, 3000), 0.6),  # j
    Phoneme((320, 1700, 2600), 0.0, frication=0.5, noise_hz=6000, seconds=0.1),  # s
    Phoneme((320, 1800, 2500), 0.0, frication=0.5, noise_hz=3200, seconds=0.1),  # sh
    Phoneme((340, 1100, 2100), 0.0, frication=0.15, noise_hz=7000, seconds=0.08),  # f
    Phoneme((320, 1700, 2600), 0.3, frication=0.25, noise_hz=6000),  # z
    Phoneme((500, 1500, 2500), 0.0, aspiration=0.25, seconds=0.06),  # h
)
CLOSURE = Phoneme((400, 1400, 2400), 0.0, seconds=0.05)
BURSTS = (
    Phoneme((350, 1000, 2200), 0.0, 0.1, 0.3, 1200, 0.02),  # p
    Phoneme((350, 1700, 2600), 0.0, 0.1, 0.6, 4500, 0.025),  # t
    Phoneme((350, 1900, 2300), 0.0, 0.1, 0.5, 2200, 0.03),  # k
)
PAUSE = Phoneme((500, 1500, 2500), 0.0, seconds=0.12)
INVENTORY = (*VOWELS, *CONSONANTS, CLOSURE, *BURSTS, PAUSE)


@dataclass(frozen=True)
class Voice:
    """The properties of a speaker, which stay the same over all sessions.

    Example:
        >>> draw_voice(np.random.default_rng(0), "F").sex
        'F'

    Attributes:
        sex: Sex of the speaker, "F" or "M".
        pitch: Mean fundamental frequency, Hz.
        pitch_range: Octaves by which the melody moves.
        jitter: Irregularity of the pulses' times, a fraction of the period.
        shimmer: Irregularity of the pulses' amplitudes, a fraction.
        open_quotient: Share of the period in which the glottis is open.
        tilt: Corner of the glottal low-pass, Hz.
        breathiness: Aspiration noise relative to voicing.
        bandwidth: Factor on all formant bandwidths.
        formants: Formants of every phoneme of `INVENTORY` in this tract, float32 `[phonemes, 7]`,
            Hz.
        nasal: Frequencies of the nose's pole and zero, Hz.
        sinus_zero: Zero of the side cavities above the larynx, Hz.
        noise_scale: Factor on the frequencies of frication.
        rate: Factor on durations.
    """

    sex: str
    pitch: float
    pitch_range: float
    jitter: float
    shimmer: float
    open_quotient: float
    tilt: float
    breathiness: float
    bandwidth: float
    formants: np.ndarray
    nasal: tuple[float, float]
    sinus_zero: float
    noise_scale: float
    rate: float


@dataclass(frozen=True)
class Session:
    """The properties of one occasion: the mood of the speaker, the room, the microphone.

    Example:
        >>> session = draw_session(np.random.default_rng(0))
        >>> 15 <= session.snr <= 35
        True

    Attributes:
        pitch: Factor on the speaker's pitch.
        rate: Factor on durations.
        effort: Factor on the glottal corner frequency.
        breathiness: Factor on the speaker's breathiness.
        response: Impulse response of room and microphone, float32 `[taps]`.
        noise_slope: Exponent with which the amplitude of background noise falls over frequency.
        snr: Signal-to-noise ratio, dB.
        level: Root mean square of the speech, a fraction of full scale.
    """

    pitch: float
    rate: float
    effort: float
    breathiness: float
    response: np.ndarray
    noise_slope: float
    snr: float
    level: float


def draw_voice(rng: np.random.Generator, sex: str) -> Voice:
    """Draws a speaker of the given sex, "F" or "M".

    Example:
        >>> voice = draw_voice(np.random.default_rng(0), "M")
        >>> voice.formants.shape
        (26, 7)
    """
    female = sex == "F"
    # Tract length, relative to 17.5 cm: means 15 and 17 cm, as in adults.
    length = rng.normal(0.86 if female else 0.99, 0.045)
    base = np.array([phoneme.formants for phoneme in INVENTORY])
    high = np.array([3500, 4400, 5500, 6500]) * rng.normal(1, 0.06, 4)
    formants = np.concatenate([base, np.tile(high, (len(base), 1))], axis=1)
    formants *= rng.normal(1, [0.07, 0.06, 0.04, 0.01, 0.01, 0.01, 0.01], formants.shape)
    formants *= rng.normal(1, [0.08, 0.07, 0.05, 0.0, 0.0, 0.0, 0.0]) / length
    return Voice(
        sex=sex,
        pitch=float((205 if female else 118) * 2 ** rng.normal(0, 0.25)),
        pitch_range=float(rng.uniform(0.15, 0.5)),
        jitter=float(rng.uniform(0.003, 0.02)),
        shimmer=float(rng.uniform(0.02, 0.15)),
        open_quotient=float(rng.uniform(0.45, 0.75)),
        tilt=float(2600 * 2 ** rng.normal(0, 0.6)),
        breathiness=float(0.03 * 2 ** rng.normal(0.6 if female else 0, 0.8)),
        bandwidth=float(2 ** rng.normal(0, 0.25)),
        formants=np.clip(formants, 180, 7600).astype(np.float32),
        nasal=(
            float(270 * rng.normal(1, 0.08)),
            float(550 * rng.normal(1, 0.12) / length),
        ),
        sinus_zero=float(rng.normal(4600, 350) / length),
        noise_scale=float(rng.normal(1, 0.08) / length**0.5),
        rate=float(2 ** rng.normal(0, 0.2)),
    )


def draw_session(rng: np.random.Generator) -> Session:
    """Draws an occasion: another day, another room, another microphone.

    Example:
        >>> session = draw_session(np.random.default_rng(0))
    """
    return Session(
        pitch=float(2 ** rng.normal(0, 0.05)),
        rate=float(2 ** rng.normal(0, 0.1)),
        effort=float(2 ** rng.normal(0, 0.2)),
        breathiness=float(2 ** rng.normal(0, 0.3)),
        response=_impulse_response(rng),
        noise_slope=float(rng.uniform(0.4, 1.1)),
        snr=float(rng.uniform(15, 35)),
        level=float(10 ** (rng.uniform(-30, -20) / 20)),
    )


def speak(voice: Voice, session: Session, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Synthesizes a random sequence of syllables.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> speak(draw_voice(rng, "F"), draw_session(rng), 2.0, rng).shape
        (32000,)

    Returns:
        The waveform, float32 `[seconds × 16000]`, 16 kHz, within ±0.95.
    """
    frames = int(seconds * SAMPLE_RATE) // _FRAME
    phonemes = _phoneme_track(frames, voice.rate * session.rate, rng)
    tract = _tract_spectra(voice, phonemes)
    samples = frames * _FRAME
    sound = _voiced(voice, session, phonemes, tract, rng)
    sound += _noises(voice, session, phonemes, tract, rng)
    sound = sound[:samples]
    size = scipy.fft.next_fast_len(samples + len(session.response), real=True)
    spectrum = scipy.fft.rfft(sound, size) * scipy.fft.rfft(session.response, size)
    sound = scipy.fft.irfft(spectrum, size)[:samples]
    sound *= session.level / np.sqrt(np.mean(sound**2) + 1e-12)
    noise = _coloured_noise(samples, session.noise_slope, rng)
    sound += noise * session.level * np.float32(10 ** (-session.snr / 20))
    return (sound * min(1.0, 0.95 / np.max(np.abs(sound)))).astype(np.float32)


def _phoneme_track(frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """A track of random syllables: indices into `INVENTORY`, int `[frames]`."""
    first_consonant, closure = len(VOWELS), len(VOWELS) + len(CONSONANTS)
    pause = len(INVENTORY) - 1
    track = [np.full(int(rng.integers(2, 8)), pause)]
    length = len(track[0])
    while length < frames:
        if rng.random() < 0.07:
            sounds = [pause]
        elif rng.random() < 0.3:
            sounds = [closure, closure + 1 + int(rng.integers(len(BURSTS)))]
        else:
            sounds = [first_consonant + int(rng.integers(len(CONSONANTS)))]
        if sounds[0] != pause:
            sounds.append(int(rng.integers(len(VOWELS))))
            if rng.random() < 0.3:
                sounds.append(first_consonant + int(rng.integers(len(CONSONANTS))))
        for sound in sounds:
            seconds = INVENTORY[sound].seconds * rate * rng.uniform(0.7, 1.5)
            track.append(np.full(max(2, round(seconds * SAMPLE_RATE / _FRAME)), sound))
            length += len(track[-1])
    return np.concatenate(track)[:frames]


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
    """Moves from target to target within `width` frames, along axis 0."""
    kernel = np.hanning(width + 2)[1:-1]
    kernel /= kernel.sum()
    before, after = (width - 1) // 2, width // 2
    padded = np.pad(track, [(before, after)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return (windows @ kernel).astype(np.float32)


def _targets(name: str) -> np.ndarray:
    return np.array([getattr(phoneme, name) for phoneme in INVENTORY], np.float32)


_VOICING, _ASPIRATION, _FRICATION, _NOISE_HZ, _NASAL = (
    _targets(name) for name in ("voicing", "aspiration", "frication", "noise_hz", "nasal")
)


def _resonance(hertz: np.ndarray, bandwidth: np.ndarray) -> np.ndarray:
    """Polynomials `[…, 3]` of second-order sections with gain 1 at 0 Hz, from frequencies `[…]`."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    middle = -2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE)
    section = np.stack([np.ones_like(middle), middle, radius**2 + 0 * middle], axis=-1)
    return section / section.sum(axis=-1, keepdims=True)


def _response(polynomials: np.ndarray) -> np.ndarray:
    """Spectra of polynomials `[…, taps]`, complex64 `[…, 257]`."""
    return scipy.fft.rfft(polynomials, _GRAIN)


def _tract_spectra(voice: Voice, phonemes: np.ndarray) -> np.ndarray:
    """The vocal tract's transfer function, complex64 `[frames, 257]`."""
    formants = _smooth(voice.formants[phonemes], 6).astype(np.float64)
    sections = _resonance(formants, _FORMANT_BANDWIDTHS * np.float32(voice.bandwidth))
    pole, zero = voice.nasal
    nose = _resonance(np.array([pole]), np.array([100.0]))
    sections = [sections[:, i] for i in range(sections.shape[1])] + [nose]
    poles = sections[0]
    for section in sections[1:]:
        product = np.zeros((len(poles), poles.shape[1] + 2))  # float32 would not do for 16 poles
        for i in range(3):
            product[:, i : i + poles.shape[1]] += poles * section[:, i : i + 1]
        poles = product
    # Without the nose its zero lies on its pole and both vanish.
    moving = pole + (zero - pole) * _smooth(_NASAL[phonemes], 4)
    zeros = _response(_resonance(moving, np.float32(100.0)))
    side = _response(_resonance(np.array([voice.sinus_zero]), np.array([400.0])))
    return (zeros * side / _response(poles)).astype(np.complex64)


def _voiced(
    voice: Voice,
    session: Session,
    phonemes: np.ndarray,
    tract: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The part that the vocal folds make, float32 `[samples + grain]`."""
    frames = len(phonemes)
    melody = _smooth(np.repeat(rng.normal(0, 1, frames // 15 + 2), 15)[:frames], 15)
    octaves = voice.pitch_range * (melody + np.linspace(0.3, -0.3, frames))
    pitch = voice.pitch * session.pitch * 2**octaves
    phase = np.concatenate([[0], np.cumsum(pitch * _FRAME / SAMPLE_RATE)])
    onsets = np.interp(np.arange(1, int(phase[-1])), phase, np.arange(frames + 1) * _FRAME)
    frame = np.minimum((onsets / _FRAME).astype(np.int64), frames - 1)
    strength = _smooth(_VOICING[phonemes], 3)[frame]
    audible = strength > 0.01
    onsets, frame, strength = onsets[audible], frame[audible], strength[audible]
    period = SAMPLE_RATE / pitch[frame]
    onsets = np.maximum(onsets + rng.normal(0, voice.jitter, len(onsets)) * period, 0)
    strength = strength * (1 + rng.normal(0, voice.shimmer, len(onsets)))
    start = onsets.astype(np.int64)
    longest = min(_GRAIN // 2, int(voice.open_quotient * period.max()) + 2)
    time = np.arange(longest)[None] - (onsets - start)[:, None]
    pulses = _glottal_pulse(time / period[:, None], voice.open_quotient) * strength[:, None]
    corner = voice.tilt * session.effort
    low_pass = 1 / (1 + 1j * np.arange(_BINS) * SAMPLE_RATE / _GRAIN / corner)
    spectra = scipy.fft.rfft(pulses.astype(np.float32), _GRAIN) * tract[frame]
    grains = scipy.fft.irfft(spectra * low_pass.astype(np.complex64), _GRAIN)
    return _overlap_add(grains, start, frames * _FRAME)


def _glottal_pulse(time: np.ndarray, open_quotient: float) -> np.ndarray:
    """Derivative of Rosenberg's pulse C at times in periods. Opening takes twice the closing."""
    rise, fall = open_quotient * 2 / 3, open_quotient / 3
    opening = 0.5 * np.pi / rise * np.sin(np.pi * time / rise)
    closing = -0.5 * np.pi / fall * np.sin(0.5 * np.pi * (time - rise) / fall)
    pulse = np.where(time < rise, opening, np.where(time < rise + fall, closing, 0.0))
    return np.where(time < 0, 0.0, pulse)


def _noises(
    voice: Voice,
    session: Session,
    phonemes: np.ndarray,
    tract: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Breath, aspiration and frication, float32 `[samples + grain]`."""
    frames = len(phonemes)
    start = np.arange(0, frames * _FRAME, _NOISE_HOP)
    frame = start // _FRAME
    breath = voice.breathiness * session.breathiness * _smooth(_VOICING[phonemes], 3)[frame]
    aspiration = breath + 0.5 * _smooth(_ASPIRATION[phonemes], 3)[frame]
    frication = 1.2 * _smooth(_FRICATION[phonemes], 3)[frame]
    centre = np.clip(_smooth(_NOISE_HZ[phonemes], 3)[frame] * voice.noise_scale, 300, 7500)
    poles = _response(_resonance(centre, 0.25 * centre + 300))
    shape = 1 / np.abs(poles)
    shape /= shape.max(axis=1, keepdims=True)
    rising = np.arange(_BINS, dtype=np.float32) / _BINS  # turbulence and lips: little bass
    filters = aspiration[:, None] * tract[frame] * (0.3 + rising)
    filters += frication[:, None] * shape * np.minimum(1, 3 * rising)
    random = rng.standard_normal((2, len(start), _BINS), dtype=np.float32)
    spectra = filters * (random[0] + 1j * random[1])
    grains = scipy.fft.irfft(spectra.astype(np.complex64), _GRAIN) * np.float32((_GRAIN / 2) ** 0.5)
    grains *= np.hanning(_GRAIN).astype(np.float32)
    return _overlap_add(grains, np.maximum(start - _GRAIN // 2, 0), frames * _FRAME)


def _overlap_add(grains: np.ndarray, start: np.ndarray, samples: int) -> np.ndarray:
    sound = np.zeros(samples + 2 * _GRAIN, np.float32)
    for grain, i in zip(grains, start.tolist(), strict=True):
        sound[i : i + _GRAIN] += grain
    return sound


def _impulse_response(rng: np.random.Generator) -> np.ndarray:
    """A direct path, decaying diffuse reverberation, and a microphone with tilt and band."""
    seconds = rng.uniform(0.1, 0.4)  # until -60 dB
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    diffuse = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    diffuse[: int(rng.uniform(0.001, 0.008) * SAMPLE_RATE)] = 0
    diffuse *= 10 ** (-rng.uniform(5, 15) / 20) / np.sqrt(np.sum(diffuse**2))
    diffuse[0] += 1
    size = scipy.fft.next_fast_len(len(time) + 1024, real=True)
    hertz = np.arange(size // 2 + 1) * SAMPLE_RATE / size
    octaves = np.log2(np.maximum(hertz, 50) / 1000)
    low, high = rng.uniform(40, 250), rng.uniform(4500, 9000)
    gain = 10 ** (rng.normal(0, 1.5) * octaves / 20)
    gain = gain / (1 + 1j * low / np.maximum(hertz, 1)) / (1 + (hertz / high) ** 8) ** 0.5
    response = scipy.fft.irfft(scipy.fft.rfft(diffuse, size) * gain, size)
    return response[: len(time) + 512].astype(np.float32)


def _coloured_noise(samples: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of root mean square 1, float32 `[samples]`."""
    size = scipy.fft.next_fast_len(samples, real=True)
    bins = size // 2 + 1
    random = rng.standard_normal((2, bins), dtype=np.float32)
    hertz = np.maximum(np.arange(bins, dtype=np.float32) * SAMPLE_RATE / size, 60)
    spectrum = (random[0] + 1j * random[1]) * hertz ** np.float32(-slope)
    noise = scipy.fft.irfft(spectrum, size)[:samples]
    return noise / np.sqrt(np.mean(noise**2))
