"""One talker out of a recording of an array: as a file, as a picture, and for verification."""

import dataclasses

import numpy as np
import pytest
import soundfile
from command_runner import run_command
from speech_stub import PitchEmbedder, person

import tfsv
from tfsv.conversion.convert import export_tflite
from tfsv.errors import InputError
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.tflite_separator import TFLiteSeparator
from tfsv.tasks.task import TASKS
from tfsv.verification.embedder import check_waveform

TINY = SeparatorSettings(stacks=1, blocks=2, channels=4, hidden=4, causal=True, norm="batch")


def exported(folder, settings):
    task = TASKS["separation"]
    card, file = task.new_card(settings), folder / "separator.tflite"
    export_tflite(task.build(card), {}, card, file, task.ends(card))
    return file


@pytest.fixture(scope="module")
def streaming(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("causal"), TINY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    settings = dataclasses.replace(TINY, causal=False, norm="")
    return exported(tmp_path_factory.mktemp("whole"), settings)


def written(path, seconds, seed=0, channels=15):
    """A recording of somebody's voice that all microphones hear, with some noise."""
    random = np.random.default_rng(seed)
    voice = np.tile(person(300, 0.8, seed=seed), 1 + int(seconds / 0.8))[: round(16000 * seconds)]
    noise = 0.01 * random.standard_normal((len(voice), channels), np.float32)
    soundfile.write(path, (0.5 * voice[:, np.newaxis] + noise).astype("f4"), 16000, "FLOAT")
    return path


@pytest.mark.parametrize("seconds", [0.7, 3.0, 75.0])
def test_a_recording_of_any_length_is_separated_by_a_causal_file(streaming, seconds, tmp_path):
    recording = written(tmp_path / "mixture.wav", seconds)
    done = tfsv.separate(recording, 70.0, tmp_path / "talker.wav", streaming)
    heard, _ = soundfile.read(recording, dtype="float32")
    sound, rate = soundfile.read(tmp_path / "talker.wav", dtype="float32")
    assert rate == 16000 and done.seconds == pytest.approx(seconds)
    wanted = TFLiteSeparator(streaming)(np.ascontiguousarray(heard.T), 70.0)
    np.testing.assert_allclose(sound, np.clip(wanted, -1, 1), atol=2 / 32768)


def test_others_hear_a_minute_and_say_so(whole, tmp_path):
    recording = written(tmp_path / "mixture.wav", 61.0)
    with pytest.raises(InputError, match=r"mixture.wav: 61 s; .* hears 60 s, and the .tflite file"):
        tfsv.separate(recording, 70.0, tmp_path / "talker.wav", whole)
    assert list(tmp_path.iterdir()) == [recording]
    short = written(tmp_path / "short.wav", 2.0)
    assert tfsv.separate(short, 70.0, tmp_path / "talker.wav", whole).seconds == 2.0


def test_the_command_draws_what_it_did(streaming, tmp_path):
    recording = written(tmp_path / "mixture.wav", 2.0)
    target = written(tmp_path / "target.wav", 2.0, channels=1)
    done = run_command(
        "separate", str(recording), "--direction=70", f"--model={streaming}",
        f"--output={tmp_path / 'talker.wav'}", f"--picture={tmp_path / 'talker.png'}",
        f"--target={target}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("talker.wav: 2.00 s\n")
    assert (tmp_path / "talker.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["mixture.wav", "--direction=181"], "direction"),
        (["mixture.wav"], "direction"),
        (["--direction=70"], "usage: tfsv separate mixture.wav --direction=63"),
        (["mixture.wav", "other.wav", "--direction=70"], "usage: tfsv separate"),
        (["mono.wav", "--direction=70"], "mono.wav: has 1 channels; the array has 15"),
        (
            ["mixture.wav", "--direction=70", "--target=mono.wav"],
            "is for a picture; give --picture too",
        ),
        (["absent.wav", "--direction=70"], "absent.wav"),
        (["mixture.wav", "--direction=70", "--picture=x.png", "--target=no.wav"], "no.wav"),
        (["mixture.wav", "--direction=70", "--picture=no/x.png"], "no"),
    ],
)
def test_what_is_wrong_is_a_line_and_nothing_is_written(streaming, tmp_path, arguments, line):
    written(tmp_path / "mixture.wav", 1.0)
    written(tmp_path / "mono.wav", 1.0, channels=1)
    (tmp_path / "no").write_text("a file, no folder")
    before = sorted(tmp_path.iterdir())
    done = run_command("separate", f"--model={streaming}", *arguments, folder=tmp_path)
    assert done.returncode == 1 and line in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_samples_that_are_not_finite_are_no_sound(tmp_path):
    task, card = TASKS["separation"], TASKS["separation"].new_card(TINY)
    network = task.build(card)
    network.get_layer("mask").bias.assign(np.full(514, 1e38))
    file, recording = tmp_path / "broken.tflite", written(tmp_path / "mixture.wav", 1.0)
    ends = dataclasses.replace(task.ends(card), agreement=lambda results, wanted: 1.0)
    export_tflite(network, {}, card, file, ends)
    with pytest.raises(InputError, match="gives samples that are not finite; train it again"):
        tfsv.separate(recording, 70.0, tmp_path / "talker.wav", file)
    assert not (tmp_path / "talker.wav").exists()


class _Listening(PitchEmbedder):
    """Keeps what it was asked to embed."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def embed(self, waveform):
        self.heard.append(check_waveform(waveform))
        return super().embed(waveform)


def test_what_comes_from_a_direction_is_verified(streaming, tmp_path):
    enrolment = written(tmp_path / "enrol.wav", 1.0, channels=1)
    mixture = written(tmp_path / "mixture.wav", 1.5)
    mono = written(tmp_path / "mono.wav", 1.0, seed=1, channels=1)
    embedder = _Listening()
    decisions = tfsv.verify(
        enrolment, [mixture, mono], embedder, threshold=0.5, direction=70.0, separator=streaming
    )
    assert [decision.recording for decision in decisions] == [mixture, mono]
    heard, _ = soundfile.read(mixture, dtype="float32")
    wanted = TFLiteSeparator(streaming)(np.ascontiguousarray(heard.T), 70.0)
    np.testing.assert_allclose(embedder.heard[1], wanted, atol=1e-6)
    np.testing.assert_array_equal(embedder.heard[2], soundfile.read(mono, dtype="float32")[0])
    with pytest.raises(InputError, match="mono.wav: 'direction' is of an array of 15 microphones"):
        tfsv.verify(enrolment, mono, embedder, threshold=0.5, direction=70.0, separator=streaming)
    with pytest.raises(InputError, match="direction=200: expected 0 to 180 degrees"):
        tfsv.verify(
            enrolment, mixture, embedder, threshold=0.5, direction=200.0, separator=streaming
        )
