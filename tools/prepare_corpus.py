"""Makes a manifest (and trial lists) of a corpus, leaving out what cannot be decoded.

    python tools/prepare_corpus.py --corpus=voxceleb1 --root=/data/voxceleb1 \\
        --output=/data/voxceleb1/manifest.tsv --dev_speakers=40 --trials

Every file is decoded once, in parallel. Beside the manifest lies a list of what was skipped and
why (`manifest.skipped.tsv`), and with --trials the lists `trials/dev.txt` and `trials/test.txt`.
"""

import dataclasses
from collections.abc import Sequence

from absl import flags

from tfsv import command
from tfsv.audio.corpora import CORPORA
from tfsv.audio.soundfiles import SHORTEST_SECONDS
from tfsv.errors import InputError
from tfsv.jobs.prepare import PrepareSettings, prepare

FLAGS = flags.FLAGS
_FIELDS = {field.name: field for field in dataclasses.fields(PrepareSettings)}


def _define(name: str, kind=flags.DEFINE_string, **settings) -> None:
    default = None if _FIELDS[name].default is dataclasses.MISSING else _FIELDS[name].default
    kind(name, default, help=_FIELDS[name].metadata["help"], **settings)


_define("corpus", flags.DEFINE_enum, enum_values=sorted(CORPORA))
_define("root", required=True)
_define("output", required=True)
_define("dev_speakers")
_define("test_speakers")
_define("seed", flags.DEFINE_integer, lower_bound=0)
_define("workers", flags.DEFINE_integer, lower_bound=1)
_define("minimum_seconds", flags.DEFINE_float, lower_bound=0.0)
_define("maximum_seconds", flags.DEFINE_float, lower_bound=SHORTEST_SECONDS)
_define("timeout_seconds", flags.DEFINE_float, lower_bound=0.1)
_define("trials", flags.DEFINE_bool)
_define("targets", flags.DEFINE_integer, lower_bound=1)
_define("nontargets", flags.DEFINE_integer, lower_bound=1)


def main(arguments: Sequence[str]) -> None:
    """Prepares the corpus that the flags name."""
    if arguments:
        raise InputError(f"{arguments[0]}: unexpected argument; flags only, see --help")
    settings = PrepareSettings(**{name: getattr(FLAGS, name) for name in _FIELDS})
    prepare(settings, tell=lambda summary: print(summary, flush=True))


if __name__ == "__main__":
    command.run(main)
