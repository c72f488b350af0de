"""PESQ and STOI are their packages' where they have a value; where not, one line says so."""

import importlib

import numpy as np
import pytest

from tfsv.audio.synthesizer import draw_session, draw_voice, speak
from tfsv.errors import InputError
from tfsv.separation import optional
from tfsv.separation.perceptual import pesq, stoi


@pytest.fixture(scope="module")
def speech():
    random = np.random.default_rng(3)
    return speak(draw_voice(random, "f"), draw_session(random), 2.0, random)


def drawn(samples, level):
    return np.random.default_rng(1).normal(0, level, samples)


@pytest.mark.parametrize("band", ["nb", "wb"])
def test_pesq_falls_with_noise_and_does_not_mind_levels(speech, band):
    package = pytest.importorskip("pesq", reason="needs the extra separation")
    noise = drawn(len(speech), np.std(speech))
    scores = [pesq(speech + factor * noise, speech, band) for factor in (0, 0.03, 0.3)]
    assert scores[0] > 4.5 and scores[0] > scores[1] > scores[2] > 1
    noisy = (speech + 0.3 * noise).astype(np.float32)
    wanted = package.pesq(16000, speech.astype(np.float32), noisy, band)
    assert scores[2] == pytest.approx(wanted, abs=0.02)
    assert pesq(0.01 * noisy, 30 * speech, band) == pytest.approx(scores[2], abs=0.02)


def test_stoi_falls_with_noise(speech):
    package = pytest.importorskip("pystoi", reason="needs the extra separation")
    noise = drawn(len(speech), np.std(speech))
    scores = [stoi(speech + factor * noise, speech) for factor in (0, 0.3, 3)]
    assert scores[0] > 0.999 and scores[0] > scores[1] > scores[2]
    assert scores[2] == package.stoi(speech, speech + 3 * noise, 16000)
    assert stoi(np.zeros(len(speech)), speech) == 0


@pytest.mark.parametrize(
    "estimate, target, message",
    [
        (drawn(16000, 0.1), np.zeros(16000), "a.wav's target: is silent, so it has no PESQ"),
        (np.zeros(16000), drawn(16000, 0.1), "a.wav: is silent, so it has no PESQ"),
        (drawn(3999, 0.1), drawn(3999, 0.1), "a.wav: has 0.25 s; PESQ needs 0.25 s"),
        (np.full(16000, np.nan), drawn(16000, 0.1), "a.wav: 16000 of its 16000 samples are NaN"),
        (
            drawn(16000, 0.1),
            np.eye(1, 16000, 15990)[0],
            "a.wav: PESQ finds no speech",
        ),
    ],
)
def test_pesq_refuses_what_has_none(estimate, target, message):
    pytest.importorskip("pesq", reason="needs the extra separation")
    with pytest.raises(InputError, match=message):
        pesq(estimate, target, "nb", "a.wav")


@pytest.mark.parametrize(
    "target, message",
    [
        (np.zeros(16000), "a.wav's target: is silent, so it has no STOI"),
        (drawn(3000, 0.1), "a.wav: its target has too little sound for STOI"),
        (np.r_[np.zeros(15000), drawn(1000, 0.1)], "a.wav: its target has too little sound"),
    ],
)
def test_stoi_refuses_what_has_none(target, message):
    pytest.importorskip("pystoi", reason="needs the extra separation")
    with pytest.raises(InputError, match=message):
        stoi(drawn(len(target), 0.1), target, "a.wav")


def test_a_missing_package_is_named_with_its_extra(speech, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    message = r"^PESQ: needs the package pesq; pip install 'tfsv\[separation\]'$"
    with pytest.raises(InputError, match=message):
        pesq(speech, speech, "nb")
    with pytest.raises(InputError, match="^word errors: needs the package jiwer"):
        optional.optional("jiwer", "word errors")
