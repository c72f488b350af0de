"""Joins manifests into one, so that a network trains on several corpora, or on some of them.

    python tools/join_manifests.py --corpora=voices,an4 --output=runs/both/manifest.tsv \\
        voices ../shared/data/manifest.tsv

`voices` is the built-in corpus, anything else the path of a manifest. Splits stay as they are.
Recordings are not touched: the new manifest has their absolute paths.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tfsv import command
from tfsv.audio.joining import join_manifests
from tfsv.audio.manifest import Manifest, read_manifest, write_manifest
from tfsv.audio.voices import voices_manifest
from tfsv.errors import InputError
from tfsv.files import writable_folder

_OUTPUT = flags.DEFINE_string("output", None, "Manifest to write (TSV).", required=True)
_CORPORA = flags.DEFINE_list(
    "corpora", None, "Names of the corpora to take, as in the column `corpus`. Default: all."
)
_LEAST = flags.DEFINE_integer(
    "least_rows",
    1,
    "List the recordings of training speakers with fewer than these again, up to this number.",
    lower_bound=1,
)
_SPEAKERS = flags.DEFINE_integer("speakers", 100, "Speakers of the voices corpus.", 6)
_UTTERANCES = flags.DEFINE_integer("utterances", 40, "Utterances of each speaker of voices.", 2)


def main(arguments: Sequence[str]) -> None:
    """Joins the manifests that `arguments` name."""
    if not arguments:
        raise InputError("usage: join_manifests.py --output=manifest.tsv voices other.tsv …")
    output = pathlib.Path(_OUTPUT.value)
    rows = join_manifests(
        [_manifest(name) for name in arguments], corpora=_CORPORA.value, least=_LEAST.value
    )
    writable_folder(output.parent)
    joined = write_manifest(output, rows)
    print(f"{'split':8} {'corpus':16} {'speakers':>9} {'rows':>6}")
    for split in joined.splits:
        part = joined.split(split)
        for corpus in sorted({row.extra.get("corpus", "") for row in part}):
            own = [row for row in part if row.extra.get("corpus", "") == corpus]
            print(f"{split:8} {corpus:16} {len({r.speaker for r in own}):9d} {len(own):6d}")


def _manifest(name: str) -> Manifest:
    if name != "voices":
        return read_manifest(name)
    return voices_manifest(
        speakers=_SPEAKERS.value,
        utterances=_UTTERANCES.value,
        sessions=min(4, _UTTERANCES.value),
    )


if __name__ == "__main__":
    command.run(main)
