"""Files of other kinds under a sound's name: what they are, and what helps."""

import pathlib

import pytest
from odd_sounds import put, wav, written

from tfsv.audio.sound_kinds import SUFFIXES, UNREADABLE_SUFFIXES, is_sound_name, other_kind
from tfsv.audio.soundfiles import sound_info
from tfsv.errors import InputError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
KINDS = {
    "pointer of git-lfs": (POINTER, "git lfs pull"),
    "pointer of git-annex": (b"/annex/objects/MD5E-s1--0.wav\n", "git annex get"),
    "pointer of DVC": (b"outs:\n- md5: 0123\n  path: a.wav\n", "dvc pull"),
    "HTML": (b"\xef\xbb\xbf\n<!DOCTYPE html><html>Not found</html>", "page.*download it again"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "download it again"),
    "JSON": (b'{"error": "no such file"}', "download it again"),
    "JSON of any kind": (b'[{"id": 1}]', "JSON.*download it again"),
    "answer with its header": (
        b"HTTP/1.1 403 Forbidden\r\n\r\nRIFF" + bytes(99),
        "server's message",
    ),
    "text": (b"File type = 'ooTextFile'\n" * 9, "no audio but text"),
    "MPEG-4": (b"\0\0\0\x20ftypM4A " + bytes(256), "MPEG-4 .*ffmpeg"),
    "3GP": (b"\0\0\0\x18ftyp3gp4" + bytes(256), "3GPP.*ffmpeg"),
    "QuickTime": (b"\0\0\0\x08wide\0\0\0\0mdat" + bytes(256), "QuickTime.*ffmpeg"),
    "WebM": (b"\x1aE\xdf\xa3" + bytes(256), "WebM.*ffmpeg"),
    "WMA": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(256), "WMA.*ffmpeg"),
    "AMR": (b"#!AMR\n" + bytes(256), "AMR.*ffmpeg"),
    "AAC": (b"\xff\xf1\x50\x80" + bytes(256), "AAC.*ffmpeg"),
    "Speex": (b"OggS" + bytes(24) + b"Speex   " + bytes(99), "Speex.*ffmpeg"),
    "AVI": (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(99), "AVI.*ffmpeg"),
    "MIDI": (b"RIFF\x00\x10\x00\x00RMIDdata" + bytes(99), "notes and no sound"),
    "track of a CD": (b"RIFF\x24\x00\x00\x00CDDAfmt " + bytes(28), "CD ripper"),
    "AAC in a wav": (put(wav(), 20, "<H", 0xFF), "AAC in a wav.*ffmpeg"),
    "WMA in a wav": (put(wav(), 20, "<H", 0x161), "WMA in a wav.*ffmpeg"),
    "BW64": (b"BW64\xff\xff\xff\xffWAVEds64" + bytes(99), "BW64.*ffmpeg"),
    "gzip": (b"\x1f\x8b\x08" + bytes(99), "unpack"),
    "zip": (b"PK\x03\x04" + bytes(99), "unpack"),
    "shorten": (
        written("NIST", "PCM_16").replace(b"-s3 pcm\n", b"-s26 pcm,embedded-shorten-v2.00\n"),
        "sph2pipe",
    ),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "name a recording"),
    "model": (b"\x1c\0\0\0TFL3" + bytes(99), "name a recording"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_told_by_its_first_bytes(tmp_path, name):
    content, remedy = KINDS[name]
    for suffix in ("wav", "MP3", "flac"):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(content)
        with pytest.raises(InputError, match=remedy) as caught:
            sound_info(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: ") and "\n" not in text and "copy it again" not in text


@pytest.mark.parametrize(
    "suffix, content, reason",
    [
        ("pcm", bytes(range(256)), "without a header.*ffmpeg -f s16le"),
        ("G722", bytes(range(256)), "without a header.*ffmpeg -f g722 -i"),
        ("ulaw", bytes(range(256)), "without a header.*ffmpeg -f mulaw -ar 8000"),
        ("vox", bytes(range(256)), "without a header.*sox IN"),
        ("raw", b"\xff\xfb\x90\x04" * 900, "without a header"),
        ("webm", bytes(64), "cannot decode this format; convert"),
        ("wav", bytes(64), "zeros where a header belongs; copy or download"),
        ("wav", b"no sound at all \x80" * 9, "no audio that libsndfile can decode"),
        ("caf", written("CAF", "PCM_16").replace(b"lpcm", b"aac "), "encoding.*ffmpeg"),
    ],
    ids=["pcm", "g722", "ulaw", "vox", "raw", "webm", "zeros", "bytes", "caf"],
)
def test_what_no_first_bytes_tell_is_told_by_ending_or_error(tmp_path, suffix, content, reason):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        sound_info(path)


def test_no_sound_of_libsndfile_is_of_another_kind():
    for container in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "NIST", "VOC", "W64"):
        assert other_kind(written(container)[:4096]) is None


def test_endings():
    assert not set(SUFFIXES) & set(UNREADABLE_SUFFIXES)
    assert is_sound_name("a/b.OGA") and is_sound_name(pathlib.Path("enrol.M4A"))
    assert not is_sound_name("model.tflite") and not is_sound_name("runs/wav")
