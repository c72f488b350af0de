"""Separators in TFLite files, run without TensorFlow, on whole recordings or as sound comes in."""

import os

import numpy as np

from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.runtime import Runner
from tfsv.separation.frames import HOP
from tfsv.separation.model_card import array_of, check_separator_card, separator_of
from tfsv.separation.pasts import past_shapes
from tfsv.separation.ports import AFTER, ANGLE, BEFORE, MIXTURE, SEPARATED

HOPS_AT_ONCE = 64
"""Hops of a piece of a recording, a second: as quick as all at once, and bounded in memory."""


class TFLiteSeparator:
    """A file that `tfsv export` made of a separator.

    Example:
        >>> separate = TFLiteSeparator("separator.tflite")
        >>> separate(heard, 63.0).shape == heard[0].shape
        True

    Attributes:
        card: The model card in the file.
        streams: Whether the separator is causal, so that `stream` can be used.

    Args:
        path: The file, or "demo_separator".
        threads: Threads of one inference.

    Raises:
        InputError: The file is absent, damaged, not made by tfsv, or of another task.
    """

    def __init__(self, path: str | os.PathLike, *, threads: int = 1):
        self._runner = Runner(located(path), threads=threads)
        self.card = self._runner.card
        check_separator_card(self.card, str(path))
        self.streams = separator_of(self.card).causal

    def __call__(self, heard: np.ndarray, angle: float) -> np.ndarray:
        """The sound from an angle.

        Args:
            heard: What the microphones hear, float32 `[microphones, samples]`, 16 kHz.
            angle: Degrees as `MicrophoneArray` counts them.

        Returns:
            The sound, float32 `[samples]`.

        Raises:
            InputError: The recording has other microphones, or is too short.
        """
        if self.streams:
            stream = self.stream(angle, hops=min(HOPS_AT_ONCE, heard.shape[1] // HOP + 2))
            return np.concatenate([stream.push(heard), stream.finish()])
        inputs = {MIXTURE: heard[np.newaxis], ANGLE: np.array([angle], np.float32)}
        return self._runner(inputs)[SEPARATED][0, : heard.shape[1]]

    def stream(self, angle: float, *, hops: int = 1) -> "SeparatorStream":
        """A stream of sound from an angle. Many streams may share one separator.

        Example:
            >>> stream = separator.stream(63.0)
            >>> sound = [stream.push(piece) for piece in pieces] + [stream.finish()]

        Args:
            angle: Degrees as `MicrophoneArray` counts them.
            hops: Hops of 256 samples that are computed at once. More of them are quicker and come
                later: `256 · hops` samples are collected before something is computed.

        Raises:
            InputError: The separator is not causal: it must hear a recording's end first.
        """
        if not self.streams:
            raise InputError(
                f"{self._runner.path}: hears whole recordings only; train a separator with 'causal'"
            )
        return SeparatorStream(self._runner, angle, hops)


class SeparatorStream:
    """One stream of sound through a causal separator.

    A sample comes out when the hop behind its own has been heard, 16 to 32 ms after it was spoken.
    All together is what the separator gives of the whole recording.

    Example:
        >>> stream = TFLiteSeparator("separator.tflite").stream(63.0)
        >>> stream.push(np.zeros((15, 1000), np.float32)).shape
        (512,)
        >>> stream.finish().shape
        (488,)

    Attributes:
        angle: The asked angle, degrees. It may be changed between pieces.

    Args:
        runner: Runner of a causal separator's file.
        angle: Degrees as `MicrophoneArray` counts them.
        hops: Hops of 256 samples that are computed at once.
    """

    def __init__(self, runner: Runner, angle: float, hops: int = 1):
        if hops < 1:
            raise InputError(f"hops={hops}: must be at least 1")
        self._runner = runner
        self._piece = HOP * hops
        self._microphones = array_of(runner.card).microphones
        self._pasts = _pasts(runner)
        self.angle = angle
        self.reset()

    def reset(self) -> None:
        """Forgets all that was heard; what comes next begins a recording."""
        self._past = {name: np.zeros(shape, np.float32) for name, shape in self._pasts.items()}
        self._waiting = np.zeros((self._microphones, 0), np.float32)
        self._owed = 0  # samples that were heard and have not come out
        self._skipped = HOP  # samples of before the beginning that are still to come

    def push(self, heard: np.ndarray) -> np.ndarray:
        """Takes what the microphones heard next.

        Args:
            heard: Float32 `[microphones, samples]`, 16 kHz, any number of samples.

        Returns:
            The sound that can be told by now, float32 `[samples]`, perhaps none.

        Raises:
            InputError: It has other microphones or another type.
        """
        if heard.ndim != 2 or heard.shape[0] != self._microphones or heard.dtype != np.float32:
            raise InputError(
                f"expected float32 [{self._microphones}, samples]; received {heard.dtype}"
                f" {list(heard.shape)}"
            )
        self._owed += heard.shape[1]
        waiting = np.concatenate([self._waiting, heard], axis=1)
        pieces = waiting.shape[1] // self._piece
        sounds = [
            self._computed(waiting[:, n * self._piece : (n + 1) * self._piece])
            for n in range(pieces)
        ]
        self._waiting = waiting[:, pieces * self._piece :].copy()
        return self._told(sounds)

    def finish(self) -> np.ndarray:
        """The rest of the sound, and a stream that is reset.

        Returns:
            Float32 `[samples]`: as many as were pushed and have not come out.
        """
        sounds, rest = [], self._owed and self._owed + self._skipped
        while rest > 0:
            piece = np.zeros((self._microphones, self._piece), np.float32)
            piece[:, : self._waiting.shape[1]] = self._waiting
            self._waiting = self._waiting[:, :0]
            sounds.append(self._computed(piece))
            rest -= self._piece
        told = self._told(sounds)
        self.reset()
        return told

    def _computed(self, piece: np.ndarray) -> np.ndarray:
        inputs = {MIXTURE: piece[np.newaxis], ANGLE: np.array([self.angle], np.float32)}
        outputs = self._runner(inputs | {BEFORE + name: x for name, x in self._past.items()})
        self._past = {name: outputs[AFTER + name] for name in self._past}
        return outputs[SEPARATED][0]

    def _told(self, sounds: list[np.ndarray]) -> np.ndarray:
        """What came out, without what stands before the beginning and behind the end."""
        sound = np.concatenate([np.zeros(0, np.float32), *sounds])
        skipped = min(self._skipped, len(sound))
        self._skipped -= skipped
        sound = sound[skipped:][: self._owed]
        self._owed -= len(sound)
        return sound


def _pasts(runner: Runner) -> dict[str, tuple[int, ...]]:
    """Shapes of what a stream keeps, by name, which a file that may be anybody's has to take."""
    pasts = past_shapes(separator_of(runner.card), array_of(runner.card))
    wanted = {BEFORE + name: shape for name, shape in pasts.items()}
    taken = {port.name: port.shape for port in runner.inputs if port.name not in (MIXTURE, ANGLE)}
    given = {port.name for port in runner.outputs}
    if taken != wanted or given != {SEPARATED, *(AFTER + name for name in pasts)}:
        raise InputError(
            f"{runner.path}: its card says that it is causal; its inputs do not; export it again"
        )
    return pasts
