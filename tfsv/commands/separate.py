"""Separates one talker from a recording of a microphone array.

    tfsv separate mixture.wav --direction=63 --output=talker.wav --picture=talker.png

The recording has a channel for each microphone, in the order of the array in the model's card.
--direction is the talker's, degrees from the side of microphone 1 along the array's line; such a
line cannot tell front from back. Without a model, the separator that comes with tfsv is asked,
which hears a line of 15 microphones of 56 cm (see README).

The `.tflite` file of a causal separator hears recordings of any length piece by piece, as if they
came in. Other separators hear a minute at most. What is longer than a minute must have 16,000
samples a second; anything above that rate is resampled otherwise.
"""

from typing import Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.demo import SEPARATOR
from tfsv.errors import InputError


def _define(values: flags.FlagValues) -> None:
    def text(name: str, default: str | None, help: str) -> None:
        flags.DEFINE_string(name, default, help, flag_values=values)

    text("model", SEPARATOR, "Model folder or .tflite file of a separator.")
    flags.DEFINE_float(
        "direction", None, "Direction of the talker, degrees.", 0, 180, required=True,
        flag_values=values,
    )  # fmt: skip
    text("output", "separated.wav", "Sound file to write, WAV.")
    text("picture", None, "PNG to write: spectrograms, and the array with the direction.")
    text("target", None, "Sound file of what should come out, for the picture.")


def main(values: Any, arguments: list[str]) -> None:
    """Separates the talker that the flags name from the recording in `arguments`."""
    if len(arguments) != 1:
        raise InputError(
            "usage: tfsv separate mixture.wav --direction=63 [--output=talker.wav]"
            " (one recording of an array)"
        )

    from tfsv.tasks.separated import separate

    done = separate(
        arguments[0], values.direction, values.output, values.model,
        picture=values.picture, target=values.target,
    )  # fmt: skip
    print(f"{done.path}: {done.seconds:.2f} s")


command = Command("separate", __doc__, _define, main, takes_arguments=True)
