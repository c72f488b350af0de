"""tfsv verify: decisions, thresholds, exit status and one-line errors."""

import json

import numpy as np
import pytest
import soundfile
from command_runner import run_with_stub
from speech_stub import PitchEmbedder, person

from tfsv.verification.extraction import embed_file
from tfsv.verification.scoring import voiceprint

THRESHOLDS = {"eer": 0.3, "far_0.01": 0.5, "far_0.001": 0.99999}


@pytest.fixture
def people(tmp_path):
    """Two enrolment recordings and a test of one person, a test of another, and a model."""
    pitches = {"enrol1": 300, "enrol2": 310, "same": 305, "other": 700}
    for number, (name, pitch) in enumerate(pitches.items()):
        soundfile.write(tmp_path / f"{name}.wav", person(pitch, 0.8, seed=number), 16_000)
    (tmp_path / "model.tflite").write_text(json.dumps(THRESHOLDS))
    return tmp_path


def _verify(people, *arguments):
    return run_with_stub("verify", *arguments, folder=people)


def _fails(process, *words):
    """Status 1, nothing on standard output, one line with these words on standard error."""
    assert process.returncode == 1
    assert process.stdout == ""
    lines = process.stderr.strip().splitlines()
    assert len(lines) == 1, process.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    return True


def test_the_same_speaker_is_accepted_with_the_score_of_the_mean_enrolment(people):
    done = _verify(people, "model.tflite", "enrol1.wav", "enrol2.wav", "--", "same.wav")
    assert (done.returncode, done.stderr) == (0, "")
    embedder = PitchEmbedder()
    speaker, heard = (
        voiceprint(np.stack([embed_file(embedder, people / f"{name}.wav") for name in names]))
        for names in (("enrol1", "enrol2"), ("same",))
    )
    expected = f"score {speaker @ heard:.4f}, threshold 0.5000 (far_0.01): accepted"
    assert done.stdout == f"same.wav: {expected}\n"


def test_another_speaker_is_rejected_with_status_2(people):
    done = _verify(people, "model.tflite", "enrol1.wav", "--", "other.wav")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.endswith("rejected\n")


def test_several_tests_are_accepted_only_together(people):
    done = _verify(people, "model.tflite", "enrol1.wav", "--", "same.wav", "other.wav")
    assert done.returncode == 2
    first, second = done.stdout.splitlines()
    assert first.startswith("same.wav: ") and first.endswith("accepted")
    assert second.startswith("other.wav: ") and second.endswith("rejected")


def test_flags_choose_the_threshold(people):
    files = ("model.tflite", "enrol1.wav", "--", "same.wav")
    strict = _verify(people, "--false_accept_rate=0.001", *files)
    assert strict.returncode == 2
    assert "(far_0.001): rejected" in strict.stdout
    own = _verify(people, "--threshold=-1", "model.tflite", "enrol1.wav", "--", "other.wav")
    assert own.returncode == 0
    assert "threshold -1.0000 (--threshold): accepted" in own.stdout


def test_after_the_separator_nothing_is_a_flag(people):
    (people / "same.wav").rename(people / "--threshold=1.wav")
    done = _verify(people, "model.tflite", "enrol1.wav", "--", "--threshold=1.wav")
    assert done.returncode == 0
    assert done.stdout.startswith("--threshold=1.wav: score")


def test_a_threshold_that_is_not_in_the_card(people):
    files = ("model.tflite", "enrol1.wav", "--", "same.wav")
    absent = _verify(people, "--false_accept_rate=0.05", *files)
    assert _fails(absent, "model.tflite", "'far_0.05'", "far_0.001); give --threshold")
    (people / "model.tflite").write_text("{}")
    none = _verify(people, *files)
    assert _fails(none, "'far_0.01'", "it has: none", "--calibrate", "--threshold")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("model.tflite", "enrol1.wav", "same.wav"),
        ("model.tflite", "--", "same.wav"),
        ("--", "model.tflite", "enrol1.wav", "same.wav"),
        ("enrol1.wav", "same.wav"),
    ],
)
def test_usage(people, arguments):
    assert _fails(_verify(people, *arguments), "usage: tfsv verify [model.tflite] enrol1.wav")


def test_the_demo_model_is_asked_where_none_is_named(people):
    (people / "demo").write_text(json.dumps(THRESHOLDS))  # what the stub opens as "demo"
    (people / "enrol1.wav").rename(people / "enrol1.WAV")
    for arguments in (("enrol1.WAV",), ("enrol1.WAV", "enrol2.wav"), ("demo", "enrol2.wav")):
        done = _verify(people, *arguments, "--", "same.wav")
        assert (done.returncode, done.stderr) == (0, "")
        assert "threshold 0.5000 (far_0.01): accepted" in done.stdout


@pytest.mark.parametrize("name", ["enrol.m4a", "enrol.webm", "enrol.M4A", "enrol"])
def test_a_recording_of_another_kind_is_no_model_and_says_how_to_convert(people, name):
    (people / name).write_bytes(b"\0\0\0\x20ftypM4A " + bytes(64))
    for arguments in ((name, "--", "same.wav"), ("enrol1.wav", "--", name)):
        assert _fails(_verify(people, *arguments), name, "MPEG-4", "convert it first: ffmpeg")


@pytest.mark.parametrize("name", ["enrol.oga", "enrol.aiff", "enrol.au", "enrol.caf", "enrol.sph"])
def test_recordings_of_all_endings_verify(people, name):
    (people / "demo").write_text(json.dumps(THRESHOLDS))
    kind = {"oga": "OGG", "sph": "NIST"}.get(name[6:], name[6:].upper())
    soundfile.write(people / name, person(300, 0.8, seed=9), 16_000, format=kind)
    done = _verify(people, name, "--", "same.wav")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_model_is_one_whatever_the_case_of_its_ending(people):
    (people / "MODEL.TFLITE").write_text(json.dumps(THRESHOLDS))
    done = _verify(people, "MODEL.TFLITE", "enrol1.wav", "--", "same.wav")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "flag", ["--false_accept_rate=2", "--threshold=much", "--threshold=1.5", "--colour=red"]
)
def test_flags_out_of_range(people, flag):
    done = _verify(people, flag, "model.tflite", "enrol1.wav", "--", "same.wav")
    assert _fails(done, flag.partition("=")[0].strip("-"))


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("missing", "no such file"),
        ("empty", "empty"),
        ("truncated", "truncated"),
        ("text", "no audio"),
        ("silent", "silent"),
        ("one sample", "too short"),
        ("brief", "too short"),
        ("three hours", "too long"),
    ],
)
def test_bad_audio_is_one_line_that_names_the_file(people, how, word):
    bad = people / "bad.wav"
    if how == "empty":
        bad.write_bytes(b"")
    elif how == "truncated":
        bad.write_bytes((people / "same.wav").read_bytes()[:9_000])
    elif how == "text":
        bad.write_text("no audio\n" * 500)
    elif how == "silent":
        soundfile.write(bad, np.zeros(16_000), 16_000)
    elif how == "one sample":
        soundfile.write(bad, np.array([0.3]), 16_000)
    elif how == "brief":
        soundfile.write(bad, person(300, 0.3), 16_000)
    elif how == "three hours":
        soundfile.write(bad, np.full(3 * 3600 * 4_000, 0.1, np.float32), 4_000, format="FLAC")
    done = _verify(people, "model.tflite", "enrol1.wav", "--", "bad.wav")
    assert _fails(done, "bad.wav", word)


def test_8_khz_and_stereo_work(people):
    soundfile.write(people / "8k.wav", person(305, 1, rate=8_000), 8_000)
    both = person(305, 1)
    soundfile.write(people / "stereo.flac", np.stack([both, both], axis=1), 16_000)
    done = _verify(people, "model.tflite", "enrol1.wav", "--", "8k.wav", "stereo.flac")
    assert done.returncode == 0
    assert done.stdout.count("accepted") == 2
