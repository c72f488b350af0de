"""Preparing a corpus from Python, with a layout that tfsv does not know."""

import dataclasses
import pathlib

import numpy as np
import pytest
import soundfile
from light_import import check_light_import

from tfsv.audio.corpora import CORPORA, Skipped
from tfsv.audio.manifest import Utterance, read_manifest
from tfsv.errors import InputError
from tfsv.verification.preparing import PrepareSettings, prepare
from tfsv.verification.trials import read_trials


def flat(root):
    """One folder of files that are named SPEAKER-NUMBER.wav."""
    for path in sorted(pathlib.Path(root).glob("*.wav")):
        speaker, _, number = path.stem.partition("-")
        if number:
            yield Utterance(path.stem, speaker, number, path.name, 0.0, "", {"corpus": "flat"})
        else:
            yield Skipped(path.name, "no number")


@pytest.fixture
def corpus(tmp_path):
    """Three recordings of each of four speakers, and one that has no speaker."""
    CORPORA.add("flat", flat)
    random = np.random.default_rng(0)
    for name in [*(f"{s}-{n}" for s in "abcd" for n in range(3)), "stray"]:
        soundfile.write(tmp_path / f"{name}.wav", random.normal(0, 0.1, 8000), 16000)
    yield tmp_path
    CORPORA.remove("flat")


def test_a_corpus_from_outside(corpus):
    told = []
    settings = PrepareSettings(
        str(corpus), str(corpus / "manifest.tsv"), "flat", dev_speakers="2", test_speakers="0",
        workers=1, trials=True, targets=4, nontargets=3,
    )  # fmt: skip
    prepared = prepare(settings, tell=told.append)
    rows = list(read_manifest(corpus / "manifest.tsv"))
    assert rows == prepared.manifest.utterances
    assert [row.path for row in rows] == [f"{s}-{n}.wav" for s in "abcd" for n in range(3)]
    assert {row.split for row in rows} == {"train", "dev"} and rows[0].extra == {"corpus": "flat"}
    assert prepared.skipped == [Skipped("stray.wav", "no number")]
    assert prepared.report.read_text() == "path\treason\nstray.wav\tno number\n"
    assert told == [prepared.summary()] and "skipped 1 of 13" in told[0]
    trials = read_trials(corpus / "trials" / "dev.txt")
    assert (trials.labels.sum(), len(trials)) == (4, 7)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("corpus", "other", "^corpus=other: unknown; choose one of audiomnist, "),
        ("seed", -1, "^seed=-1: expected at least 0"),
        ("workers", 0, "^workers=0: expected at least 1"),
        ("minimum_seconds", -0.1, "^minimum_seconds=-0.1"),
        ("minimum_seconds", 700.0, "^minimum_seconds=700: above 'maximum_seconds'"),
        ("maximum_seconds", 0.0, "^maximum_seconds=0"),
        ("timeout_seconds", 0.0, "^timeout_seconds=0"),
        ("targets", 0, "^targets=0"),
        ("nontargets", 0, "^nontargets=0"),
        ("dev_speakers", "1.5", "^'dev_speakers': expected a number .* received '1.5'"),
        ("test_speakers", "-1", "^'test_speakers': expected a number .* received '-1'"),
    ],
)
def test_settings_out_of_range_are_named(name, value, message):
    with pytest.raises(InputError, match=message):
        PrepareSettings("root", "manifest.tsv", **{name: value})


def test_an_output_that_is_a_folder(corpus):
    with pytest.raises(InputError, match="a folder; 'output' names the manifest file"):
        prepare(PrepareSettings(str(corpus), str(corpus)))


def test_import_needs_no_tensorflow():
    check_light_import("tfsv.verification.preparing", most_seconds=1.0)


def test_every_setting_says_what_it_is():
    for field in dataclasses.fields(PrepareSettings):
        assert field.metadata["help"].endswith(".")
        assert f"        {field.name}: " in PrepareSettings.__doc__
