"""Separates one talker from a recording of a microphone array.

    tfsv separate --model=separator.tflite --recording=mixture/mixture.wav --angle=63 \\
        --output=talker.wav

The recording has a channel for each microphone, in the order of the array in the model's card.
--angle is the talker's direction, degrees from the side of microphone 1 along the array's line.
"""

from typing import Any

import numpy as np
from absl import flags

from tfsv.commands.running import Command
from tfsv.errors import InputError


def _define(values: flags.FlagValues) -> None:
    def text(name: str, help: str) -> None:
        flags.DEFINE_string(name, None, help, required=True, flag_values=values)

    text("model", "Model folder or .tflite file of a separator.")
    text("recording", "Sound file with a channel for each microphone.")
    flags.DEFINE_float(
        "angle", None, "Direction of the talker, degrees.", 0, 180, required=True,
        flag_values=values,
    )  # fmt: skip
    text("output", "Sound file to write, WAV.")


def main(values: Any, arguments: list[str]) -> None:
    """Separates the talker that the flags name."""
    import soundfile

    from tfsv.audio import SAMPLE_RATE
    from tfsv.files import replacing
    from tfsv.separation.model_card import array_of
    from tfsv.separation.recordings import read_recording
    from tfsv.tasks.opening import open_separator

    separate, card = open_separator(values.model)
    heard = read_recording(values.recording, array_of(card))
    sound = separate(heard, values.angle)
    if not np.isfinite(sound).all():
        raise InputError(f"{values.model}: gives samples that are not finite; train it again")
    with replacing(values.output) as part:
        soundfile.write(part, sound, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    print(f"{values.output}: {len(sound) / SAMPLE_RATE:.2f} s")


command = Command("separate", __doc__, _define, main)
