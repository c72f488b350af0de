"""Where the recordings of a trial list are found, and how missing ones are told."""

import pathlib
import re
import unicodedata

import numpy as np
import pytest
from absl import logging

from tfsv.audio.manifest import Utterance, read_manifest, write_manifest
from tfsv.errors import InputError
from tfsv.verification.recordings import listed, recording_paths, utterances_of
from tfsv.verification.trials import Trials, read_trials


def _trials(tmp_path, *pairs):
    path = tmp_path / "trials.txt"
    path.write_text("".join(f"1\t{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    return read_trials(path)


def _files(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"sound")
    return root


def _found(trials, root, manifest=None):
    return dict(zip(trials.names, recording_paths(trials, root, manifest), strict=True))


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


def test_names_that_are_there_are_taken_as_they_stand(tmp_path, warnings):
    root = _files(tmp_path / "r", "a.wav", "a.flac", "b c.wav", "sub/a.wav")
    trials = _trials(tmp_path, ("a.wav", "b c.wav"), ("sub/a.wav", str(root / "a.flac")))
    assert _found(trials, root) == {
        "a.wav": f"{root}/a.wav",
        "b c.wav": f"{root}/b c.wav",
        "sub/a.wav": f"{root}/sub/a.wav",
        f"{root}/a.flac": f"{root}/a.flac",
    }
    assert not warnings


def test_another_ending_on_the_disk(tmp_path, warnings):
    root = _files(tmp_path / "r", "x/a.flac", "x/b.WAV", "x/c.wav", "x/d.v1.wav.flac", "y/a.wav")
    trials = _trials(tmp_path, ("x/a.wav", "x/b.wav"), ("x/c.sph", "x/d.v1.wav"))
    assert _found(trials, root) == {
        "x/a.wav": f"{root}/x/a.flac",
        "x/b.wav": f"{root}/x/b.WAV",
        "x/c.sph": f"{root}/x/c.wav",
        "x/d.v1.wav": f"{root}/x/d.v1.wav.flac",
    }
    assert len(warnings) == 1 and "4 of 4 recordings have another ending: for" in warnings[0]
    _files(root, "x/a.mp3")
    with pytest.raises(InputError, match=r"trials\.txt:1: 'x/a\.wav' is not in .*any of 2: .*x/a"):
        _found(trials, root)


def test_spellings_of_other_systems(tmp_path, warnings):
    one, two = "josé/1.wav", "ann/é.wav"
    root = _files(tmp_path / "r", one, unicodedata.normalize("NFD", two))
    _files(root, "b/1.wav", unicodedata.normalize("NFD", "ü/é/1.flac"))
    found = _found(_trials(tmp_path, ("b/1.wav", "ü/é/1.wav")), root)
    assert found["ü/é/1.wav"] == f"{root}/{unicodedata.normalize('NFD', 'ü/é/1.flac')}"
    assert "1 of 2 recordings have another ending" in warnings.pop()
    trials = _trials(tmp_path, (one.replace("/", "\\"), two))
    assert [pathlib.Path(path).name for path in _found(trials, root).values()] == [
        "1.wav",
        unicodedata.normalize("NFD", "é.wav"),
    ]
    assert len(warnings) == 1 and "2 of 2 recordings are spelled otherwise: for" in warnings[0]


def test_names_without_ending_are_found_beneath(tmp_path, warnings):
    root = _files(tmp_path / "r", "a/s-1.flac", "b/c/s-2.wav", "b/s.3.wav")
    trials = _trials(tmp_path, ("s-1", "c/s-2"), ("s.3", "s-1"))
    assert _found(trials, root) == {
        "s-1": f"{root}/a/s-1.flac",
        "c/s-2": f"{root}/b/c/s-2.wav",
        "s.3": f"{root}/b/s.3.wav",
    }
    assert len(warnings) == 1 and "3 of 3 recordings are further down" in warnings[0]
    _files(root, "d/s-1.wav")
    with pytest.raises(InputError, match=r"trials\.txt:1: 's-1' is not in .*may be any of 2"):
        _found(trials, root)


def test_a_folder_further_down_has_all_names_or_none(tmp_path, warnings):
    root = _files(tmp_path / "r", "eval/test/1.flac", "eval/test/2.wav", "old/test/1.wav")
    trials = _trials(tmp_path, ("test/1.wav", "test/2.wav"))
    assert _found(trials, root) == {
        "test/1.wav": f"{root}/eval/test/1.flac",
        "test/2.wav": f"{root}/eval/test/2.wav",
    }
    assert len(warnings) == 1 and "are in eval/" in warnings[0]
    _files(root, "old/test/2.wav")
    with pytest.raises(InputError, match="in eval/? and in old|in old/? and in eval"):
        _found(trials, root)
    # What is found at the top says where the list starts: nothing is guessed for the others.
    _files(root, "test/1.wav")
    with pytest.raises(InputError, match=r"'test/2\.wav' is not in .*\(1 of 2 recordings missing"):
        _found(trials, root)


def test_a_manifest_finds_identifiers_paths_and_other_endings(tmp_path):
    root = _files(tmp_path, "eval/enroll/1.flac", "eval/test/2.flac", "eval/test/3.wav")
    rows = [
        Utterance(f"u-{path.stem}", "s", "d", str(path.relative_to(root)), 1.0, "test")
        for path in sorted((root / "eval").rglob("*.*"))
    ]
    manifest = write_manifest(root / "manifest.tsv", rows)
    trials = _trials(root, ("u-1", "eval/test/2.wav"), ("eval/test/3.wav", "eval/enroll/1.flac"))
    assert [pathlib.Path(p).stem for p in _found(trials, None, manifest).values()] == [
        "1", "3", "2", "1",
    ]  # fmt: skip
    trials = _trials(root, ("enroll/1.wav", "test/2.wav"))
    assert [u.utterance for u in utterances_of(trials, manifest)] == ["u-1", "u-2"]
    assert listed(rows[1:2], manifest, trials, _found(trials, None, manifest).values()) == rows[1]
    with pytest.raises(InputError, match=r"trials\.txt:1: 'gone' is not in .*manifest\.tsv \(1 of"):
        _found(_trials(root, ("gone", "u-2")), None, manifest)
    (root / "eval/test/2.flac").unlink()
    with pytest.raises(
        InputError, match=r"'u-2' is not where .*manifest\.tsv says: .*2\.flac does"
    ):
        _found(_trials(root, ("u-1", "u-2")), None, manifest)


def test_missing_recordings_are_all_told_with_their_lines(tmp_path):
    root = _files(tmp_path / "r", *(f"{i}.wav" for i in range(40)))
    path = tmp_path / "trials.txt"
    lines = [f"{i % 2} {i}.wav {(i + 1) % 40}.wav\n" for i in range(40)]
    path.write_text("".join(lines) + "\n0 0.wav gone.wav\n")
    with pytest.raises(InputError) as caught:
        _found(read_trials(path), root)
    assert str(caught.value).startswith(
        f"{path}:42: 'gone.wav' is not in {root} (1 of 41 recordings missing)"
    )
    (root / "7.wav").unlink()
    with pytest.raises(
        InputError, match=r"txt:7: '7\.wav' is not in .*nor are 'gone\.wav' \(line 42"
    ):
        _found(read_trials(path), root)
    for i in range(10, 40):
        (root / f"{i}.wav").unlink()
    with pytest.raises(InputError, match="32 of 41 recordings missing") as caught:
        _found(read_trials(path), root)
    report = pathlib.Path(re.search("all listed in (.*?)\\)", str(caught.value))[1])
    told = [line.split("\t") for line in report.read_text().splitlines()]
    assert len(told) == 32 and told[0] == [f"{path}:7", "7.wav"]
    assert told[1] == [f"{path}:10", "10.wav"] and told[-1] == [f"{path}:42", "gone.wav"]
    assert len(str(caught.value).splitlines()) == 1
    report.unlink()


def test_a_link_to_nothing_is_missing_and_no_other_ending(tmp_path):
    root = _files(tmp_path / "r", "a.wav", "x/c.wav")
    for name in ("b.wav", "x/d.wav"):
        (root / name).symlink_to("../.git/annex/objects/1/b.wav")
    for names, line in ((("a.wav", "b.wav"), "'b.wav' is not in"), (("c", "d"), "'d' is not in")):
        with pytest.raises(InputError, match=f"{line}.*1 of 2 recordings missing"):
            recording_paths(_trials(tmp_path, names), root, None)


def test_recordings_of_an_enrolment_list_are_told_with_its_line(tmp_path):
    root = _files(tmp_path / "r", "a.wav", "t.wav")
    (tmp_path / "trials.lst").write_text("m t.wav 1\nn t.wav 0\n")
    (tmp_path / "enroll.lst").write_text("n a.wav\nm a.wav b.wav\n")
    trials = read_trials(tmp_path / "trials.lst")
    with pytest.raises(InputError, match=r"enroll\.lst:2: 'b\.wav' is not in .*\(1 of 3"):
        _found(trials, root)


def test_without_a_folder(tmp_path):
    root = _files(tmp_path / "r", "a.wav", "b.wav")
    trials = _trials(tmp_path, (f"{root}/a.wav", f"{root}/b.wav"))
    assert _found(trials, None) == {name: name for name in trials.names}
    with pytest.raises(InputError, match="give 'root' or 'manifest'"):
        _found(_trials(tmp_path, ("a.wav", "b.wav")), None)
    with pytest.raises(InputError, match="absent: no such folder; 'root'"):
        _found(trials, tmp_path / "absent")
    one = np.zeros(1, np.int32)
    with pytest.raises(InputError, match=r"^trial list: 'c\.wav' is not in"):
        _found(Trials(np.ones(1, np.uint8), one, one, ["c.wav"]), root)


def test_a_folder_and_a_manifest(tmp_path):
    root = _files(tmp_path / "r", "a.wav", "sub/b.wav")
    rows = [Utterance("u", "s", "d", "r/sub/b.wav", 1.0, "test")]
    write_manifest(tmp_path / "manifest.tsv", rows)
    manifest = read_manifest(tmp_path / "manifest.tsv")
    trials = _trials(tmp_path, ("a.wav", "u"))
    assert list(_found(trials, root, manifest).values()) == [f"{root}/a.wav", f"{root}/sub/b.wav"]
