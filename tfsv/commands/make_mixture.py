"""Makes a recording of two talkers in a simulated room, to try a separator with.

    tfsv make-mixture --output=mixture
    tfsv make-mixture --corpus=corpus/manifest.tsv --bank=banks/test --angle_range=45-90 \\
        --output=mixture

Without a corpus and a bank, made-up voices talk in small rooms, which are made on first use. The
folder gets `mixture.wav` with a channel for each microphone, `target.wav` with what a separator
is to give, and `scene.json` with the asked angle and all else that was drawn. --number draws
another mixture. Talkers are those of the test split.
"""

import dataclasses
from typing import Any

import numpy as np
from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.mixture_settings import MixtureSettings


def _define(values: flags.FlagValues) -> None:
    def text(name: str, default: str | None, help: str) -> None:
        flags.DEFINE_string(name, default, help, required=default is None, flag_values=values)

    text("corpus", "voices", "Path of a manifest, or voices, which are made up.")
    text("bank", "", "Bank of rooms, as `tfsv make-rooms` makes them. Default: small rooms.")
    text("output", None, "Folder to write.")
    text("split", "test", "Split of the talkers.")
    flags.DEFINE_enum(
        "angle_range", NAMES[2], NAMES, "Degrees between both talkers.", flag_values=values
    )
    flags.DEFINE_integer("number", 0, "Number of the mixture.", 0, flag_values=values)
    define(values, MixtureSettings, without=_OF_TRAINING)


_VOICES, _UTTERANCES = 20, 4  # of the made-up corpus, a fifth of them in its test split

_OF_TRAINING = ("batch_size", "alone", "nobody", "same_corpus", "seed")
"""Settings that do not matter to one mixture of two talkers."""


def main(values: Any, arguments: list[str]) -> None:
    """Makes the mixture that the flags describe."""
    settings = made(values, MixtureSettings, without=_OF_TRAINING)

    import soundfile

    from tfsv.audio import SAMPLE_RATE
    from tfsv.audio.voices import named_corpus
    from tfsv.files import replacing, writable_folder, write_json
    from tfsv.separation.batches import mixture_of
    from tfsv.separation.example_rooms import example_rooms
    from tfsv.separation.response_bank import ResponseBank
    from tfsv.separation.scenes import draw_scene
    from tfsv.separation.talkers import Talkers

    bank = ResponseBank(values.bank) if values.bank else example_rooms()
    corpus = named_corpus(values.corpus, speakers=_VOICES, utterances=_UTTERANCES)
    talkers = Talkers(corpus.split(values.split))
    random = np.random.default_rng([values.number, NAMES.index(values.angle_range)])
    scene = draw_scene(random, bank, settings, NAMES.index(values.angle_range))
    mixture = mixture_of(random, scene, talkers, bank, settings, settings.crop_samples)
    folder = writable_folder(values.output)
    sounds = {"mixture.wav": mixture.heard.T, "target.wav": mixture.wanted}
    for name, sound in sounds.items():
        with replacing(folder / name) as part:
            soundfile.write(part, sound, SAMPLE_RATE, subtype="FLOAT", format="WAV")
    drawn = {"angle": mixture.angle, **dataclasses.asdict(scene)}
    write_json(folder / "scene.json", drawn)
    print(
        f"{values.output}/mixture.wav: {mixture.heard.shape[1] / SAMPLE_RATE:g} s of "
        f"{bank.array.microphones} microphones; the talker of target.wav is at "
        f"{mixture.angle:.0f} degrees"
    )


command = Command("make-mixture", __doc__, _define, main)
