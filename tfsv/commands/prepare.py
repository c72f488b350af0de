"""Makes a manifest (and trial lists) of a corpus, leaving out what cannot be decoded.

    tfsv prepare --corpus=voxceleb1 --root=/data/voxceleb1 \\
        --output=/data/voxceleb1/manifest.tsv --dev_speakers=40 --trials

Every file is decoded once, in parallel. Beside the manifest lies `manifest.skipped.tsv`, a list of
what was skipped and why, and `manifest.warnings.tsv`, a list of recordings that are in the manifest
but do not suit: below 16 kHz, telephone speech, channels that differ or cancel, clipped. With
--trials there are also the lists `trials/dev.txt` and `trials/test.txt`.

The channels of a recording are averaged. With --channel one is taken, and the manifest's column
`channel` says so to training, embedding and evaluation. The column can be written by hand too, one
row for each channel.
"""

from typing import Any

from absl import flags

from tfsv.audio.corpora import CORPORA
from tfsv.commands.flags import define, made
from tfsv.commands.running import Command, with_dashes
from tfsv.verification.preparing import PrepareSettings, prepare


def _define(values: flags.FlagValues) -> None:
    define(values, PrepareSettings, choices={"corpus": sorted(CORPORA)})


def main(values: Any, arguments: list[str]) -> None:
    """Prepares the corpus that the flags name."""

    def tell(summary: str) -> None:
        print(with_dashes(summary, values), flush=True)

    prepare(made(values, PrepareSettings), tell=tell)


command = Command("prepare", __doc__, _define, main)
