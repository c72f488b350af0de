"""--channel and warnings about recordings that do not suit, in every command that reads them."""

import dataclasses
import json
import logging
import pathlib

import numpy as np
import pytest
import soundfile
from command_runner import run_command, run_with_stub
from speech_stub import PitchEmbedder, person

import tfsv
from tfsv.audio.channels import OneChannel
from tfsv.audio.manifest import Utterance, read_manifest, write_manifest
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.verification.evaluation import recording_paths
from tfsv.verification.extraction import extract_embeddings
from tfsv.verification.trials import make_trials, read_trials, write_trials

AGENT, CALLER = 300, 700  # pitches
DIFFER = "2 channels that differ are mixed; --channel takes one"
CANCEL = "2 channels that cancel each other (opposite signs): channel 1 is taken; --channel takes"


def _call(path, left, right):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack([left, right], axis=1), 16_000)


@pytest.fixture
def calls(tmp_path):
    """A recording of the agent, a call with the agent on the left, and opposite signs."""
    soundfile.write(tmp_path / "agent.wav", person(AGENT, 0.8), 16_000)
    agent, caller = person(AGENT, 0.8, seed=1), person(CALLER, 0.8, seed=2)
    _call(tmp_path / "call.wav", agent, caller)
    _call(tmp_path / "opposite.wav", agent, -agent)
    (tmp_path / "model.tflite").write_text(json.dumps({"far_0.01": 0.9}))
    return tmp_path


def _verify(calls, *arguments):
    return run_with_stub("verify", "model.tflite", "agent.wav", *arguments, folder=calls)


@pytest.mark.parametrize("names, accepted", [(("1", "left", "A"), True), (("2", "R", "b"), False)])
def test_verify_takes_the_channel(calls, names, accepted):
    for name in names:
        done = _verify(calls, f"--channel={name}", "--", "call.wav")
        assert ("accepted" in done.stdout) == accepted
        assert "differ" not in done.stderr


def test_verify_says_that_channels_are_mixed_or_cancel(calls):
    mixed = _verify(calls, "--", "call.wav")
    (line,) = mixed.stderr.splitlines()
    assert line.endswith(f"call.wav: {DIFFER}")
    opposite = _verify(calls, "--", "opposite.wav")
    assert opposite.stdout.endswith("accepted\n")
    (line,) = opposite.stderr.splitlines()
    assert f"opposite.wav: {CANCEL}" in line


def test_verify_refuses_a_channel_that_is_none(calls):
    for channel, reason in (("3", "call.wav: has 2 channels, and no channel 3"), ("x", "expected")):
        done = _verify(calls, f"--channel={channel}", "--", "call.wav")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ") and reason in done.stderr


def test_embed_and_verify_of_the_library(calls):
    call, embedder = calls / "call.wav", PitchEmbedder()
    left, right = (tfsv.embed(call, embedder, channel=n)[0] for n in ("left", 2))
    np.testing.assert_array_equal(tfsv.embed(OneChannel(str(call), 2), embedder)[0], right)
    decisions = tfsv.verify(
        OneChannel(str(call), 1), [call, calls / "agent.wav"], embedder, threshold=0.9, channel=2
    )
    assert decisions[0].score == pytest.approx(left @ right, abs=1e-6)
    assert [decision.recording for decision in decisions] == [call, calls / "agent.wav"]
    assert [decision.accepted for decision in decisions] == [False, True]


def test_prepare_lists_warnings_and_carries_the_channel(calls, tmp_path):
    root = tmp_path / "speech"
    for speaker in ("ann", "ben"):
        _call(root / speaker / "call.wav", person(AGENT), person(CALLER))
        _call(root / speaker / "opposite.wav", person(AGENT), -person(AGENT))
        soundfile.write(root / speaker / "phone.wav", person(AGENT, rate=8000), 8000)
        soundfile.write(root / speaker / "plain.wav", person(AGENT), 16_000)
    arguments = (f"--root={root}", f"--output={root}/all.tsv", "--workers=1")
    done = run_command("prepare", *arguments)
    assert done.returncode == 0, done.stderr
    assert all(u.channel is None for u in read_manifest(root / "all.tsv"))
    lines = (root / "all.warnings.tsv").read_text().splitlines()
    assert lines[0] == "path\twarning" and len(lines) == 7
    told = dict(line.split("\t") for line in lines[1:4])
    assert told["ann/call.wav"] == "2 channels that differ are mixed; 'channel' takes one"
    assert told["ann/opposite.wav"].startswith("2 channels that cancel each other")
    assert told["ann/phone.wav"].startswith("8000 samples a second, below 16000")
    assert f"warnings about 6 recordings, listed in {root}/all.warnings.tsv" in done.stdout
    assert "       2  2 channels that differ are mixed; --channel takes one\n" in done.stdout

    done = run_command("prepare", *arguments, "--channel=right")
    assert done.returncode == 0, done.stderr
    channels = {pathlib.Path(u.path).name: u.channel for u in read_manifest(root / "all.tsv")}
    assert channels == {"call.wav": 2, "opposite.wav": 2, "phone.wav": None, "plain.wav": None}
    assert "differ" not in done.stdout and "cancel" not in done.stdout


@pytest.fixture
def sides(tmp_path):
    """A manifest with a speaker on each channel of four calls, and trials of it."""
    rows = []
    for number in range(4):
        path = f"call{number}.wav"
        _call(tmp_path / path, person(AGENT, seed=number), person(CALLER, seed=10 + number))
        for side in "AB":
            name = f"call{number}-{side}"
            rows.append(Utterance(name, side, str(number), path, 0.5, "dev", {"channel": side}))
    manifest = write_manifest(tmp_path / "manifest.tsv", rows)
    write_trials(tmp_path / "dev.txt", make_trials(manifest, targets=12, nontargets=16))
    (tmp_path / "model.tflite").write_text(json.dumps({"far_0.01": 0.9}))
    return tmp_path


def test_a_list_of_one_split_names_what_the_whole_manifest_tells_apart(sides):
    """The other side of a call may be in another split."""
    rows = [
        dataclasses.replace(u, speaker=f"{u.speaker}{u.session}"[:2], split=split)
        for u in read_manifest(sides / "manifest.tsv")
        for split in [{"A": "dev", "B": "train"}[u.speaker]]
    ]
    rows += [dataclasses.replace(u, utterance=f"{u.utterance}+") for u in rows]
    manifest = write_manifest(sides / "manifest.tsv", rows)
    trials = make_trials(manifest.split("dev"), targets=4, nontargets=4)
    paths = recording_paths(trials, None, manifest)
    assert {path.channel for path in paths} == {1}
    assert recording_paths(trials, sides, manifest) == paths


def test_evaluate_hears_the_channels_of_the_manifest(sides):
    assert set(read_trials(sides / "dev.txt").names) == {
        u.utterance for u in read_manifest(sides / "manifest.tsv")
    }
    done = run_with_stub(
        "evaluate", "--model=model.tflite", "--trials=dev.txt", "--manifest=manifest.tsv",
        "--output=out", "--bootstrap=0", "--embeddings=kept", folder=sides,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((sides / "out" / "results.json").read_text())
    (system,) = results["systems"].values()
    assert Report.from_dict(system)["eer"].value == 0
    assert "differ" not in done.stderr


def test_evaluate_with_a_channel_for_all(sides):
    trials = "".join(f"1 call0.wav call{n}.wav\n0 call0.wav call{n}.wav\n" for n in (1, 2))
    (sides / "paths.txt").write_text(trials)
    paths = recording_paths(read_trials(sides / "paths.txt"), sides, None, "left")
    assert paths == [OneChannel(str(sides / f"call{n}.wav"), 1) for n in range(3)]
    flags = ("--model=model.tflite", "--trials=paths.txt", "--root=.", "--output=out")
    done = run_with_stub("evaluate", *flags, "--bootstrap=0", folder=sides)
    assert f"3 of 3 recordings, such as ./call0.wav: {DIFFER}" in done.stderr
    done = run_with_stub("evaluate", *flags, "--bootstrap=0", "--channel=2", folder=sides)
    assert done.returncode == 0 and "differ" not in done.stderr


def test_a_path_of_several_channels_is_no_name(sides):
    (sides / "paths.txt").write_text("1 call0.wav call1.wav\n")
    manifest = read_manifest(sides / "manifest.tsv")
    with pytest.raises(InputError, match="'call0.wav' of the trial list has several channels"):
        recording_paths(read_trials(sides / "paths.txt"), None, manifest)


def test_a_manifest_whose_channel_is_none(sides):
    text = (sides / "manifest.tsv").read_text()
    (sides / "manifest.tsv").write_text(text.replace("\tB\n", "\tboth\n", 1))
    with pytest.raises(InputError, match="manifest.tsv:3: channel both: expected 1, 2, …"):
        read_manifest(sides / "manifest.tsv")


def test_shards_of_another_channel_are_others(sides):
    path, embedder = str(sides / "call0.wav"), PitchEmbedder()
    both = [
        extract_embeddings(embedder, [OneChannel(path, n)], folder=sides / "kept", identity="m")
        for n in (1, 2)
    ]
    assert not np.allclose(*both)


def test_many_recordings_give_one_line_for_each_kind(sides, caplog):
    paths = [str(sides / f"call{number}.wav") for number in range(4)]
    with caplog.at_level(logging.WARNING):
        extract_embeddings(PitchEmbedder(), [*paths, OneChannel(paths[0], 1)], progress=False)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"4 of 5 recordings, such as {paths[0]}: "
        "2 channels that differ are mixed; 'channel' takes one"
    )
