"""Enrolment lists: the recordings with which each speaker model of a trial list is enrolled."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

from tfsv.errors import InputError
from tfsv.text_files import read_lines
from tfsv.verification.list_columns import ENROLMENT_COLUMNS, TEST_COLUMNS, fields_of, plain

_WORDS = ("enroll", "enrol", "enrollment", "enrolment", "enrollments", "enrolments")
_RECORDING_COLUMN = re.compile(r"(enroll?(ment)?)?(segment|file|utt(erance)?|path|wav)(id)?\d*")


@dataclasses.dataclass(frozen=True)
class EnrolmentList:
    """Which recordings enrol whom.

    Example:
        >>> enrolments = read_enrolments("lists/enroll.lst")
        >>> enrolments.recordings["id00800-enroll"]
        ['enroll/id00800-enroll.wav']

    Attributes:
        path: The file.
        recordings: Recordings by the name that a trial list has for them together.
        lines: Line of each recording's first occurrence.
    """

    path: pathlib.Path
    recordings: Mapping[str, Sequence[str]]
    lines: Mapping[str, int]


def read_enrolments(path: str | os.PathLike) -> EnrolmentList:
    """Reads an enrolment list: a model a line, then one or several recordings.

    That is the form of CN-Celeb's `enroll.lst` and `enroll.map` and of Kaldi's `spk2utt`. A model
    may have several lines. With a header, such as NIST's `modelid segmentid side`, only the columns
    of models and recordings are read. Fields are cut as in trial lists.

    Example:
        >>> len(read_enrolments("sre18_dev_enrollment.tsv").recordings)
        88

    Raises:
        InputError: The file cannot be read or lists nothing, a line has no recording, a model has
            one recording twice, or a header's column `side` has another value than a. The message
            has the line's number.
    """
    path = pathlib.Path(path)
    lines = read_lines(path, "an enrolment list")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f"{path}:1: lists nothing; expected lines of: model recording")
    tabbed = "\t" in numbered[0][1]
    names = [plain(field) for field in fields_of(numbered[0][1])]
    model, columns, side = 0, None, None
    if ENROLMENT_COLUMNS.intersection(names) and any(map(_names_recording, names)):
        model = next(i for i, name in enumerate(names) if name in ENROLMENT_COLUMNS)
        columns = [i for i, n in enumerate(names) if _names_recording(n) and i != model]
        side = names.index("side") if "side" in names else None
        del numbered[0]
    recordings: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for number, line in numbered:
        fields = line.split("\t") if tabbed else fields_of(line)
        if side is not None and side < len(fields):
            require_first_channel(path, number, fields[side])
        taken = fields[1:] if columns is None else [fields[i] for i in columns if i < len(fields)]
        taken = [name for name in taken if name]
        if len(fields) <= model or not fields[model] or not taken:
            raise InputError(f"{path}:{number}: expected a model and its recordings: {line!r}")
        known = recordings.setdefault(fields[model], [])
        for name in taken:
            if name in known:
                raise InputError(
                    f"{path}:{number}: {fields[model]!r} has the recording {name!r} twice; delete"
                    " one of them"
                )
            known.append(name)
            first.setdefault(name, number)
    return EnrolmentList(path, recordings, first)


def enrolments_beside(trials: str | os.PathLike) -> pathlib.Path | None:
    """The enrolment list that lies beside a trial list and is named like it, or None.

    Example:
        >>> enrolments_beside("lists/trials.lst")
        PosixPath('lists/enroll.lst')
        >>> enrolments_beside("docs/sre18_dev_trials.tsv")
        PosixPath('docs/sre18_dev_enrollment.tsv')
    """
    path = pathlib.Path(trials)
    for word in _WORDS:
        stem, changed = re.subn(r"trials?([-_]keys?)?", word, path.stem, flags=re.IGNORECASE)
        file = path.with_name(f"{stem}{path.suffix}")
        if changed and file.is_file():
            return file
    return None


def require_first_channel(path: pathlib.Path, line: int, side: str) -> None:
    """Refuses a trial or an enrolment with the second channel of a file.

    Raises:
        InputError: The side is not a, or empty.
    """
    if side.strip().lower() not in ("", "a", "1"):
        raise InputError(
            f"{path}:{line}: side {side.strip()!r}: lists do not tell channels apart; write each"
            " channel into a file of its own"
        )


def _names_recording(name: str) -> bool:
    return name in TEST_COLUMNS or _RECORDING_COLUMN.fullmatch(name) is not None
