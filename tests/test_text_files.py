"""Text files of other systems, and names in tables."""

import sys

import hypothesis
import hypothesis.strategies as st
import pytest

from tfsv.errors import InputError
from tfsv.text_files import escaped, read_bytes, read_lines, read_text, unwritable


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_ends_of_other_systems(tmp_path, mark, ending):
    path = tmp_path / "a.txt"
    path.write_bytes((mark + ending.join(["é 1", "", "b"]) + ending).encode())
    assert read_text(path) == "é 1\n\nb\n"
    assert read_lines(path) == ["é 1", "", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be"])
def test_wide_encodings_are_told(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("1 a b\n".encode(encoding))
    with pytest.raises(InputError, match=r"a\.txt: not UTF-8 text.*save it as UTF-8") as caught:
        read_bytes(path)
    if encoding in ("utf-16", "utf-32"):
        assert f"but {encoding.upper()}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of git-lfs"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (b"\x1f\x8b\x08\x00", "compressed by gzip"),
        (bytes(100), "nothing but zero bytes"),
    ],
)
def test_what_stands_in_place_of_the_file_is_told(tmp_path, content, message):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.txt: not a list: {message}"):
        read_bytes(tmp_path / "a.txt", "a list")


@pytest.mark.parametrize("size", [0, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000])
def test_a_text_is_whole_however_its_first_bytes_are_looked_at(tmp_path, size):
    content = bytes(97 + number % 25 for number in range(size))
    (tmp_path / "a.txt").write_bytes(content)
    assert read_bytes(tmp_path / "a.txt") == content


def test_other_bytes_are_told_with_their_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\nb\nJos\xe9\n")
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 0xe9 in line 3\)"):
        read_lines(path)
    with pytest.raises(InputError, match=r"absent: cannot be read as a list \(No such"):
        read_lines(tmp_path / "absent", "a list")


def test_what_cannot_be_written_is_what_cuts_lines_and_fields_or_is_no_utf_8():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        cuts = character == "\t" or len(f"a{character}b".splitlines()) > 1
        encoded = character.encode("utf-8", "replace") if not cuts else b"?"
        wrong = cuts or (encoded == b"?" and character != "?")
        assert (unwritable(f"a{character}b") is not None) == wrong, ascii(character)


@hypothesis.given(st.text(st.characters(exclude_categories=())))
def test_every_name_can_be_told(name):
    told = escaped(name)
    assert unwritable(told) is None
    assert told == name or unwritable(name)
    assert f"a\n{told}\nb".encode().decode().split("\n") == ["a", told, "b"]
