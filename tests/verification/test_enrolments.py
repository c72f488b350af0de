"""Enrolment lists: several recordings that make one side of a trial."""

import numpy as np
import pytest
from absl import logging

from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.errors import InputError
from tfsv.verification.enrolments import enrolments_beside, read_enrolments
from tfsv.verification.evaluation import describe_trials, speaker_report
from tfsv.verification.scoring import trial_scores
from tfsv.verification.trials import read_trials, some_trials, write_trials

FORMS = {
    "cnceleb": "m a.wav\nn b.wav\nn c.wav\n",
    "cnceleb map": "m a.wav\nn b.wav c.wav\n",
    "kaldi": "m\ta.wav\nn\tb.wav\tc.wav\n",
    "nist": "modelid\tsegmentid\tside\nm\ta.wav\ta\nn\tb.wav\t\nn\tc.wav\ta\n",
    "sdsv": "model-id phrase-id enroll-file-id1 enroll-file-id2\nm 1 a.wav\nn 1 b.wav c.wav\n",
    "commas": "model,path\nm,a.wav\nn,b.wav\nn,c.wav\n",
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_field(tmp_path, form, mark):
    path = tmp_path / "enroll.lst"
    path.write_bytes((mark + FORMS[form].replace("\n", "\r\n")).encode())
    enrolments = read_enrolments(path)
    assert enrolments.recordings == {"m": ["a.wav"], "n": ["b.wav", "c.wav"]}
    lines = FORMS[form].split("\n")
    assert all(name in lines[line - 1] for name, line in enrolments.lines.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: lists nothing"),
        ("m a.wav\nn\n", ":2: expected a model and its recordings: 'n'"),
        ("m a.wav\n\nm b.wav a.wav\n", ":3: 'm' has the recording 'a.wav' twice"),
        ("modelid segmentid side\nm a.wav b\n", ":2: side 'b': lists do not tell channels"),
    ],
)
def test_bad_list(tmp_path, text, message):
    path = tmp_path / "enroll.lst"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_enrolments(path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("trials", "enrolments"),
    [
        ("trials.lst", "enroll.lst"),
        ("sre18_dev_trials.tsv", "sre18_dev_enrollment.tsv"),
        ("sre16_eval_trial_key.tsv", "sre16_eval_enrollment.tsv"),
        ("Trials.txt", "enrolments.txt"),
        ("test.txt", None),
    ],
)
def test_the_list_beside(tmp_path, trials, enrolments):
    for name in ("enroll.map", "other.tsv", *([enrolments] if enrolments else [])):
        (tmp_path / name).touch()
    found = enrolments_beside(tmp_path / trials)
    assert (found.name if found else None) == enrolments


@pytest.fixture
def lists(tmp_path):
    (tmp_path / "trials.lst").write_text("m t1.wav 1\nn t1.wav 0\nn b.wav 1\nm t2.wav 0\n")
    (tmp_path / "enroll.lst").write_text(FORMS["cnceleb"] + "unused d.wav\n")
    return tmp_path


def _warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: lines.append(text % args))
    return lines


def test_scores_are_those_of_normalised_means(lists, monkeypatch):
    told = _warnings(monkeypatch)
    trials = read_trials(lists / "trials.lst")
    assert len(told) == 1 and "enroll.lst (2, with 3 recordings)" in told[0]
    assert trials.names == ["t1.wav", "b.wav", "t2.wav", "a.wav", "c.wav"]
    assert trials.sides == [*trials.names, "m", "n"]
    embeddings = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32) * 3
    by_name = dict(zip(trials.names, embeddings.astype(np.float64), strict=True))

    def unit(vector):
        return vector / np.sqrt(np.sum(vector**2))

    for mean in (None, np.full(8, 0.3, np.float32)):
        units = {n: unit(v - (0 if mean is None else mean)) for n, v in by_name.items()}
        enrolled = {"m": units["a.wav"], "n": unit(units["b.wav"] + units["c.wav"])}
        wanted = [
            enrolled[m] @ units[t]
            for m, t in (("m", "t1.wav"), ("n", "t1.wav"), ("n", "b.wav"), ("m", "t2.wav"))
        ]
        np.testing.assert_allclose(trial_scores(embeddings, trials, mean=mean), wanted, atol=1e-6)
    write_trials(lists / "again.txt", trials)
    again = "1 m t1.wav\n0 n t1.wav\n1 n b.wav\n0 m t2.wav\n"
    assert (lists / "again.txt").read_text() == again
    described = describe_trials(trials, lists / "trials.lst")
    assert described["recordings"] == 5
    assert described["enrolments"]["list"] == "enroll.lst"


def test_a_list_that_is_given_and_one_that_does_not_belong(lists, monkeypatch):
    told = _warnings(monkeypatch)
    (lists / "other.txt").write_text("m z.wav\nn z.wav\n")
    trials = read_trials(lists / "trials.lst", lists / "other.txt")
    assert trials.enrolment_list.path == lists / "other.txt" and not told
    (lists / "trials.lst").write_text("a.wav b.wav 1\na.wav t.wav 0\n")
    assert not read_trials(lists / "trials.lst").enrolments
    assert "names no enrolment side" in told[0]
    with pytest.raises(InputError, match=r"trials\.lst:1: 'a\.wav' is not enrolled in .*\(1 of 1"):
        read_trials(lists / "trials.lst", lists / "enroll.lst")
    (lists / "trials.lst").write_text("m b.wav 1\n\nq b.wav 0\n")
    with pytest.raises(InputError, match=r"trials\.lst:3: 'q' is not enrolled in .*\(1 of 2"):
        read_trials(lists / "trials.lst")


def test_some_trials_keep_whole_enrolments(lists):
    trials = read_trials(lists / "trials.lst")
    for recordings in (3, 4, 5):
        part = some_trials(trials, recordings)
        assert len(part.names) <= recordings
        for label, enrol, test, line in zip(
            part.labels, part.enrol, part.test, part.lines, strict=True
        ):
            model, name, wanted = (lists / "trials.lst").read_text().split("\n")[line - 1].split()
            assert (part.sides[enrol], part.names[test], str(label)) == (model, name, wanted)
            rows = [part.names[row] for row in part.recordings_of(int(enrol))]
            assert rows == {"m": ["a.wav"], "n": ["b.wav", "c.wav"]}[model]


def test_the_speaker_of_an_enrolment(lists):
    trials = read_trials(lists / "trials.lst")
    speakers = {"a.wav": "1", "b.wav": "2", "c.wav": "2", "t1.wav": "1", "t2.wav": "3"}
    rows = [
        Utterance(n[:-4], s, "d", n, 1.0, "test", {"corpus": "x" if s in "12" else "y"})
        for n, s in speakers.items()
    ]
    manifest = write_manifest(lists / "manifest.tsv", rows)
    scores = np.array([0.9, 0.1, 0.8, 0.2])
    report = speaker_report(scores, trials, manifest)
    assert (
        report.details["corpora"]["x"] | {"targets": 2, "nontargets": 1, "eer": 0}
        == (report.details["corpora"]["x"])
    )
    rows[2] = Utterance("c", "4", "d", "c.wav", 1.0, "test")
    manifest = write_manifest(lists / "manifest.tsv", rows)
    with pytest.raises(
        InputError, match=r"enroll\.lst: 'n' is enrolled with recordings of 2 speak"
    ):
        speaker_report(scores, trials, manifest)
