"""Kinds that are told by their first bytes, from files that other programs wrote."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile

import pytest

from tfsv.foreign import HEAD_BYTES, foreign_kind

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n"


def archive(kind):
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(zipfile.ZipInfo("a.wav"), b"RIFF")  # of no time, as names of tests
    else:
        with tarfile.open(fileobj=buffer, mode="w") as file:
            file.addfile(tarfile.TarInfo("a.wav"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LFS, "git lfs pull"),
        (b"../../.git/annex/objects/xK/1/SHA256E-s12--0.wav/SHA256E-s12--0.wav\n", "git annex get"),
        (b"outs:\n- md5: 0123\n  path: a.wav\n", "dvc pull"),
        (b"<!DOCTYPE html><html>Not found</html>", "web page.*download it again"),
        (b"\xef\xbb\xbf\r\n <HTML><head>", "web page"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "">\n<html xmlns="">', "web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "server's message"),
        (b'{\n "error": "not found"}', "server's message"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nRIFF", "server's message"),
        (b"%PDF-1.7\n", "PDF"),
        (b"", "empty"),
        (archive("zip"), "zip archive; unpack"),
        (archive("tar"), "tar archive; unpack"),
        (gzip.compress(b"RIFF", mtime=0), "gzip; unpack"),
        (bz2.compress(b"RIFF"), "bzip2; unpack"),
        (lzma.compress(b"RIFF"), "xz; unpack"),
    ],
)
def test_what_stands_in_place_of_a_file_is_told(content, words):
    found = foreign_kind(content[:HEAD_BYTES])
    assert re.search(words, found) and "\n" not in found


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"fLaC\x00\x00\x00\x22",
        b"OggS\x00\x02",
        b"\x1c\x00\x00\x00TFL3",
        b"\x00\x00\x00\x00",
        b'\x90\x01\x00\x00\x00\x00\x00\x00{"a":{}}',  # safetensors
        b"NIST_1A\n   1024\n",
        b"text of any kind",
        b'{"metadata": {}, "weight_map": {}}',
    ],
)
def test_other_files_are_none_of_these(content):
    assert foreign_kind(content) is None
