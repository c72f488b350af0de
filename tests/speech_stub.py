"""An embedder that needs no training: it hears the pitch. And people who differ in it."""

import numpy as np
import soundfile

from tfsv.models import NetworkSettings
from tfsv.verification.model_card import speaker_card

SIZE = 64


class PitchEmbedder:
    """Embeds a waveform as the smoothed spectrum below 1 kHz, in float32 [64] of length 1."""

    def __init__(self, thresholds=None):
        network = NetworkSettings("pitch", 1, 80, SIZE)
        self.card = speaker_card(network, decision={"thresholds": thresholds or {}})
        self.lengths = []

    def embed(self, waveform):
        self.lengths.append(len(waveform))
        frames = waveform[: len(waveform) // 400 * 400].reshape(-1, 400)
        spectrum = np.abs(np.fft.rfft(frames, 2048, axis=1)).mean(axis=0)[:128]
        bands = spectrum.reshape(SIZE, 2).sum(axis=1) ** 2
        return (bands / np.linalg.norm(bands)).astype(np.float32)


def person(pitch, seconds=0.5, rate=16_000, seed=0):
    """Returns a hum at `pitch` Hz with noise, float [samples]."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return 0.3 * np.sin(2 * np.pi * pitch * time) + 0.03 * noise


def write_people(folder, people=6, utterances=4):
    """Writes wav files and returns their paths: `p<person>/<utterance>.wav`, relative."""
    paths = []
    for number in range(people):
        for utterance in range(utterances):
            path = folder / f"p{number}" / f"{utterance}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            pitch = 150 + 90 * number + 15 * utterance
            soundfile.write(path, person(pitch, seed=10 * number + utterance), 16_000)
            paths.append(str(path.relative_to(folder)))
    return paths
