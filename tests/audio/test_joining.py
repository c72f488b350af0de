"""Several manifests as one."""

import collections
import pathlib
import subprocess
import sys

import pytest

from tfsv.audio.joining import join_manifests
from tfsv.audio.manifest import Manifest, Utterance, read_manifest, write_manifest
from tfsv.errors import InputError

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "join_manifests.py"


def manifest(path, *speakers):
    """Rows from (corpus, speaker, split, number of recordings)."""
    return Manifest(
        path,
        [
            Utterance(
                f"{name}-{number}", name, "s", f"{name}/{number}.wav", 1.0, split,
                {"corpus": corpus} if corpus else {},
            )
            for corpus, name, split, count in speakers
            for number in range(count)
        ],
    )  # fmt: skip


def rows_by_speaker(rows):
    return dict(collections.Counter(row.speaker for row in rows))


def test_takes_the_chosen_corpora_where_they_lie(tmp_path):
    one = manifest(tmp_path / "one" / "m.tsv", ("a", "a1", "train", 2), ("b", "b1", "test", 1))
    two = manifest(tmp_path / "two" / "m.tsv", ("c", "c1", "dev", 1), ("", "d1", "train", 1))
    everything = join_manifests([one, two])
    assert rows_by_speaker(everything) == {"a1": 2, "b1": 1, "c1": 1, "d1": 1}
    chosen = join_manifests([two, one], corpora=["a", "c"])
    assert [(row.utterance, row.split) for row in chosen] == [
        ("c1-0", "dev"), ("a1-0", "train"), ("a1-1", "train"),
    ]  # fmt: skip
    assert chosen[0].path == str(tmp_path / "two" / "c1" / "0.wav")


def test_training_speakers_with_few_recordings_are_listed_again(tmp_path):
    few = manifest(
        tmp_path / "m.tsv",
        ("a", "one", "train", 1), ("a", "three", "train", 3), ("a", "nine", "train", 9),
        ("a", "held", "dev", 1),
    )  # fmt: skip
    rows = join_manifests([few], least=4)
    assert rows_by_speaker(rows) == {"one": 4, "three": 6, "nine": 9, "held": 1}
    assert [row.utterance for row in rows][:4] == ["one-0", "one-0#2", "one-0#3", "one-0#4"]
    assert len({row.path for row in rows}) == len(few)


def test_what_cannot_be_joined_is_named(tmp_path):
    one = manifest(tmp_path / "one.tsv", ("a", "same", "train", 1))
    two = manifest(tmp_path / "two.tsv", ("b", "same", "test", 1))
    with pytest.raises(InputError, match=r"two\.tsv: speaker same is in .*one\.tsv too"):
        join_manifests([one, two])
    with pytest.raises(InputError, match="^'corpora': 'c' is in no manifest; they have a, b"):
        join_manifests([one, two], corpora=["a", "c"])
    assert len(join_manifests([one, two], corpora=["b"])) == 1


def test_tool_joins_the_voices_with_a_manifest(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSV_CACHE", str(tmp_path / "cache"))
    other = manifest(tmp_path / "other.tsv", ("a", "a1", "train", 1), ("b", "b1", "train", 1))
    write_manifest(other.path, other)
    output = tmp_path / "new" / "joined.tsv"
    flags = ["--speakers=6", "--utterances=2", "--corpora=voices,a", "--least_rows=3"]
    command = [sys.executable, TOOL, f"--output={output}", *flags, "voices", other.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ["train", "a", "1", "3"] in [line.split() for line in done.stdout.splitlines()]
    joined = read_manifest(output)
    assert joined.splits == ["dev", "test", "train"]
    assert rows_by_speaker(joined.split("train")) == {"a1": 3, "v0000": 4, "v0001": 4}
    assert all(pathlib.Path(joined.absolute(row)).is_file() for row in joined.split("dev"))


def test_an_identifier_of_two_manifests_is_told_with_both():
    one, two = (
        Manifest(f"{name}.tsv", [Utterance("u1", name, "", f"{name}.wav", 2.0, "train", {})])
        for name in ("a", "b")
    )
    with pytest.raises(InputError, match=r"b\.tsv: utterance 'u1' is in a\.tsv too; rename"):
        join_manifests([one, two])
