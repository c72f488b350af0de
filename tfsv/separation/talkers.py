"""The speech of talkers of one split, decoded when it is first needed and kept within bounds."""

import collections
import itertools
import threading

import numpy as np

from tfsv.audio import SAMPLE_RATE, soundfiles
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.sounding import FRAME_SAMPLES, HOP_SAMPLES, sounding_frames
from tfsv.errors import InputError

KEPT_BYTES = 768_000_000
"""Decoded speech that is kept in memory at most, as 16-bit samples: 6.7 hours."""

_LEAST_SAMPLES = SAMPLE_RATE // 4  # of an utterance that is worth cutting from
_MOST_TRIES = 20


class Talkers:
    """Talkers of a manifest, from whose utterances stretches of speech are cut.

    Utterances lose the silence before and behind their speech. An utterance that cannot be read is
    passed over, unless too many in a row cannot. Memory holds the manifest's rows and at most
    `KEPT_BYTES` of what was decoded last, whatever the size of the corpus.

    Example:
        >>> talkers = Talkers(read_manifest("manifest.tsv").split("train"))
        >>> random = np.random.default_rng(0)
        >>> talkers.stretch(random, talkers.draw(random), 32000).shape
        (32000,)

    Args:
        manifest: Utterances of one split.

    Attributes:
        manifest: The utterances.
        names: Names of the talkers, sorted.

    Raises:
        InputError: The split has fewer than two talkers.
    """

    def __init__(self, manifest: Manifest):
        self.manifest = manifest
        self._of: dict[str, list[Utterance]] = collections.defaultdict(list)
        for utterance in manifest:
            self._of[utterance.speaker].append(utterance)
        self.names = sorted(self._of)
        if len(self.names) < 2:
            raise InputError(f"{manifest.path}: a mixture needs two talkers in the split, found 1")
        self._places = {name: place for place, name in enumerate(self.names)}
        self._seconds = np.array([sum(u.seconds for u in self._of[name]) for name in self.names])
        self._corpus = np.array([self._of[name][0].extra.get("corpus", "") for name in self.names])
        self._kept: collections.OrderedDict[str, np.ndarray] = collections.OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def draw(
        self, random: np.random.Generator, *, other_than: str | None = None, near: bool = False
    ) -> str:
        """A talker, as often as the length of their speech deserves.

        Args:
            random: What is drawn with.
            other_than: A talker who is not drawn. None: there is none.
            near: Whether the talker is of the other one's corpus, where it has several.

        Returns:
            The talker's name.
        """
        possible = np.ones(len(self.names), bool)
        if other_than is not None:
            place = self._places[other_than]
            possible[place] = False
            if near and (mates := possible & (self._corpus == self._corpus[place])).any():
                possible = mates
        ends = np.cumsum(np.where(possible, self._seconds, 0.0))
        return self.names[int(np.searchsorted(ends, random.random() * ends[-1], side="right"))]

    def stretch(self, random: np.random.Generator, name: str, samples: int) -> np.ndarray:
        """Speech of a talker: from some place of some utterance on, then of further ones.

        Args:
            random: What is drawn with.
            name: The talker.
            samples: Length of the stretch at 16 kHz.

        Returns:
            Speech, float32 `[samples]`, from -1 to 1.

        Raises:
            InputError: The talker's utterances cannot be read.
        """
        utterances = self._of[name]
        first, start = int(random.integers(len(utterances))), random.random()
        parts: list[np.ndarray] = []
        missing, bad = samples, 0
        for turn in itertools.count(first):
            try:
                speech = self.speech(utterances[turn % len(utterances)])
            except InputError:
                bad += 1
                if bad >= min(_MOST_TRIES, len(utterances)):
                    raise
                continue
            if not parts and len(speech) > samples:
                speech = speech[int(start * (len(speech) - samples)) :]
            parts.append(speech[:missing])
            missing -= len(parts[-1])
            if not missing:
                break
        return np.concatenate(parts).astype(np.float32) / 32768

    def speech(self, utterance: Utterance) -> np.ndarray:
        """An utterance from its first frame with sound to the last one, int16 `[samples]`.

        Raises:
            InputError: It cannot be read, or holds less than a quarter of a second of sound.
        """
        key = f"{utterance.path}\0{utterance.channel}"
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        waveform = soundfiles.read(self.manifest.recording(utterance))
        speech = np.rint(_trimmed(waveform) * 32767).astype(np.int16)
        if len(speech) < _LEAST_SAMPLES:
            raise InputError(f"{self.manifest.absolute(utterance)}: has less than 0.25 s of sound")
        with self._lock:
            if key not in self._kept:
                self._kept[key] = speech
                self._bytes += speech.nbytes
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes
        return speech


def _trimmed(waveform: np.ndarray) -> np.ndarray:
    frames = np.flatnonzero(sounding_frames(waveform))
    if not frames.size:
        return waveform[:0]
    return waveform[frames[0] * HOP_SAMPLES : frames[-1] * HOP_SAMPLES + FRAME_SAMPLES]
