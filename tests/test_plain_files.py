"""Pipes, devices and files without end: one line at once, wherever a file is read."""

import os
import socket
import threading

import numpy as np
import pytest

from tfsv.array_files import read_array
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.json_files import parsed_json, read_json
from tfsv.models.checkpoints import read_checkpoint
from tfsv.plain_files import opened, special, whole
from tfsv.text_files import read_lines

READERS = {
    "text": read_lines,
    "JSON": read_json,
    "array": read_array,
    "checkpoint": read_checkpoint,
    "hash": sha256_of,
}


def _pipe(path):
    os.mkfifo(path)
    return path


def _device(path):
    path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("make, kind", [(_pipe, "a pipe"), (_device, "a device")])
def test_a_reader_neither_waits_nor_reads_without_end(tmp_path, reader, make, kind):
    path = make(tmp_path / "a.txt")
    outcome = []

    def read():
        with pytest.raises(InputError, match=f"a.txt: {kind}, not a file") as caught:
            reader(path)
        outcome.append(str(caught.value))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert outcome and "\n" not in outcome[0]


def test_what_a_path_is(tmp_path):
    assert special(tmp_path) is None and special(tmp_path / "absent") is None
    assert special("\0") is None
    with socket.socket(socket.AF_UNIX) as end:
        os.chdir(tmp_path)  # a socket's path may have a hundred letters only
        end.bind("end")
        assert special("end") == "a socket"


def test_a_file_is_read_whole_unless_it_is_too_large(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"1234")
    assert whole(path) == whole(path, 4) == b"1234"
    with pytest.raises(InputError, match=r"a\.txt: 4 bytes, where 3 are the most"):
        whole(path, 3)
    with opened(path) as file:
        assert file.read(2) == b"12"


def test_gigabytes_of_nothing_are_told_by_their_first_bytes(tmp_path):
    path = tmp_path / "list.txt"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="nothing but zero bytes"):
        read_lines(path)
    path.write_bytes(b"{" * 10)
    os.truncate(path, 1 << 40)
    with pytest.raises(InputError, match="1099511627776 bytes, where 268435456 are the most"):
        read_json(path)


@pytest.mark.parametrize(
    "text, words",
    [
        ("[" * 100_000, "nested too deeply|Expecting"),
        ('{"a":' * 100_000, "nested too deeply|Expecting"),
        ('{"a": ' + "9" * 5_000 + "}", "digits"),
        ('{"a": ]', "Expecting value"),
        ("", "Expecting value"),
    ],
)
def test_json_without_end_or_sense_is_one_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parsed_json(text)
    assert "\n" not in str(caught.value)
    path = tmp_path / "a.json"
    path.write_text(text or " ")
    with pytest.raises(InputError, match=r"a\.json: not a plan \(") as caught:
        read_json(path, "a plan")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_an_array_is_what_was_written_and_nothing_else(tmp_path):
    path, wanted = tmp_path / "a.npy", np.arange(6, dtype=np.int8).reshape(2, 3)
    np.save(path, wanted)
    found = read_array(path)
    np.testing.assert_array_equal(found, wanted)
    assert found.flags.writeable and not isinstance(found, np.memmap)
    content = path.read_bytes()
    forged = [
        content[:-1],
        content[:20],
        b"",
        content.replace(b"(2, 3)", b"(9**9,)"),
        content.replace(b"(2, 3), }   ", b"(999999999999, 3), }")[: len(content)],
        content.replace(b"'|i1'", b"'|O' "),
    ]
    for part in forged:
        path.write_bytes(part)
        with pytest.raises(ValueError, match="no array, or damaged"):
            read_array(path)
    np.savez(tmp_path / "several.npz", wanted)
    with pytest.raises(ValueError, match="several arrays"):
        read_array(tmp_path / "several.npz")
