"""tfsv evaluate with its record, table, plot and calibration."""

import dataclasses
import hashlib
import json
import pathlib

import matplotlib.image
import numpy as np
import pytest
from absl import logging
from command_runner import run_with_stub
from speech_stub import PitchEmbedder, write_people

from tfsv.audio.manifest import Utterance, read_manifest, write_manifest
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.models import NetworkSettings
from tfsv.report import Report
from tfsv.verification.cllr import act_dcf, cllr
from tfsv.verification.det_plot import plot_det
from tfsv.verification.evaluation import (
    evaluate_trials,
    evaluate_with_scores,
    format_table,
    speaker_report,
)
from tfsv.verification.metrics import det_points, eer, min_dcf
from tfsv.verification.model_card import speaker_card
from tfsv.verification.trials import Trials, read_trials


@pytest.fixture
def corpus(tmp_path):
    """Six people in two corpora, all pairs within a corpus as trials, and two models."""
    root = tmp_path / "speech"
    utterances = []
    for path in write_people(root):
        person, number = pathlib.Path(path).parent.name, pathlib.Path(path).stem
        home = "low" if person < "p3" else "high"
        utterances.append(
            Utterance(f"{person}-{number}", person, "s", path, 0.5, "dev", {"corpus": home})
        )
    write_manifest(root / "manifest.tsv", utterances)
    lines = [
        f"{int(a.speaker == b.speaker)} {a.path} {b.path}\n"
        for number, a in enumerate(utterances)
        for b in utterances[number + 1 :]
        if a.extra == b.extra
    ]
    (root / "dev.txt").write_text("".join(lines))
    (tmp_path / "small.tflite").write_text('{"far_0.01": 0.5}')
    card = speaker_card(NetworkSettings("pitch", 1, 80, 64), decision={"thresholds": {"eer": 0.9}})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "network.weights.h5").write_bytes(b"weights")
    (tmp_path / "model" / "card.json").write_text(card.to_json())
    return tmp_path


def _evaluate(corpus, *arguments):
    return run_with_stub("evaluate", *arguments, folder=corpus)


def _systems(corpus):
    systems = json.loads((corpus / "out" / "results.json").read_text())["systems"]
    return {name: Report.from_dict(fields) for name, fields in systems.items()}


def _fails(process, *words):
    assert process.returncode == 1
    lines = process.stderr.strip().splitlines()
    assert len(lines) == 1, process.stderr
    for word in words:
        assert word in lines[0]
    return True


COMMON = ("--trials=speech/dev.txt", "--manifest=speech/manifest.tsv", "--output=out")


def test_record_of_evaluate(corpus):
    root = corpus / "speech"
    manifest, trials = read_manifest(root / "manifest.tsv"), read_trials(root / "dev.txt")
    report, scores = evaluate_with_scores(
        PitchEmbedder(),
        trials,
        manifest=manifest,
        trial_list=root / "dev.txt",
        model=corpus / "small.tflite",
        replicates=50,
        progress=False,
    )
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert Report.from_dict(fields) == report
    assert report["eer"].value == eer(scores, trials.labels)
    assert report["min_dcf_0.01"].value == min_dcf(scores, trials.labels, 0.01)
    assert report["min_dcf_0.05"].value == min_dcf(scores, trials.labels, 0.05)
    low, high = report["eer"].interval
    assert low <= report["eer"].value <= high
    record = report.details
    assert record["thresholds"].keys() == {"eer"}  # 96 impostors cannot tell 1 % from none
    assert record["interval_by"] == "speaker"
    assert record["trials"] == {
        "list": "dev.txt",
        "sha256": hashlib.sha256((root / "dev.txt").read_bytes()).hexdigest(),
        "count": 132,
        "targets": 36,
        "nontargets": 96,
        "recordings": 24,
    }
    assert record["model"]["sha256"] == sha256_of(corpus / "small.tflite")
    assert record["versions"]["tensorflow"]
    low = np.array([trials.names[k] < "p3" for k in trials.enrol])
    assert record["corpora"].keys() == {"low", "high"}
    for name, inside in (("low", low), ("high", ~low)):
        part = record["corpora"][name]
        assert part["eer"] == eer(scores[inside], trials.labels[inside])
        assert (part["targets"], part["nontargets"]) == (18, 48)


def test_root_and_manifest_give_the_same_and_neither_is_an_error(corpus):
    root = corpus / "speech"
    manifest, trials = read_manifest(root / "manifest.tsv"), read_trials(root / "dev.txt")
    by_root = evaluate_trials(PitchEmbedder(), trials, root)
    by_manifest = evaluate_trials(PitchEmbedder(), trials, manifest=manifest)
    assert by_root["eer"].value == by_manifest["eer"].value
    assert by_root.details["corpora"] == {}
    assert by_root["eer"].interval is by_root.details["interval_by"] is None
    with pytest.raises(InputError, match="'root' or 'manifest'"):
        evaluate_trials(PitchEmbedder(), trials)


def test_names_may_be_utterances_and_must_be_known(corpus):
    root = corpus / "speech"
    manifest = read_manifest(root / "manifest.tsv")
    (root / "ids.txt").write_text("1 p0-0 p0-1\n0 p0-0 p1-0\n")
    report = evaluate_trials(PitchEmbedder(), read_trials(root / "ids.txt"), manifest=manifest)
    assert report["eer"].value == 0
    (root / "ids.txt").write_text("1 p0-0 p0-1\n0 p0-0 p9-0\n")
    with pytest.raises(InputError, match=r"ids\.txt:2: 'p9-0' is not in .*manifest\.tsv \(1 of 3"):
        evaluate_trials(PitchEmbedder(), read_trials(root / "ids.txt"), manifest=manifest)


def test_labels_that_contradict_the_manifest_are_told(corpus, monkeypatch):
    told = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: told.append(text % values))
    root = corpus / "speech"
    manifest = read_manifest(root / "manifest.tsv")
    (root / "swapped.txt").write_text("1 p0-0 p0-1\n1 p0-0 p1-0\n0 p0-0 p0-1\n0 p0-0 p1-1\n")
    evaluate_trials(PitchEmbedder(), read_trials(root / "swapped.txt"), manifest=manifest)
    assert told.pop() == (
        f"{root}/swapped.txt:2: label 1, though {root}/manifest.tsv has the speakers p0 and p1"
        " there (2 of 4 trials disagree)"
    )
    told.clear()
    evaluate_trials(PitchEmbedder(), read_trials(root / "dev.txt"), manifest=manifest)
    assert not told


def test_a_corpus_with_one_kind_of_trial_has_no_error_rate(corpus):
    root = corpus / "speech"
    manifest = read_manifest(root / "manifest.tsv")
    (root / "few.txt").write_text(
        "1 p0/0.wav p0/1.wav\n0 p0/0.wav p1/0.wav\n0 p3/0.wav p4/0.wav\n0 p0/0.wav p4/0.wav\n"
    )
    report = evaluate_trials(PitchEmbedder(), read_trials(root / "few.txt"), manifest=manifest)
    corpora = report.details["corpora"]
    assert corpora["high"]["eer"] is None
    assert corpora["high"]["nontargets"] == 1
    assert corpora["low"]["nontargets"] == 1
    assert "–" in format_table({"a": report}).splitlines()[-2]


def test_thresholds_are_recorded_where_the_list_is_long_enough():
    generator = np.random.default_rng(0)
    labels = np.repeat([1, 0], [50, 200]).astype(np.uint8)
    scores = generator.normal(size=250) + 2 * labels
    sides = np.arange(250, dtype=np.int32)
    names = [str(number) for number in range(250)]
    report = speaker_report(scores, Trials(labels, sides, sides, names))
    thresholds = report.details["thresholds"]
    assert thresholds.keys() == {"eer", "far_0.01"}
    assert np.sum(scores[labels == 0] >= thresholds["far_0.01"]) == 2


def test_two_models_side_by_side(corpus):
    done = _evaluate(corpus, "--model=model,small.tflite", *COMMON, "--bootstrap=20", "--scores")
    assert done.returncode == 0, done.stderr
    systems = _systems(corpus)
    assert list(systems) == ["model", "small.tflite"]
    described = systems["model"].details["model"]
    assert described["file"] == "network.weights.h5"
    assert described["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert systems["model"]["eer"].value == systems["small.tflite"]["eer"].value
    assert matplotlib.image.imread(corpus / "out" / "det.png").shape[0] > 800
    trials = read_trials(corpus / "speech" / "dev.txt")
    lines = (corpus / "out" / "scores.model.txt").read_text().splitlines()
    assert len(lines) == len(trials)
    scores = np.array([float(line.split()[3]) for line in lines])
    assert [line.rsplit(" ", 1)[0] for line in lines] == (
        (corpus / "speech" / "dev.txt").read_text().splitlines()
    )
    assert eer(scores, trials.labels) == pytest.approx(systems["model"]["eer"].value, abs=1e-3)
    table = done.stdout.splitlines()
    assert table[0].split()[:3] == ["system", "bytes", "EER"]
    assert f"{100 * systems['model']['eer'].value:.2f}" in table[1]
    assert table[4].split()[-2:] == ["model", "small.tflite"]
    assert len({len(line) for line in table[:3]}) == 1


def test_lists_of_the_field_with_an_enrolment_list_and_other_endings(corpus):
    (corpus / "lists").mkdir()
    pairs = [(a, b) for a in range(6) for b in range(6)]
    (corpus / "lists" / "trials.lst").write_text(
        "".join(f"model {a}\tp{b}/1.sph\t{'non' * (a != b)}target\n" for a, b in pairs)
    )
    enrolled = "".join(f"model {a}\tp{a}/0.sph\nmodel {a}\tp{a}/2.sph\n" for a in range(6))
    (corpus / "lists" / "enroll.lst").write_text(enrolled)
    arguments = ("--model=model", "--trials=lists/trials.lst", "--output=out", "--scores")
    done = _evaluate(corpus, *arguments, "--root=speech", "--bootstrap=20")
    assert done.returncode == 0, done.stderr
    assert "enroll.lst (6, with 12 recordings)" in done.stderr
    assert "18 of 18 recordings have another ending" in done.stderr
    report = _systems(corpus)["model"]
    assert report["eer"].value == 0
    assert report.details["trials"]["enrolments"]["sha256"] == (
        hashlib.sha256(enrolled.encode()).hexdigest()
    )
    lines = (corpus / "out" / "scores.model.txt").read_text().splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        [str(int(a == b)), f"model {a}", f"p{b}/1.sph"] for a, b in pairs
    ]
    (corpus / "other.lst").write_text(enrolled.replace("p0/2", "p0/9"))
    done = _evaluate(corpus, *arguments, "--root=speech", "--enrolments=other.lst")
    assert _fails(done, "other.lst:2: 'p0/9.sph' is not in speech (1 of 18 recordings missing)")


def test_missing_recordings_are_told_before_any_is_embedded(corpus):
    with (corpus / "speech" / "dev.txt").open("a") as file:
        file.write("0 p0/0.wav p9/9.wav\n")
    lines = len((corpus / "speech" / "dev.txt").read_text().splitlines())
    embedder = PitchEmbedder()
    root = corpus / "speech"
    with pytest.raises(InputError, match=rf"dev\.txt:{lines}: 'p9/9\.wav' is not in .*\(1 of"):
        evaluate_trials(embedder, read_trials(root / "dev.txt"), root)
    assert not embedder.lengths
    done = _evaluate(
        corpus, "--model=model", "--trials=speech/dev.txt", "--root=speech", *COMMON[2:]
    )
    assert _fails(done, f"speech/dev.txt:{lines}: 'p9/9.wav' is not in speech (1 of")
    assert not (corpus / "out").exists()


def test_calibration_writes_the_card_and_nothing_else(corpus):
    card = ModelCard.from_json((corpus / "model" / "card.json").read_text())
    manifest = (corpus / "speech" / "manifest.tsv").read_text()
    done = _evaluate(
        corpus, "--model=model", *COMMON, "--bootstrap=0", "--calibrate", "--embeddings=cache"
    )
    assert done.returncode == 0, done.stderr
    assert "test" not in done.stderr
    found = ModelCard.from_json((corpus / "model" / "card.json").read_text())
    thresholds = _systems(corpus)["model"].details["thresholds"]
    assert found.thresholds == thresholds != card.thresholds
    assert found == dataclasses.replace(card, decision={"thresholds": thresholds})
    assert len(list((corpus / "cache").rglob("*.npy"))) == 1

    (corpus / "speech" / "manifest.tsv").write_text(manifest.replace("\tdev\t", "\ttest\t"))
    again = _evaluate(
        corpus, "--model=model", *COMMON, "--bootstrap=0", "--calibrate", "--embeddings=cache"
    )
    assert again.returncode == 0
    assert "has speakers of the split 'test'" in again.stderr
    assert len(list((corpus / "cache").rglob("*.npy"))) == 1  # thresholds are not the model


def test_a_cohort_and_dev_trials_make_ratios_and_what_only_ratios_have(corpus):
    write_people(corpus / "strangers", people=9, utterances=3)
    flags = ("--model=model", *COMMON, "--bootstrap=20", "--cohort=strangers")
    done = _evaluate(corpus, *flags)
    assert done.returncode == 0, done.stderr
    assert "--cohort=strangers: 9 speakers; some hundred normalise scores better" in done.stderr
    report = _systems(corpus)["model"]
    assert report.details["scores"] == "normalised cosine"
    assert [one.name for one in report] == ["eer", "min_dcf_0.01", "min_dcf_0.05"]
    assert report.details["thresholds"]["eer"] != report.details["cosine_thresholds"]["eer"]

    done = _evaluate(corpus, *flags, "--top=4", "--dev_trials=speech/dev.txt", "--scores")
    assert done.returncode == 0, done.stderr
    assert "speech/dev.txt: has 24 recordings of the reported list" in done.stderr
    report = _systems(corpus)["model"]
    assert report.details["scores"] == "log-likelihood ratio"
    trials = read_trials(corpus / "speech" / "dev.txt")
    lines = (corpus / "out" / "scores.model.txt").read_text().splitlines()
    ratios = np.array([float(line.split()[3]) for line in lines])
    assert report["cllr"].value == pytest.approx(cllr(ratios, trials.labels), abs=1e-4)
    assert report["min_cllr"].value <= report["cllr"].value
    assert report["act_dcf_0.05"].value == act_dcf(ratios, trials.labels, 0.05)
    heading, row = done.stdout.splitlines()[:2]
    assert heading.split()[-8:] == [
        "Cllr", "min", "Cllr", "actDCF", "0.01", "actDCF", "0.05", "threshold"
    ]  # fmt: skip
    assert f"{report['min_cllr'].value:.3f}" in row


def test_calibration_with_a_cohort_makes_a_folder_that_scores_by_both(corpus):
    write_people(corpus / "strangers", people=9, utterances=3)
    long = "".join((corpus / "speech" / "dev.txt").read_text() for _ in range(12))
    (corpus / "speech" / "dev.txt").write_text(long)  # long enough to tell 1 % of impostors
    flags = ("--model=model", *COMMON, "--bootstrap=0")
    done = _evaluate(
        corpus, *flags, "--cohort=strangers", "--cohort_size=6", "--top=3", "--calibrate"
    )
    assert done.returncode == 0, done.stderr
    learned = _systems(corpus)["model"]
    card = ModelCard.from_json((corpus / "model" / "card.json").read_text())
    table = card.decision["scoring"]
    assert (table["cohort"], table["top"]) == (6, 3)
    assert np.load(corpus / "model" / "cohort.npy").shape == (6, 64)
    assert card.thresholds == learned.details["cosine_thresholds"]
    assert "thresholds written: eer" in done.stdout

    done = _evaluate(corpus, *flags)
    carried = _systems(corpus)["model"]
    assert carried["cllr"].value == pytest.approx(learned["cllr"].value, abs=1e-6)
    assert carried.details["accepting"] == table["thresholds"]["far_0.01"]
    rates = carried.details["corpora"]["low"]
    assert rates["false_accepts"] <= 0.01
    assert "false accepts / rejects %" in done.stdout
    last = done.stdout.splitlines()[-1].split()
    assert last == [
        "at",
        "far_0.01",
        "of",
        "the",
        "model",
        f"{table['thresholds']['far_0.01']:.3f}",
    ]

    _evaluate(corpus, *flags, "--cosine")
    assert _systems(corpus)["model"].details["scores"] == "cosine"
    done = run_with_stub(
        "verify", "model", "speech/p0/0.wav", "--", "speech/p0/1.wav", folder=corpus
    )
    assert f"threshold {table['thresholds']['far_0.01']:.4f} (far_0.01)" in done.stdout
    done = run_with_stub(
        "verify", "--cosine", "model", "speech/p0/0.wav", "--", "speech/p0/1.wav", folder=corpus
    )
    assert f"threshold {card.thresholds['far_0.01']:.4f} (far_0.01)" in done.stdout

    done = _evaluate(corpus, *flags, "--calibrate")  # without a cohort: by cosine again
    assert done.returncode == 0, done.stderr
    card = ModelCard.from_json((corpus / "model" / "card.json").read_text())
    assert card.decision.keys() == {"thresholds"}
    assert not (corpus / "model" / "cohort.npy").exists()


def test_the_mean_of_a_split_is_subtracted(corpus):
    settings = ("--model=model", *COMMON, "--bootstrap=0")
    done = _evaluate(corpus, *settings, "--subtract_mean_of=dev")
    assert done.returncode == 0, done.stderr
    record = _systems(corpus)["model"].details
    root = corpus / "speech"
    plain = evaluate_trials(PitchEmbedder(), read_trials(root / "dev.txt"), root).details
    assert record["mean_subtracted"] and not plain["mean_subtracted"]
    assert record["thresholds"]["eer"] < plain["thresholds"]["eer"] - 0.01
    assert _fails(_evaluate(corpus, *settings, "--subtract_mean_of=tset"), "tset")
    both = _evaluate(corpus, *settings, "--subtract_mean_of=dev", "--calibrate")
    assert _fails(both, "--calibrate", "--subtract_mean_of")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trials=speech/dev.txt", "--output=out"), ("model",)),
        (("--model=gone", *COMMON), ("gone", "not a model")),
        (("--model=,", *COMMON), ("--model",)),
        (("--model=small.tflite", "--trials=speech/dev.txt", "--output=out"), ("--root",)),
        (("--model=small.tflite", *COMMON, "--calibrate"), ("small.tflite", "export it again")),
        (("--model=small.tflite", *COMMON, "more"), ("unexpected argument 'more'",)),
        (("--model=small.tflite", *COMMON, "--bootstrap=-1"), ("bootstrap",)),
        (("--model=small.tflite", *COMMON, "--output=small.tflite"), ("small.tflite",)),
        (("--model=small.tflite", *COMMON, "--top=5"), ("--top", "give --cohort too")),
        (("--model=small.tflite", *COMMON, "--cohort=gone"), ("--cohort=gone", "does not exist")),
        (("--model=small.tflite", *COMMON, "--cohort=speech", "--top=1"), ("--top=1",)),
        (("--model=small.tflite", *COMMON, "--cosine", "--cohort=speech"), ("--cosine",)),
        (
            ("--model=model", *COMMON, "--calibrate", "--dev_trials=speech/dev.txt"),
            ("--calibrate", "leave out --dev_trials"),
        ),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(corpus, arguments, words):
    assert _fails(_evaluate(corpus, *arguments), *words)
    assert not list(corpus.glob("out/*"))


def test_a_bad_recording_is_named_and_leaves_nothing(corpus):
    (corpus / "speech" / "p2" / "1.wav").write_bytes(b"")
    done = _evaluate(corpus, "--model=small.tflite", *COMMON)
    assert _fails(done, "p2/1.wav", "empty")
    assert not list(corpus.glob("out/*"))


def test_det_plot_draws_what_it_is_given(tmp_path):
    generator = np.random.default_rng(0)
    labels = np.repeat([1, 0], [2_000, 20_000])
    noise = generator.normal(size=len(labels))
    systems = {
        "float $32$": det_points(noise + 3.2 * labels, labels),
        "4 bits": det_points(noise + 3.0 * labels, labels),
        "perfect": det_points(labels + 0.1 * generator.random(len(labels)), labels),
        "useless": det_points(np.zeros(len(labels)), labels),
    }
    plot_det(systems, tmp_path / "det.png", title="test.txt")
    picture = matplotlib.image.imread(tmp_path / "det.png")[..., :3]
    blue = np.abs(picture - np.array([0x00, 0x72, 0xB2]) / 255).max(axis=2) < 0.02
    rows, columns = np.nonzero(blue)
    assert len(rows) > 500
    assert np.corrcoef(rows, columns)[0, 1] > 0.5  # falls from left to right
    with pytest.raises(InputError, match="cannot be written"):
        (tmp_path / "file").write_text("")
        plot_det(systems, tmp_path / "file" / "det.png")
