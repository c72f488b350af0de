"""Joins manifests into one, so that a network trains on several corpora, or on some of them.

    tfsv join-manifests --corpora=voices,an4 --output=runs/both/manifest.tsv \\
        voices recordings/manifest.tsv

`voices` is the built-in corpus, and any other name is the path of a manifest. Splits stay as they
are. Recordings are not touched: the new manifest has their absolute paths.
"""

import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.errors import InputError
from tfsv.text_tables import aligned

if TYPE_CHECKING:
    from tfsv.audio.manifest import Manifest


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "output", None, "Manifest to write (TSV).", required=True, flag_values=values
    )
    flags.DEFINE_list(
        "corpora", None, "Names of the corpora to take, as in the column `corpus`. Default: all.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer(
        "least_rows", 1,
        "List the recordings of training speakers with fewer than these again, up to this number.",
        lower_bound=1, flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer(
        "speakers", 100, "Speakers of the voices corpus.", lower_bound=6, flag_values=values
    )
    flags.DEFINE_integer(
        "utterances", 40, "Utterances of each speaker of voices.", lower_bound=2,
        flag_values=values,
    )  # fmt: skip


def main(values: Any, arguments: list[str]) -> None:
    """Joins the manifests that `arguments` name."""
    from tfsv.audio.joining import join_manifests
    from tfsv.audio.manifest import write_manifest
    from tfsv.audio.voices import named_corpus
    from tfsv.files import require_file, writable_folder

    if not arguments:
        raise InputError("usage: tfsv join-manifests --output=manifest.tsv voices other.tsv …")
    manifests = [
        named_corpus(name, speakers=values.speakers, utterances=values.utterances)
        for name in arguments
    ]
    rows = join_manifests(manifests, corpora=values.corpora, least=values.least_rows)
    output = pathlib.Path(values.output)
    require_file(output, "'output' names the manifest file")
    writable_folder(output.parent)
    print(_table(write_manifest(output, rows)))


def _table(joined: "Manifest") -> str:
    """Speakers and rows of each split and corpus."""
    rows = [("split", "corpus", "speakers", "rows")]
    for split in joined.splits:
        part = joined.split(split)
        for corpus in sorted({row.extra.get("corpus", "") for row in part}):
            own = [row for row in part if row.extra.get("corpus", "") == corpus]
            speakers = {row.speaker for row in own}
            rows.append((split, corpus, str(len(speakers)), str(len(own))))
    return aligned(rows, left=(0, 1))


command = Command("join-manifests", __doc__, _define, main, takes_arguments=True)
