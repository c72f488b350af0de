"""Separation with recordings and models by name. No TensorFlow for a TFLite file."""

import dataclasses
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tqdm
from absl import logging

from tfsv.audio import SAMPLE_RATE, soundfiles
from tfsv.demo import SEPARATOR
from tfsv.errors import InputError
from tfsv.files import replacing
from tfsv.separation.model_card import array_of
from tfsv.separation.picture import PICTURED_SECONDS, draw_separation
from tfsv.separation.recordings import LONGEST_SECONDS, ArrayRecording, open_recording
from tfsv.separation.tflite_separator import HOPS_AT_ONCE, TFLiteSeparator
from tfsv.tasks.opening import open_separator

if TYPE_CHECKING:
    from tfsv.separation.evaluation import Separate
    from tfsv.separation.microphones import MicrophoneArray


class DirectionalListener:
    """A separator that hears recordings of its array from a direction, of any length it can.

    Example:
        >>> listener = DirectionalListener("demo_separator")
        >>> listener.sound("mixture.wav", 63.0).shape
        (64000,)

    Attributes:
        array: The microphones.

    Args:
        model: A `.tflite` file, a model folder, or "demo_separator".

    Raises:
        InputError: The model is damaged or no separator.
    """

    array: "MicrophoneArray"

    def __init__(self, model: str | os.PathLike = SEPARATOR):
        self._model = model
        self._separate: Separate
        self._separate, card = open_separator(model)
        self.array = array_of(card)

    def sound(self, path: str | os.PathLike, direction: float) -> np.ndarray:
        """The whole sound from a direction of a recording, float32 `[samples]`.

        Args:
            path: Recording with a channel for each microphone.
            direction: Degrees as `MicrophoneArray` counts them, 0 to 180.

        Raises:
            InputError: The recording does not suit, as `pieces` says.
        """
        recording = open_recording(path, self.array)
        return np.concatenate([sound for _, sound in self.pieces(recording, direction)])

    def pieces(
        self, recording: ArrayRecording, direction: float
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What the microphones heard and the sound from a direction, piece by piece.

        Causal separators in a file hear any length in constant memory; others a minute at most.

        Example:
            >>> recording = open_recording("meeting.wav", listener.array)
            >>> for heard, sound in listener.pieces(recording, 63.0): ...

        Args:
            recording: The recording.
            direction: Degrees as `MicrophoneArray` counts them, 0 to 180.

        Returns:
            Pairs of float32 `[microphones, samples]` and float32 `[samples]`. Sounds come a little
            later than what they are of, and together they have its length.

        Raises:
            InputError: The direction is none of the array, the recording is too long for this
                separator, or the separator gives samples that are not finite.
        """
        if not 0 <= direction <= 180:
            raise InputError(f"direction={direction:g}: expected 0 to 180 degrees")
        separate = self._separate
        if isinstance(separate, TFLiteSeparator) and separate.streams:
            stream = separate.stream(direction, hops=HOPS_AT_ONCE)
            for heard in recording.pieces():
                yield heard, self._finite(stream.push(heard))
            yield np.zeros((self.array.microphones, 0), np.float32), self._finite(stream.finish())
        elif recording.fits_at_once:
            heard = np.concatenate(list(recording.pieces()), axis=1)
            yield heard, self._finite(separate(heard, direction))
        else:
            raise InputError(
                f"{recording.path}: {recording.seconds:.0f} s; {self._model} hears"
                f" {LONGEST_SECONDS:.0f} s, and the .tflite file of a causal separator any length"
            )

    def _finite(self, sound: np.ndarray) -> np.ndarray:
        if not np.isfinite(sound).all():
            raise InputError(f"{self._model}: gives samples that are not finite; train it again")
        return sound


@dataclasses.dataclass(frozen=True)
class Separated:
    """A sound file that was written.

    Example:
        >>> tfsv.separate("mixture.wav", 63.0, "talker.wav").seconds
        4.0

    Attributes:
        path: The file.
        seconds: Its length.
    """

    path: str | os.PathLike
    seconds: float


def separate(
    recording: str | os.PathLike,
    direction: float,
    output: str | os.PathLike,
    model: str | os.PathLike = SEPARATOR,
    *,
    picture: str | os.PathLike | None = None,
    target: str | os.PathLike | None = None,
) -> Separated:
    """Writes the sound from a direction as a WAV file of 16 bits, and a picture of it on request.

    Example:
        >>> tfsv.separate("mixture.wav", 63.0, "talker.wav", picture="talker.png")

    Args:
        recording: Sound file with a channel for each microphone, in the order of the array in the
            model's card.
        direction: Degrees from the side of microphone 1 along the array's line, 0 to 180.
        output: Sound file to write.
        model: A `.tflite` file, a model folder, or "demo_separator".
        picture: PNG to write: spectrograms of microphone 1 and of the sound, a minute at most, and
            the array with the direction. None: no picture is drawn.
        target: Sound file of what should come out, which is drawn too.

    Raises:
        InputError: The recording does not suit the array, the model is no separator, the direction
            is out of range, or a file cannot be read or written. Nothing is written then.
    """
    import soundfile

    if target is not None and picture is None:
        raise InputError("'target': is for a picture; give 'picture' too")
    listener = DirectionalListener(model)
    opened = open_recording(recording, listener.array)
    wanted = None if target is None else soundfiles.read(target)
    shown: dict[str, list[np.ndarray]] = {"microphone 1": [], "separated": []}
    samples = clipped = 0
    bar = tqdm.tqdm(
        total=round(opened.seconds), desc="separated", unit="s", dynamic_ncols=True,
        disable=None if opened.fits_at_once else False,
    )  # fmt: skip
    with (
        bar,
        replacing(output) as part,
        soundfile.SoundFile(part, "w", SAMPLE_RATE, 1, "PCM_16", format="WAV") as file,
    ):
        for heard, sound in listener.pieces(opened, direction):
            file.write(sound)
            if picture is not None and samples < PICTURED_SECONDS * SAMPLE_RATE:
                shown["microphone 1"].append(heard[0].copy())  # not the other microphones
                shown["separated"].append(sound)
            samples += len(sound)
            clipped += int(np.sum(np.abs(sound) > 1))
            bar.update(round(samples / SAMPLE_RATE) - bar.n)
        if picture is not None:
            sounds = {title: np.concatenate(parts) for title, parts in shown.items()}
            if wanted is not None:
                sounds["target"] = wanted
            draw_separation(picture, sounds, listener.array, direction)
    if clipped:
        logging.warning("%s: %d samples were above full scale and are clipped", output, clipped)
    return Separated(output, samples / SAMPLE_RATE)
