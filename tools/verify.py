"""Says whether recordings are of the speaker who was enrolled.

    python tools/verify.py model.tflite enrol1.wav enrol2.wav -- test.wav

prints one line for each recording after `--`: the cosine score, the threshold and the decision.
What ends like a sound file is a recording, anything else in the first place a model. Without one,
the demo model that comes with tfsv is asked.

The enrolment is the normalised mean of the enrolment recordings' embeddings. The threshold comes
from the model's card, where `tools/evaluate.py --calibrate` put it, for the rate of impostors that
is bearable (`--false_accept_rate`). It was measured on pairs of single recordings; with several
enrolment recordings the rates are others.

Recordings of less than half a second are refused. Mean normalisation leaves nothing of a recording
of a single frame, so that all such recordings have the same embedding and anyone would be
accepted. The papers say nothing of a limit; half a second is our choice.

Exit status: 0 all accepted, 2 at least one rejected, 1 error (one line on standard error).

This is no security product: a played-back recording of the speaker is accepted like the speaker.
"""

import sys
from collections.abc import Sequence

import numpy as np
from absl import flags

from tfsv import command
from tfsv.audio import soundfiles
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.tasks.opening import open_model
from tfsv.verification.evaluation import FALSE_ACCEPT_RATES
from tfsv.verification.extraction import embed_file
from tfsv.verification.scoring import voiceprint

REJECTED = 2
MINIMUM_SECONDS = 0.5
_DEMO = "demo"

_RATE = flags.DEFINE_float(
    "false_accept_rate",
    0.01,
    "Fraction of impostors that may be accepted, 0.01 or 0.001; picks the card's threshold.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Cosine score from which to accept, instead of the card's threshold.",
    lower_bound=-1.0,
    upper_bound=1.0,
)


def main(arguments: Sequence[str]) -> None:
    """Verifies `arguments`: perhaps a model, enrolment recordings, `--`, test recordings."""
    model, enrolment, tests = _parts(arguments)
    for path in [*enrolment, *tests]:
        soundfiles.inspect(path, minimum_seconds=MINIMUM_SECONDS)
    embedder = open_model(model)
    threshold, origin = _threshold(embedder.card, model)
    speaker = voiceprint(np.stack([embed_file(embedder, path) for path in enrolment]))
    scores = [float(np.dot(speaker, embed_file(embedder, path))) for path in tests]
    for path, score in zip(tests, scores, strict=True):
        decision = "accepted" if score >= threshold else "rejected"
        print(f"{path}: score {score:.4f}, threshold {threshold:.4f} ({origin}): {decision}")
    if min(scores) < threshold:
        sys.exit(REJECTED)


def _parts(arguments: Sequence[str]) -> tuple[str, list[str], list[str]]:
    arguments = list(arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    enrolment, tests = arguments[:end], arguments[end + 1 :]
    named = bool(enrolment) and not enrolment[0].lower().endswith(soundfiles.SUFFIXES)
    model = enrolment.pop(0) if named else _DEMO
    if not enrolment or not tests:
        raise InputError(
            "usage: verify.py [model.tflite] enrol1.wav [enrol2.wav …] -- test.wav […]"
            " (-- stands between enrolment and test)"
        )
    return model, enrolment, tests


def _threshold(card: ModelCard, model: str) -> tuple[float, str]:
    if _THRESHOLD.value is not None:
        return _THRESHOLD.value, "--threshold"
    name = f"far_{_RATE.value:g}"
    if name not in card.thresholds:
        known = ", ".join(card.thresholds) or "none"
        remedy = "give --threshold"
        if _RATE.value in FALSE_ACCEPT_RATES:
            remedy = (
                "run tools/evaluate.py --calibrate on its model folder and export it again, or "
                + remedy
            )
        raise InputError(f"{model}: its card has no threshold {name!r} (it has: {known}); {remedy}")
    return card.thresholds[name], name


if __name__ == "__main__":
    command.run(main, separator=True)
