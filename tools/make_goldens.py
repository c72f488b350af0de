"""Writes the golden files with which other implementations compare themselves.

    python tools/make_goldens.py --output=mobile_demo/golden

The Android app's tests and its self-test read them: small models of every form, utterances, and
the embeddings, scores and decisions that Python computes. The same libraries write the same bytes.

    python tools/make_goldens.py --check=mobile_demo/golden

computes everything again, on whatever machine this is and without TensorFlow, and ends with status
1 if something differs.
"""

import sys
from collections.abc import Sequence

from absl import flags

from tfsv import command
from tfsv.errors import InputError
from tfsv.goldens.checking import check_goldens

_OUTPUT = flags.DEFINE_string("output", None, "Folder to write.")
_CHECK = flags.DEFINE_string("check", None, "Folder to compare this machine with.")


def main(arguments: Sequence[str]) -> None:
    """Writes or compares the folder that a flag names."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    if (_OUTPUT.value is None) == (_CHECK.value is None):
        raise InputError("--output and --check: give one of them")
    if _CHECK.value is not None:
        sys.exit(0 if _agrees(_CHECK.value) else 1)
    # TensorFlow: only for those who write.
    from tfsv.goldens.writing import write_goldens

    index = write_goldens(_OUTPUT.value)
    print(f"{_OUTPUT.value}: {len(index['models'])} models, {len(index['utterances'])} utterances")


def _agrees(folder: str) -> bool:
    """Prints what was compared, and whether all of it is the same."""
    compared = list(check_goldens(folder))
    for line in compared:
        verdict = "identical" if line.identical else f"differs by {line.difference:.1e}"
        print(f"{line.model}: {line.subject}: {verdict}{'' if line.passed else ': TOO MUCH'}")
    failed = sum(not line.passed for line in compared)
    identical = sum(line.identical for line in compared)
    print(f"{len(compared)} comparisons: {identical} identical, {failed} failed")
    return not failed


if __name__ == "__main__":
    command.run(main)
