"""Cohorts: speakers' means, fewer directions, int8, and where they come from."""

import pathlib

import numpy as np
import pytest
import sklearn.cluster
from absl import logging
from speech_stub import SIZE, PitchEmbedder, write_people

from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.errors import InputError
from tfsv.packed.cohort import cohort_bytes, read_cohort
from tfsv.verification.cohort_sources import (
    cohort_recordings,
    corpora_in,
    made_cohort,
    usual_top,
)
from tfsv.verification.cohorts import int8_cohort, smaller_cohort, speaker_means
from tfsv.verification.extraction import embed_file
from tfsv.verification.trials import Enrolment, Trials


@pytest.fixture
def told(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


def test_means_of_speakers():
    embeddings = np.array([[2.0, 0], [0, 5], [3, 0], [-1, 0], [1, 0]])
    means = speaker_means(embeddings, ["a", "a", "b", "c", "c"])  # c's cancel
    np.testing.assert_allclose(means, [[0.5**0.5, 0.5**0.5], [1, 0]])


def test_fewer_directions_stand_as_near_to_all_as_those_of_scikit_learn():
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 8))
    means = np.repeat(centres, 30, axis=0) + 0.1 * random.normal(size=(600, 8))
    found = smaller_cohort(means, 20)
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    reference = sklearn.cluster.KMeans(20, n_init=10, random_state=0).fit(unit).cluster_centers_
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    near, expected = ((unit @ x.T).max(axis=1).mean() for x in (found, reference))
    assert near > expected - 0.02
    np.testing.assert_array_equal(found, smaller_cohort(means, 20))
    np.testing.assert_allclose(smaller_cohort(unit, 600), unit)
    copies = smaller_cohort(np.ones((5, 3)), 3)
    np.testing.assert_allclose(copies, np.full((3, 3), 3**-0.5))


def test_int8_keeps_directions():
    random = np.random.default_rng(0)
    directions = random.normal(size=(50, 128))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    stored = int8_cohort(directions)
    assert (np.abs(stored).max(axis=1) == 127).all()
    kept = stored / np.linalg.norm(stored.astype(float), axis=1, keepdims=True)
    assert (kept * directions).sum(axis=1).min() > 0.9999
    np.testing.assert_array_equal(read_cohort(cohort_bytes(stored)), stored)
    with pytest.raises(InputError, match="2 speakers at least"):
        int8_cohort(directions[:1])


def test_a_manifest_a_folder_and_an_array_give_one_cohort(tmp_path, told):
    paths = write_people(tmp_path / "speech", 3, 2)
    people = [pathlib.Path(path).parent.name for path in paths]
    rows = [
        Utterance(path, person, "s", path, 0.5, "train")
        for path, person in zip(paths, people, strict=True)
    ]
    write_manifest(tmp_path / "speech" / "manifest.tsv", rows)
    model = PitchEmbedder()
    embeddings = np.stack([embed_file(model, tmp_path / "speech" / path) for path in paths])
    means = speaker_means(embeddings, people)
    np.save(tmp_path / "means.npy", means.astype(np.float32))
    expected = int8_cohort(means)
    for source in ("speech/manifest.tsv", "speech", "means.npy"):
        cohort = made_cohort(model, tmp_path / source)
        assert np.abs(cohort.astype(int) - expected).max() <= 1, source
    assert made_cohort(model, tmp_path / "speech", 2).shape == (2, SIZE)
    assert all("3 speakers; some hundred normalise scores better" in line for line in told)
    told.clear()
    listed = {str(tmp_path / "speech" / paths[0])}
    made_cohort(model, tmp_path / "speech", listed=listed)
    assert "has 1 recordings of the trial list" in told[0]


def test_corpora_of_trials_are_those_of_the_cohorts_manifest(tmp_path):
    rows = [
        Utterance(name, name, "s", f"../speech/{name}.wav", 1, "dev", {"corpus": name[0]})
        for name in ("a1", "a2", "b1")
    ]
    write_manifest(tmp_path / "lists" / "manifest.tsv", rows)
    sides = np.array([0, 0, 3], np.int32), np.array([1, 2, 2], np.int32)
    names = ["a1.wav", "a2.wav", "b1.wav"]
    trials = Trials(np.array([1, 0, 0]), *sides, names, (Enrolment("x", (2, 2)),))
    paths = [str(tmp_path / "speech" / name) for name in names]
    found = corpora_in(tmp_path / "lists" / "manifest.tsv", trials, paths)
    assert found.tolist() == ["a", "", "b"]
    assert corpora_in(tmp_path / "lists", trials, paths) is None
    assert corpora_in(tmp_path / "lists" / "manifest.tsv", trials, [*paths[:2], "c.wav"]) is None


def test_recordings_that_lie_in_the_folder_itself_are_speakers_each(tmp_path):
    write_people(tmp_path / "p", 1, 3)
    assert len(set(cohort_recordings(tmp_path / "p" / "p0")[1])) == 3


@pytest.mark.parametrize(
    "source, words",
    [
        ("gone", "does not exist; give a manifest, a folder of recordings or a .npy"),
        ("empty", "no sound file below it"),
        ("one", "1 speaker, 2 are needed"),
        ("words.npy", "cannot be read as an array"),
        ("flat.npy", r"holds no array \[speakers, dimensions\]"),
        ("nan.npy", "vector 0 is NaN"),
        ("dev.tsv", "has no train split .it has: dev, test."),
    ],
)
def test_what_is_no_cohort_is_one_line(tmp_path, source, words):
    (tmp_path / "empty").mkdir()
    write_people(tmp_path / "one", 1, 2)
    (tmp_path / "words.npy").write_text("speaker 1\n")
    np.save(tmp_path / "flat.npy", np.ones(8))
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    rows = [Utterance(str(n), str(n), "s", f"{n}.wav", 1, s) for n, s in enumerate(["dev", "test"])]
    write_manifest(tmp_path / "dev.tsv", rows)
    with pytest.raises(InputError, match=words) as caught:
        made_cohort(PitchEmbedder(), tmp_path / source)
    assert "\n" not in str(caught.value)


def test_a_tenth_of_a_cohort_counts_and_twenty_at_least():
    assert [usual_top(count) for count in (5, 20, 200, 1717)] == [5, 20, 20, 171]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "damaged"),
        (b"XXXX" + bytes(20), "damaged"),
        (b"TFSC\x02\x00" + bytes(20), "format 2; this tfsv reads format 1"),
        (b"TFSC\x01\x00\xff\xff\xff\xff", "0 bytes instead of 65535 × 65535"),
        (b"TFSC\x01\x00\x02\x00\x00\x00", "2 × 0"),
        (b"TFSC\x01\x00\x01\x00\x02\x00\x01\x01", "less than 2 vectors"),
        (b"TFSC\x01\x00\x02\x00\x02\x00\x01\x01\x00\x00", "one of zeros"),
    ],
)
def test_forged_cohorts_are_refused(content, words):
    with pytest.raises(ValueError, match=words):
        read_cohort(content)
