"""Says whether recordings are of the speaker who was enrolled.

    tfsv verify model.tflite enrol1.wav enrol2.wav -- test.wav

The command prints one line for each recording after `--`: the score, the threshold and the
decision. The score is the cosine. Where the model carries a cohort and a calibration, it is the
natural logarithm of how much likelier one speaker is than two (--cosine: the cosine all the same).
The first argument is a model if it ends in .tflite, in upper or lower case, or if it is a
model folder or the name of a demo model. A file with any other ending is a recording. Without a
model, the demo model that comes with tfsv is asked.

The enrolment is the normalised mean of the enrolment recordings' embeddings. The threshold comes
from the model's card, where `tfsv evaluate --calibrate` put it, for the rate of impostors that is
bearable (--false_accept_rate). It was measured on pairs of single recordings; with several
enrolment recordings the rates are others. Recordings of less than half a second are refused.

The channels of a recording are averaged, with a warning where they differ; --channel takes one. A
recording of one channel is taken as it is. With --direction, a test of a microphone array is
separated first, and what comes from there is verified (`tfsv separate`). Warnings on standard error
also tell of recordings below 16 kHz, of telephone speech, and of clipping.

The exit status is 0 if all are accepted and 2 if at least one is rejected. It is 1 after an error,
which is one line on standard error.

This is no security product: a played-back recording of the speaker is accepted like the speaker.
"""

import pathlib
from typing import Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.demo import MODELS, SEPARATOR
from tfsv.errors import InputError

REJECTED = 2
_DEMO = "demo"


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_float(
        "false_accept_rate", 0.01,
        "Fraction of impostors that may be accepted, 0.01 or 0.001; picks the card's threshold.",
        lower_bound=0.0, upper_bound=1.0, flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "channel", None,
        "Channel to take of recordings that have several: 1, 2, …, left, right, A or B. "
        "Default: channels are averaged.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_float(
        "direction", None,
        "Direction of the talker in tests of a microphone array, degrees; they are separated.",
        0, 180, flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "separator", SEPARATOR,
        "Model folder or .tflite file of the separator that --direction asks.", flag_values=values,
    )  # fmt: skip
    flags.DEFINE_float(
        "threshold", None, "Score from which to accept, instead of the card's threshold.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_bool(
        "cosine", False, "Score by the cosine, whatever the model carries.", flag_values=values
    )


def main(values: Any, arguments: list[str]) -> int:
    """Verifies `arguments`: perhaps a model, enrolment recordings, `--`, test recordings."""
    model, enrolment, tests = _parts(arguments)

    from tfsv.tasks.verifying import verify

    decisions = verify(
        enrolment, tests, model,
        false_accept_rate=values.false_accept_rate, threshold=values.threshold,
        cosine=values.cosine, channel=values.channel,
        direction=values.direction, separator=values.separator,
    )  # fmt: skip
    for decision in decisions:
        origin = decision.origin if values.threshold is None else "--threshold"
        print(
            f"{decision.recording}: score {decision.score:.4f}, threshold"
            f" {decision.threshold:.4f} ({origin}):"
            f" {'accepted' if decision.accepted else 'rejected'}"
        )
    return 0 if all(decision.accepted for decision in decisions) else REJECTED


def _parts(arguments: list[str]) -> tuple[str, list[str], list[str]]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    enrolment, tests = arguments[:end], arguments[end + 1 :]
    model = enrolment.pop(0) if enrolment and _is_model(enrolment[0]) else _DEMO
    if not enrolment or not tests:
        raise InputError(
            "usage: tfsv verify [model.tflite] enrol1.wav [enrol2.wav …] -- test.wav […]"
            " (-- stands between enrolment and test)"
        )
    return model, enrolment, tests


def _is_model(argument: str) -> bool:
    """Whether an argument in the first place names a model, there or not, and no recording."""
    from tfsv.audio.sound_kinds import is_sound_name

    if argument in MODELS or argument.lower().endswith(".tflite"):
        return True
    return not is_sound_name(argument) and not pathlib.Path(argument).is_file()


command = Command("verify", __doc__, _define, main, takes_arguments=True, separator=True)
