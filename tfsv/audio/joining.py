"""Several manifests as one, of chosen corpora, with the speakers evened out."""

import collections
import dataclasses
import math
from collections.abc import Collection, Sequence

from tfsv.audio.manifest import Manifest, Utterance
from tfsv.errors import InputError


def join_manifests(
    manifests: Sequence[Manifest], *, corpora: Collection[str] | None = None, least: int = 1
) -> list[Utterance]:
    """The utterances of several manifests, with absolute paths.

    Example:
        >>> rows = join_manifests([voices_manifest(), read_manifest("an4.tsv")], least=4)
        >>> both = write_manifest("both.tsv", rows)

    Args:
        manifests: The manifests, in the order of the result. No speaker may be in two of them.
        corpora: Names, in the column `corpus`, of the corpora to take. None: everything is taken.
        least: Lowest number of rows of a training speaker. Whoever has fewer recordings has each of
            them listed several times. An epoch visits every row once, and a crop begins anywhere.
            So speakers with one long recording are heard as often as those with many short ones.

    Returns:
        Rows for `tfsv.audio.manifest.write_manifest`. Identifiers of repetitions end in `#2`, `#3`,
        …

    Raises:
        InputError: No manifest has one of the corpora, or a speaker or an identifier is in two
            manifests.
    """
    known = {u.extra["corpus"] for m in manifests for u in m if u.extra.get("corpus")}
    for name in corpora or ():
        if name not in known:
            has = ", ".join(sorted(known)) or "no such column"
            raise InputError(f"'corpora': {name!r} is in no manifest; they have {has}")
    origin: dict[str, Manifest] = {}
    named: dict[str, Manifest] = {}
    rows = []
    for manifest in manifests:
        for utterance in manifest:
            if corpora and utterance.extra.get("corpus", "") not in corpora:
                continue
            other = named.setdefault(utterance.utterance, manifest)
            if other is not manifest and origin.get(utterance.speaker, manifest) is manifest:
                raise InputError(
                    f"{manifest.path}: utterance {utterance.utterance!r} is in {other.path} too;"
                    " rename the utterances of one of them"
                )
            first = origin.setdefault(utterance.speaker, manifest)
            if first is not manifest:
                raise InputError(
                    f"{manifest.path}: speaker {utterance.speaker} is in {first.path} too;"
                    " rename the speakers of one of them"
                )
            rows.append(dataclasses.replace(utterance, path=manifest.absolute(utterance)))
    counts = collections.Counter(row.speaker for row in rows if row.split == "train")
    return [
        again
        for row in rows
        for again in _repeated(row, math.ceil(least / counts.get(row.speaker, least)))
    ]


def _repeated(row: Utterance, times: int) -> list[Utterance]:
    names = [row.utterance, *(f"{row.utterance}#{number}" for number in range(2, times + 1))]
    return [dataclasses.replace(row, utterance=name) for name in names]
