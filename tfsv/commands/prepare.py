"""Makes a manifest (and trial lists) of a corpus, leaving out what cannot be decoded.

    tfsv prepare --corpus=voxceleb1 --root=/data/voxceleb1 \\
        --output=/data/voxceleb1/manifest.tsv --dev_speakers=40 --trials

Every file is decoded once, in parallel. Beside the manifest lies `manifest.skipped.tsv`, a list of
what was skipped and why. With --trials there are also the lists `trials/dev.txt` and
`trials/test.txt`.
"""

import functools
from typing import Any

from absl import flags

from tfsv.audio.corpora import CORPORA
from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.verification.preparing import PrepareSettings, prepare


def _define(values: flags.FlagValues) -> None:
    define(values, PrepareSettings, choices={"corpus": sorted(CORPORA)})


def main(values: Any, arguments: list[str]) -> None:
    """Prepares the corpus that the flags name."""
    prepare(made(values, PrepareSettings), tell=functools.partial(print, flush=True))


command = Command("prepare", __doc__, _define, main)
