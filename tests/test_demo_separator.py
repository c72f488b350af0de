"""The separator that comes with tfsv: small, credited, asked without naming it, and of use."""

import pathlib

import numpy as np
import pytest
import soundfile
from command_runner import run_command
from test_demo_model import CREDITS, SHIPPABLE

from tfsv import demo
from tfsv.audio.manifest import read_manifest
from tfsv.separation.batches import mixture_of
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.model_card import array_of, check_separator_card, separator_of
from tfsv.separation.scenes import draw_scene
from tfsv.separation.si_snr import si_snr_gain
from tfsv.separation.talkers import Talkers
from tfsv.separation.tflite_separator import TFLiteSeparator

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEACHER = "Resemblyzer"  # of the speaker models only


@pytest.fixture(scope="module")
def separator():
    return TFLiteSeparator("demo_separator")


def test_card_says_what_the_separator_is(separator):
    file, card = demo.located("demo_separator"), separator.card
    assert file.stat().st_size <= 2_000_000
    check_separator_card(card, str(file))
    assert separator_of(card).causal and array_of(card).microphones == 15
    assert set(card.bits.values()) == {4} and all("block" in name for name in card.bits)
    assert all(corpus in card.trained_on for corpus in SHIPPABLE)
    assert card.measured["gain"] > 4
    notice = (ROOT / "NOTICE").read_text()
    assert all(credit in notice for credit in CREDITS if credit != TEACHER)


def test_silence_stays_silence(separator):
    silence = np.zeros((15, 16000), np.float32)
    assert np.abs(separator(silence, 90.0)).max() < 1e-4


def test_a_mixture_is_separated_without_naming_a_model(tmp_path):
    recording = tmp_path / "mixture.wav"
    heard = 0.05 * np.random.default_rng(0).standard_normal((16000, 15))
    soundfile.write(recording, heard, 16000)
    done = run_command("separate", "mixture.wav", "--direction=63", folder=tmp_path)
    assert done.returncode == 0 and "separated.wav: 1.00 s" in done.stdout, done.stderr
    assert soundfile.info(tmp_path / "separated.wav").frames == 16000


def test_talkers_whom_it_never_heard_are_separated(separator, real_speech, tmp_path):
    """Eight mixtures in rooms that hardly ring: gains are larger than docs/results states."""
    pytest.importorskip("pyroomacoustics")
    from small_rooms import small_bank

    bank, settings = small_bank(tmp_path, seed=9), MixtureSettings(noise_snr=(30.0, 40.0))
    talkers = Talkers(read_manifest(real_speech.manifest).split("test"))
    gains = []
    for number in range(8):
        random = np.random.default_rng([number, 3])
        scene = draw_scene(random, bank, settings, angle_range=2 + number % 2)
        mixture = mixture_of(random, scene, talkers, bank, settings, 4 * 16000)
        sound = separator(mixture.heard, mixture.angle)
        gains.append(si_snr_gain(sound, mixture.heard[0], mixture.wanted))
    assert np.mean(gains) > 5, gains
