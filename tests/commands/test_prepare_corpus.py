import multiprocessing
import os
import pathlib
import signal
import time

import numpy as np
import pytest
import soundfile
from command_runner import Finished, run_command

from tfsv.audio import screening
from tfsv.audio.inspection import SoundLimits, inspect_all
from tfsv.audio.manifest import Utterance, read_manifest
from tfsv.audio.screening import screen
from tfsv.audio.soundfiles import SoundInfo
from tfsv.errors import InputError
from tfsv.run_lock import alone_in
from tfsv.verification.trials import read_trials


def _prepare(*arguments: str) -> Finished:
    return run_command("prepare", "--workers=2", *arguments)


def _speaker(root: pathlib.Path, name: str, utterances: int = 3) -> None:
    (root / name / "day").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(utterances):
        soundfile.write(root / name / "day" / f"{i}.wav", rng.normal(0, 0.1, 8000), 16000)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A corpus of ten speakers and one of each fault, prepared with trial lists."""
    root = tmp_path_factory.mktemp("corpus")
    for i in range(10):
        _speaker(root, f"s{i}")
    bad = root / "s0" / "bad"
    bad.mkdir()
    whole = (root / "s0" / "day" / "0.wav").read_bytes()
    (bad / "empty.wav").touch()
    (bad / "cut.wav").write_bytes(whole[:9000])
    (bad / "text.flac").write_text("no audio\n" * 100)
    (bad / "video.m4a").write_bytes(bytes(500))
    (bad / "tab\there.wav").write_bytes(whole)
    soundfile.write(bad / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(bad / "one.wav", np.ones(1) * 0.5, 16000)
    soundfile.write(bad / "long.wav", np.random.default_rng(0).normal(0, 0.1, 80000), 8000)
    (root / "s0" / "day" / "1.flac").write_bytes(b"")  # same utterance id as 1.wav
    os.rename(root / "s0" / "day" / "2.wav", bad / "Recording 3\u202fPM\u3000\u200d.wav")
    (root / "stray.wav").write_bytes(whole)
    (bad / os.fsdecode(b"latin\xe9\x0a.wav")).write_bytes(whole)
    done = _prepare(
        f"--root={root}",
        f"--output={root}/manifest.tsv",
        "--test_speakers=3",
        "--dev_speakers=0.2",
        "--maximum_seconds=5",
        "--trials",
        "--targets=5",
        "--nontargets=7",
    )
    assert done.returncode == 0, done.stderr
    return root, done


def test_manifest_has_all_that_is_fit(prepared):
    root, _ = prepared
    manifest = read_manifest(root / "manifest.tsv")
    assert len(manifest) == 30
    assert {s: len(manifest.split(s).speakers) for s in manifest.splits} == {
        "train": 5,
        "dev": 2,
        "test": 3,
    }
    assert all(u.seconds == 0.5 and not pathlib.Path(u.path).is_absolute() for u in manifest)
    assert all(pathlib.Path(manifest.absolute(u)).exists() for u in manifest)
    assert [u.utterance for u in manifest] == sorted(u.utterance for u in manifest)


def test_report_names_each_skipped_file_and_why(prepared):
    root, done = prepared
    lines = (root / "manifest.skipped.tsv").read_text().splitlines()
    reasons = dict(line.split("\t") for line in lines)
    assert reasons.pop("path") == "reason"
    expected = {
        "s0/bad/empty.wav": "empty file",
        "s0/bad/cut.wav": "truncated",
        "s0/bad/text.flac": "no audio",
        "s0/bad/video.m4a": "convert it first",
        r"s0/bad/tab\there.wav": "tab",
        r"s0/bad/latin\udce9\n.wav": "a byte in its name that is not UTF-8; rename it",
        "s0/bad/silent.wav": "silent",
        "s0/bad/one.wav": "too short: 1 samples",
        "s0/bad/long.wav": "too long: 10 s",
        "s0/day/1.flac": "empty file",
        "stray.wav": "no speaker",
    }
    assert set(reasons) == set(expected)
    for path, words in expected.items():
        assert words in reasons[path] and str(root) not in reasons[path]
    assert "skipped 11 of 41" in done.stdout and "file/s" in done.stderr


def test_an_utterance_of_two_speakers():
    one, other = (Utterance("u", s, "d", f"{s}/1.wav", 0.0, "") for s in ("ann", "ben"))
    with pytest.raises(InputError, match=r"'u' has two speakers: 'ann' \(ann/1\.wav\) and 'ben'"):
        screen([one, other], ".", limits=SoundLimits(), workers=1, timeout_seconds=1)


def test_every_sound_file_is_taken_or_listed_with_how_to_convert_it(tmp_path):
    taken = {
        "a.WAV": "WAV", "b.oga": "OGG", "c.aiff": "AIFF", "d.aif": "AIFF", "e.sph": "NIST",
        "f.au": "AU", "g.caf": "CAF", "h.w64": "W64", "i.rf64": "RF64", "j.voc": "VOC",
        "k.snd": "AU", "l.nist": "NIST", "m.aifc": "AIFF", "n.opus": "OGG", "o.mp3": "MP3",
    }  # fmt: skip
    listed = ("p.webm", "q.3gp", "r.m4a", "s.aac", "t.wma", "u.amr", "v.mka", "w.ape", "x.wv")
    sound = np.random.default_rng(0).normal(0, 0.1, 8000)
    for speaker in ("ann", "ben", "cid"):
        (tmp_path / speaker).mkdir()
        for name, container in taken.items():
            subtype = "OPUS" if name == "n.opus" else None
            soundfile.write(
                tmp_path / speaker / name, sound, 16000, format=container, subtype=subtype
            )
    for name in listed:
        (tmp_path / "ann" / name).write_bytes(bytes(64))
    (tmp_path / "ann" / "y.txt").touch()
    done = _prepare(f"--root={tmp_path}", f"--output={tmp_path}/m.tsv")
    assert done.returncode == 0, done.stderr
    assert len(read_manifest(tmp_path / "m.tsv")) == 3 * len(taken)
    lines = (tmp_path / "m.skipped.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in lines] == [f"ann/{name}" for name in listed]
    assert all("convert it first: ffmpeg -i IN -ac 1 -ar 16000" in line for line in lines)
    assert "ffmpeg -i IN -ac 1 -ar 16000 OUT.flac" in done.stdout  # in the summary too


def test_trial_lists(prepared):
    root, _ = prepared
    manifest = read_manifest(root / "manifest.tsv")
    for split in ("dev", "test"):
        trials = read_trials(root / "trials" / f"{split}.txt")
        assert (trials.labels.sum(), len(trials)) == (5, 12)
        assert set(trials.names) <= {u.path for u in manifest.split(split)}


def test_nothing_else_is_left(prepared):
    root, _ = prepared
    names = {p.name for p in root.iterdir() if not p.name.startswith("s")}
    assert names == {"manifest.tsv", "manifest.skipped.tsv", "manifest.warnings.tsv", "trials"}


def test_same_speakers_are_drawn_by_the_same_seed(prepared, tmp_path):
    root, _ = prepared
    by_seed = []
    for seed in (0, 1):
        output = tmp_path / "far" / "manifest.tsv"
        arguments = ("--test_speakers=3", "--dev_speakers=2", f"--seed={seed}")
        done = _prepare(f"--root={root}", f"--output={output}", *arguments)
        assert done.returncode == 0
        manifest = read_manifest(output)
        assert all(pathlib.Path(u.path).is_absolute() for u in manifest)
        by_seed.append(manifest.split("test").speakers)
    first = read_manifest(root / "manifest.tsv").split("test").speakers
    assert by_seed[0] == first != by_seed[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root={root}"], "--output"),
        (["--root={root}/absent", "--output={out}/m.tsv"], "absent: no such folder"),
        (
            ["--root={root}", "--output={root}/file/m.tsv"],
            "file: not a folder that can be",
        ),
        (["--root={root}", "--output={out}/"], "--output names the manifest file"),
        (
            ["--root={root}", "--output={out}/m.tsv", "--dev_speakers=1.5"],
            "--dev_speakers: exp",
        ),
        (
            ["--root={root}", "--output={out}/m.tsv", "--test_speakers=9"],
            "9 of 2 training",
        ),
        (["--root={root}", "--output={out}/m.tsv", "--workers=0"], "workers"),
        (["--root={root}", "--output={out}/m.tsv", "--corpus=other"], "corpus"),
        (
            ["--root={root}", "--output={out}/m.tsv", "--minimum_seconds=700"],
            "above --maximum",
        ),
        (
            ["--root={root}", "--output={out}/m.tsv", "more"],
            "unexpected argument 'more'",
        ),
        (["--root={out}", "--output={out}/m.tsv"], "no sound file below it"),
    ],
)
def test_bad_flags_are_one_line_and_write_nothing(tmp_path, arguments, message):
    root, out = tmp_path / "corpus", tmp_path / "out"
    out.mkdir()
    for name in ("a", "b"):
        _speaker(root, name, utterances=1)
    (root / "file").touch()
    done = _prepare(*(a.format(root=root, out=out) for a in arguments))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and message in last
    assert "Traceback" not in done.stderr
    assert not list(out.iterdir())


def test_corpus_without_a_fit_file_leaves_the_report_only(tmp_path):
    root = tmp_path / "corpus" / "s"
    root.mkdir(parents=True)
    (root / "a.wav").touch()
    done = _prepare(f"--root={tmp_path}/corpus", f"--output={tmp_path}/out/manifest.tsv")
    assert done.returncode == 1 and "no usable recording" in done.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["manifest.skipped.tsv"]


def test_impossible_trials_are_an_error_after_the_manifest(tmp_path):
    for name in ("a", "b", "c", "d"):
        _speaker(tmp_path / "corpus", name, utterances=1)
    output = tmp_path / "manifest.tsv"
    flags = ("--test_speakers=2", "--dev_speakers=0", "--trials")
    done = _prepare(f"--root={tmp_path}/corpus", f"--output={output}", *flags)
    assert done.returncode == 1
    assert "no speaker has two utterances; no target trial in split test" in done.stderr
    assert len(read_manifest(output)) == 4 and not (tmp_path / "trials").exists()


def _faulty(path: str) -> SoundInfo:
    """Stands for a decoder that does the worst; runs in the workers."""
    if "hang" in path:
        time.sleep(1000)
    if "crash" in path:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "raise" in path:
        raise RuntimeError("two\nlines")
    return SoundInfo(path, 1.0, 16000, 1)


def test_files_that_hang_or_crash_cost_only_themselves():
    paths = [
        "hang",
        *(f"good{i}" for i in range(20)),
        "crash1",
        "crash2",
        "raise",
        "last",
    ]
    outcomes = dict(inspect_all(paths, workers=2, timeout_seconds=1.0, check=_faulty))
    assert sorted(outcomes) == list(range(len(paths)))
    by_path = {paths[i]: outcome for i, outcome in outcomes.items()}
    assert "not decoded within 1 s" in by_path["hang"]
    assert "crashed" in by_path["crash1"] and "crashed" in by_path["crash2"]
    assert by_path["raise"] == "raise: RuntimeError: two lines"
    assert sum(isinstance(outcome, SoundInfo) for outcome in outcomes.values()) == 21


def test_no_files_no_workers():
    assert list(inspect_all([], workers=3, check=SoundLimits())) == []


def test_stopping_early_ends_the_workers(tmp_path):
    _speaker(tmp_path, "s", utterances=8)
    paths = [str(p) for p in sorted(tmp_path.rglob("*.wav"))]
    outcomes = inspect_all(paths, workers=2, check=SoundLimits(minimum_seconds=0.1))
    assert isinstance(next(outcomes)[1], SoundInfo)
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_ctrl_c_is_for_the_parent_alone():
    """A terminal sends it to all; a worker that it reached would print or be called crashed."""
    outcomes = inspect_all(["hang", "good"], workers=2, check=_faulty)
    assert next(outcomes)[1].path == "good"
    (hanging,) = multiprocessing.active_children()
    os.kill(hanging.pid, signal.SIGINT)
    hanging.join(0.3)
    assert hanging.is_alive()
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_ctrl_c_leaves_the_manifest_as_it_was_and_no_worker(tmp_path, monkeypatch):
    _speaker(tmp_path / "corpus", "s", utterances=8)
    output = tmp_path / "manifest.tsv"
    output.write_text("old")

    def interrupted(*arguments, **options):
        yield from inspect_all(*arguments, **options)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(screening, "inspect_all", interrupted)
    done = _prepare(f"--root={tmp_path}/corpus", f"--output={output}")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "stopped by Ctrl-C; to start anew, run: tfsv prepare --workers=2 "
        f"--root={tmp_path}/corpus --output={output}"
    )
    assert output.read_text() == "old" and sorted(os.listdir(tmp_path)) == ["corpus", output.name]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("busy", ["manifest.tsv", "trials"])
def test_two_that_write_one_manifest_or_one_folder_of_trials(tmp_path, busy):
    _speaker(tmp_path / "corpus", "s")
    flags = (f"--root={tmp_path}/corpus", f"--output={tmp_path}/manifest.tsv", "--trials")
    with alone_in(tmp_path / busy, beside=True):
        done = _prepare(*flags)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f"{tmp_path / busy}: process {os.getpid()} on " in done.stderr
    assert os.listdir(tmp_path) == ["corpus"]
