"""Writes the golden files with which other implementations compare themselves.

    tfsv make-goldens --output=mobile_demo/golden

The Android app's tests and its self-test read them: small models of every form, utterances, and
the embeddings, scores and decisions that Python computes. There are small causal separators too, a
mixture, and what their streams give of it. The same libraries write the same bytes.

    tfsv make-goldens --check=mobile_demo/golden

The command computes everything again, on whatever machine this is and without TensorFlow. It ends
with status 1 if something differs.
"""

from typing import Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.errors import InputError


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string("output", None, "Folder to write.", flag_values=values)
    flags.DEFINE_string("check", None, "Folder to compare this machine with.", flag_values=values)


def main(values: Any, arguments: list[str]) -> int:
    """Writes or compares the folder that a flag names."""
    if (values.output is None) == (values.check is None):
        raise InputError("'output' and 'check': give one of them")
    if values.check is not None:
        return 0 if _agrees(values.check) else 1
    from tfsv.goldens.writing import write_goldens

    index = write_goldens(values.output)
    numbers = [f"{len(index[key])} {key}" for key in ("models", "utterances", "separators")]
    print(f"{values.output}: {', '.join(numbers)}")
    return 0


def _agrees(folder: str) -> bool:
    """Prints what was compared, and says whether all of it agrees."""
    from tfsv.goldens.checking import check_goldens

    compared = list(check_goldens(folder))
    for line in compared:
        verdict = "identical" if line.identical else f"differs by {line.difference:.1e}"
        print(f"{line.model}: {line.subject}: {verdict}{'' if line.passed else ': TOO MUCH'}")
    failed = sum(not line.passed for line in compared)
    identical = sum(line.identical for line in compared)
    print(f"{len(compared)} comparisons: {identical} identical, {failed} failed")
    return not failed


command = Command("make-goldens", __doc__, _define, main)
