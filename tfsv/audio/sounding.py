"""Which frames of a waveform hold sound, and which are silence.

Digital zeros and the hiss of an open microphone carry no speaker. In log-mel features they lie so
far below speech that mean normalisation is about them alone, and then strangers score alike. The
papers work on corpora without such stretches and say nothing of them; the detector is our choice.

It is relative, so that the level of a recording decides nothing. The recording's level is
(Σ√a / Σ ⁴√a)⁴ over the powers a of its frames, from which neither zeros nor clicks draw it far.
A frame is active if it lies at most 45 dB below that level. Less than `RUN` active frames in a row
are a click. What remains is widened by `HANGOVER` frames on both sides for soft endings of words,
but not to frames 60 dB below the level.

`tfsv.sounding` is the same for tensors, inside the exported graph.
"""

import numpy as np

from tfsv.audio import SAMPLE_RATE

FRAME_SAMPLES = 400
"""Samples of a frame, 25 ms."""

HOP_SAMPLES = 160
"""Samples from the start of a frame to that of the next one, 10 ms."""

MOST_BINS = 512
"""Most mel filters of a frame; its spectrum has 201 or 257 lines."""

SILENCE_DB = 45.0
"""Decibels below the recording's level from which on a frame is not active."""

NOTHING_DB = 15.0
"""Decibels below the quietest active frame from which on the hangover keeps no frame."""

RUN = 5
"""Active frames in a row, below which they are a click: 65 ms of sound."""

HANGOVER = 10
"""Frames kept before and behind active ones, 100 ms."""

_BLOCK = 80  # gcd of frame and hop
_BLOCKS_A_SECOND = SAMPLE_RATE // _BLOCK
_OFFSET = 1e-4  # share of the variance below which float32 is too coarse


def sounding_frames(waveform: np.ndarray, silence_db: float = SILENCE_DB) -> np.ndarray:
    """Says of each frame whether it holds sound.

    Example:
        >>> waveform = np.concatenate([np.zeros(16000), voice])
        >>> sounding_frames(waveform)[:90].any()
        False

    Args:
        waveform: The waveform, `[samples]`, 16 kHz, of any level.
        silence_db: Decibels below the level from which on a frame is not active.

    Returns:
        True for frames with sound, bool `[1 + (samples - 400) // 160]`; empty for less than 400
        samples.
    """
    return sounding(frame_powers(waveform), silence_db)


def frame_powers(waveform: np.ndarray) -> np.ndarray:
    """The variance of the samples of each frame, `[frames]`.

    Example:
        >>> frame_powers(np.tile([0.1, -0.1], 8000)).round(3)[:2]
        array([0.01, 0.01])

    Args:
        waveform: The waveform, `[samples]`, 16 kHz.
    """
    meter = PowerMeter(SAMPLE_RATE)
    meter.hear(waveform)
    return meter.powers()


class PowerMeter:
    """Frame powers of a sound that comes block by block, at any rate.

    Example:
        >>> meter = PowerMeter(rate=8000)
        >>> for block in blocks:
        ...     meter.hear(block)
        >>> share = sounding(meter.powers()).mean()

    Args:
        rate: Samples a second, at least 4000.
    """

    def __init__(self, rate: int):
        self._block = int(rate / _BLOCKS_A_SECOND)
        self._rest = np.zeros(0, np.float32)
        self._sums = np.zeros((2, 0))  # of samples and their squares, of blocks of coming frames
        self._powers: list[np.ndarray] = []
        self._zeros = True

    def hear(self, samples: np.ndarray) -> None:
        """Takes the next samples, float `[samples]`, of any number."""
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._block * self._block
        self._rest = samples[whole:].copy()
        blocks = samples[:whole].reshape(-1, self._block)
        sums, squares = np.einsum("ij->i", blocks), np.einsum("ij,ij->i", blocks, blocks)
        if (self._block * squares - sums**2 < _OFFSET * self._block * squares).any():
            blocks = blocks.astype(np.float64)
            sums, squares = np.einsum("ij->i", blocks), np.einsum("ij,ij->i", blocks, blocks)
        self._zeros = self._zeros and not squares.any()
        self._add_frames(np.concatenate([self._sums, [sums, squares]], axis=1))

    def _add_frames(self, blocks: np.ndarray) -> None:
        width, step = FRAME_SAMPLES // _BLOCK, HOP_SAMPLES // _BLOCK
        count = max(0, (blocks.shape[1] - width) // step + 1)
        last = (count - 1) * step + 1
        if count:
            frames = sum(blocks[:, i : i + last : step] for i in range(width))
            mean, square = frames / (width * self._block)
            self._powers.append(np.maximum(square - mean**2, 0.0))
        self._sums = blocks[:, count * step :].copy()

    @property
    def hears_zeros(self) -> bool:
        """Whether all samples so far are zero."""
        return self._zeros and not self._rest.any()

    def powers(self) -> np.ndarray:
        """The variance of the samples of each frame so far, `[frames]`."""
        return np.concatenate([np.zeros(0), *self._powers])


def sounding(powers: np.ndarray, silence_db: float = SILENCE_DB) -> np.ndarray:
    """Says of each frame whether it holds sound, given the frames' powers.

    Example:
        >>> sounding(np.array([0.0] * 10 + [0.01] * 90)).sum()
        90

    Args:
        powers: Power of each frame, `[frames]`, of any scale.
        silence_db: Decibels below the level from which on a frame is not active.

    Returns:
        True for frames with sound, bool `[frames]`.
    """
    roots = np.sqrt(np.sqrt(powers))
    if not roots.any():
        return np.zeros(len(powers), bool)
    level = np.square(roots).sum() / roots.sum()
    active = roots > level * 10 ** (-silence_db / 40)
    if active.all():
        return active
    runs = ~_widened(~active, RUN // 2)
    near = _widened(runs, RUN // 2 + HANGOVER)
    return near & (roots > level * 10 ** (-(silence_db + NOTHING_DB) / 40))


def _widened(mask: np.ndarray, frames: int) -> np.ndarray:
    """Whether so near a frame, on either side, one of the mask is set."""
    count = np.concatenate([[0], np.cumsum(mask)])
    places = np.arange(len(mask))
    last = np.minimum(places + frames + 1, len(mask))
    return count[last] > count[np.maximum(places - frames, 0)]
