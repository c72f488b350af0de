"""A bank of small rooms that hardly ring, and talkers who sing."""

import numpy as np
import soundfile

from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.response_bank import make_bank
from tfsv.separation.room_settings import RoomSettings


def small_bank(folder, seed=0, rooms=3, array=LINE_OF_15):
    """A bank of the array of 15 or another one, made in about a second."""
    settings = RoomSettings(rooms=rooms, sources=4, seed=seed, t60=(0.05, 0.1), longest=0.1)
    return make_bank(folder, settings, array=array)


def sung(pitch, seconds, seed):
    """A glide with overtones, in syllables, float32 `[samples]`."""
    random = np.random.default_rng(seed)
    time = np.arange(round(16000 * seconds)) / 16000
    phase = 2 * np.pi * pitch * (time + 0.02 * np.sin(2 * np.pi * random.uniform(0.5, 2) * time))
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * random.uniform(2, 4) * time) ** 2
    return (0.1 * voice * loud).astype(np.float32)


def small_corpus(folder, talkers=("train", "train", "train", "test", "test")):
    """A manifest of talkers with three utterances each; the given splits are theirs."""
    rows = []
    for number, split in enumerate(talkers):
        name = f"{split}{number}"
        for take in range(3):
            path = f"{name}-{take}.wav"
            sound = sung(100 + 31 * number, 1.5 + 0.25 * take, 10 * number + take)
            silence = np.zeros(3200, np.float32)
            soundfile.write(folder / path, np.concatenate([silence, sound, silence]), 16000)
            seconds = (len(sound) + 6400) / 16000
            extra = {"corpus": f"corpus{number % 2}"}
            rows.append(Utterance(f"{name}-{take}", name, "one", path, seconds, split, extra))
    return write_manifest(folder / "manifest.tsv", rows)
