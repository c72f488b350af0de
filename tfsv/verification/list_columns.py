"""Trial lists as columns: how their fields are cut, what a header names, on which line."""

import csv
import dataclasses
import io
import os
import pathlib
import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tfsv.errors import InputError
from tfsv.text_files import read_bytes, unwritable

_THINGS = ("", "id", "file", "path", "wav", "audio", "utt", "utterance")
ENROLMENT_COLUMNS = frozenset(
    (
        *("modelid", "model", "enrolmodel", "enrollmodel", "speaker", "speakerid"),
        *(f"{w}{t}" for w in ("enrol", "enroll", "enrolment", "enrollment") for t in _THINGS),
        *("utt1", "path1", "file1", "wav1", "audio1"),
    )
)
"""Names of a header for the enrolment, in small letters without "-", "_" and blanks."""

TEST_COLUMNS = frozenset(
    (
        *("segmentid", "segment", "testsegment", "testsegmentid"),
        *(f"test{thing}" for thing in _THINGS),
        *("evaluationfile", "evaluationfileid", "utterance", "utteranceid", "utt", "uttid"),
        *("utt2", "path2", "file2", "wav2", "audio2"),
    )
)
"""Names of a header for the test side, spelled as in `ENROLMENT_COLUMNS`."""

LABEL_COLUMNS = frozenset(("targettype", "label", "key", "trialtype", "istarget", "target"))
"""Names of a header for the label, spelled as in `ENROLMENT_COLUMNS`."""

_WIDTH = 3
_FORM = "label enrol test, or enrol test label"


@dataclasses.dataclass(frozen=True)
class ListColumns:
    """A list that was cut into columns.

    Example:
        >>> columns = read_columns("sre18_dev_trials.tsv")
        >>> columns.names
        ['modelid', 'segmentid', 'side', 'targettype']

    Attributes:
        path: The file.
        names: Names that a header gives the columns, in small letters without "-", "_" and blanks.
            Empty: the list has no header.
        columns: Fields of each column, as UTF-8.
        lines: Line on which each row stands, int32 `[rows]`, counted from 1.
    """

    path: pathlib.Path
    names: Sequence[str]
    columns: Sequence[Sequence[bytes]]
    lines: np.ndarray

    def column(self, names: Collection[str]) -> int | None:
        """Number of the first column that has one of these names; None if none has."""
        return next((i for i, name in enumerate(self.names) if name in names), None)


def fields_of(line: str) -> list[str]:
    """The fields of one line: cut at tabs if it has any, else at blanks or commas.

    Example:
        >>> fields_of("model-1 test/a.wav target")
        ['model-1', 'test/a.wav', 'target']
    """
    return _fields(line, separator_of(line.encode()))


def separator_of(line: bytes, fields: int = 2) -> bytes | None:
    """What separates the fields of a list with this first line; None stands for blanks.

    Commas do if there is one at each blank, as in `a, b, 1`, or if quotes hold the blanks.

    Args:
        line: First line of the list.
        fields: Fewest fields that a line has.
    """
    if len(list(filter(None, line.split(b"\t")))) >= fields:
        return b"\t"
    words = line.split()
    if line.count(b",") < fields - 1:
        return None
    quoted = (b'"' in line) and (words[0].startswith(b'"') or b',"' in words[0])
    return b"," if quoted or all(word.endswith(b",") for word in words[:-1]) else None


def plain(name: str) -> str:
    """The name of a column in small letters without "-", "_" and blanks.

    Example:
        >>> plain("Model-ID")
        'modelid'
    """
    return re.sub("[-_ ]", "", name.lower())


def read_columns(path: str | os.PathLike) -> ListColumns:
    """Reads a trial list whose lines have as many fields as its header, or three without one.

    Fields are separated by blanks. They are separated by single tabs if the first line has tabs, so
    that names may hold blanks, or by commas if that line has no blank but behind commas and within
    quotes. The first line is a header if it names an enrolment and a test. 580,000 lines take about
    a second.

    Example:
        >>> read_columns("trials.txt").columns[0]
        [b'1', b'0']

    Raises:
        InputError: The file cannot be read, is no UTF-8 or has no line, or a line has another
            number of fields. The message has the line's number.
    """
    path = pathlib.Path(path)
    text = read_bytes(path, "a trial list")
    first = next((line for line in re.split(b"\n+", text[:65536]) if line.strip()), b"")
    if not first:
        raise InputError(f"{path}:1: lists no trial; expected lines of: {_FORM}")
    separator = separator_of(first, _WIDTH)
    names = _header(first, separator)
    width = len(names) or _WIDTH
    if separator == b",":
        fields, lines = _cut_at_commas(path, text, names)
    elif names:
        fields, lines = _cut_by_header(path, text, separator, names)
    else:
        fields, lines = _cut(text, separator), _lines(path, text, separator)
    if names:
        fields, lines = fields[width:], lines[1:]
        if not fields:
            raise InputError(f"{path}: lists no trial after its header")
    return ListColumns(path, names, [fields[column::width] for column in range(width)], lines)


def _header(first: bytes, separator: bytes | None) -> list[str]:
    names = [plain(field) for field in _fields(first.decode("utf-8", "replace"), separator)]
    enrolment, test = ENROLMENT_COLUMNS.intersection(names), TEST_COLUMNS.intersection(names)
    if not (enrolment and test):
        return []
    # "utt1 utt2 target" may be a trial; only a label's name that is no label makes it a header.
    numbered = any(name[-1].isdigit() for name in enrolment | test)
    return [] if numbered and not (LABEL_COLUMNS - {"target"}).intersection(names) else names


def _fields(line: str, separator: bytes | None) -> list[str]:
    if separator is None:
        return re.findall("[^ \t]+", line)
    fields = next(_rows(line)) if separator == b"," else line.split("\t")
    return [field.strip(" ") for field in fields]


def _rows(text: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)


def _cut_at_commas(
    path: pathlib.Path, text: bytes, names: Sequence[str]
) -> tuple[list[bytes], np.ndarray]:
    """All fields, without quotes around them, and the rows' lines."""
    width = len(names) or _WIDTH
    fields: list[bytes] = []
    lines: list[int] = []
    rows, line = _rows(text.decode("utf-8")), 1
    try:
        for row in rows:
            if any(map(str.strip, row)):
                problem = _problem(row, width, empty=bool(names))
                if problem:
                    raise InputError(f"{path}:{line}: {problem}")
                fields += [field.strip(" ").encode() for field in row]
                lines.append(line)
            line = rows.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{line}: a quote does not end") from error
    return fields, np.array(lines, np.int32)


def _problem(row: Sequence[str], width: int, *, empty: bool) -> str | None:
    """What is wrong with the fields of a row, which may be empty or not."""
    if any(map(unwritable, row)):  # the text is UTF-8, so nothing else is wrong with it
        return "a tab or line break in a field; does a quote not end?"
    if len(row) != width:
        return f"{len(row)} fields, expected {width}, separated by commas: {','.join(row)[:60]!a}"
    return None if empty or all(map(str.strip, row)) else "a field is empty"


def _cut(text: bytes, separator: bytes | None) -> list[bytes]:
    if separator is None:
        return text.split()
    return [field for field in text.replace(b"\n", separator).split(separator) if field]


def _cut_by_header(
    path: pathlib.Path, text: bytes, separator: bytes | None, names: Sequence[str]
) -> tuple[list[bytes], np.ndarray]:
    """All fields, empty ones too where tabs keep their place, and the rows' lines."""
    numbered = [(i, line) for i, line in enumerate(text.split(b"\n"), start=1) if line.strip()]
    lines = [line for _, line in numbered]
    if separator is None:
        lines = [b"\t".join(line.split()) for line in lines]
        separator = b"\t"
    wrong = next((i for i, line in enumerate(lines) if line.count(separator) != len(names) - 1), -1)
    if wrong >= 0:
        count = lines[wrong].count(separator) + 1
        raise InputError(
            f"{path}:{numbered[wrong][0]}: {count} fields, but the header names {len(names)}:"
            f" {' '.join(names)}"
        )
    return separator.join(lines).split(separator), np.array([i for i, _ in numbered], np.int32)


def _lines(path: pathlib.Path, text: bytes, separator: bytes | None) -> np.ndarray:
    """The line of each row, all of which must have three fields."""
    characters = np.frombuffer(text, np.uint8)
    breaks = characters == ord("\n")
    gap = breaks.copy()
    for character in separator or b" \t\v\f":
        gap |= characters == character
    starts = np.flatnonzero(~gap & np.concatenate([[True], gap[:-1]]))
    counts = np.bincount(np.searchsorted(np.flatnonzero(breaks), starts))
    wrong = np.flatnonzero((counts != _WIDTH) & (counts != 0))
    if len(wrong):
        line = text.split(b"\n", wrong[0] + 1)[wrong[0]].decode("utf-8")
        shown = line if len(line) <= 60 else f"{line[:60]}…"
        raise InputError(
            f"{path}:{wrong[0] + 1}: {counts[wrong[0]]} fields, expected {_WIDTH}"
            f"{' between tabs' if separator else ''}: {_FORM}; the line is {shown!a}"
        )
    return np.flatnonzero(counts).astype(np.int32) + 1
