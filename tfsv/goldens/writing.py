"""Golden files: what Python computes, for other implementations to compare themselves with.

A folder holds small models, one of each form that `tfsv export` writes, short utterances, and what
`tfsv.load` makes of both. The network has random weights: it recognises nobody, but every kernel of
it is computed with. `tfsv.goldens.separator_writing` adds separators.
"""

import dataclasses
import itertools
import os
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from tfsv.audio import soundfiles
from tfsv.audio.synthesizer import draw_session, draw_voice, speak
from tfsv.audio.wav_bytes import wav_bytes
from tfsv.conversion.convert import Conversion, convert
from tfsv.files import replacing, writable_folder, write_bytes, write_json
from tfsv.goldens.checking import INDEX, SCHEMA, runtime
from tfsv.goldens.digests import digests
from tfsv.goldens.separator_writing import GOLDEN_SEPARATORS, write_separators
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization.network import quantizable_layers, quantize, refresh_codebooks, strip
from tfsv.run_lock import alone_in
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.verification.calibration import Calibration, Quality
from tfsv.verification.cohorts import int8_cohort
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card
from tfsv.verification.recorded_inputs import calibration_inputs
from tfsv.verification.scorer import Scorer, decision_of
from tfsv.verification.tflite_embedder import TFLiteEmbedder
from tfsv.verification.voices import Voice, sound_of
from tfsv.widths import CODED, FLOAT16


@dataclasses.dataclass(frozen=True)
class GoldenModel:
    """How a golden model is made.

    Example:
        >>> models = {"packed_3bit": GoldenModel("packed", "int8_weights", (3,))}
        >>> index = write_goldens("goldens", models)

    Attributes:
        weights: How kernels are stored, a key of `tfsv.conversion.forms.COMPUTE_FORMS`.
        compute: What the file computes with, one of `COMPUTE_FORMS[weights]`.
        bits: Bits that the layers get in turn. Empty: a float network.
        cohort: Vectors of the cohort by which it normalises scores before it calibrates them. 0:
            it calibrates cosines. None: its scores are cosines.
    """

    weights: str
    compute: str
    bits: tuple[int, ...]
    cohort: int | None = None


GOLDEN_MODELS = {
    "float32": GoldenModel("float32", "float32", ()),
    "int8_weights": GoldenModel("int8", "int8_weights", (4,)),
    "int8": GoldenModel("int8", "int8", (4,), cohort=0),
    "packed_1bit": GoldenModel("packed", "int8", (1,)),
    "packed_2bit": GoldenModel("packed", "int8", (2,)),
    "packed_4bit": GoldenModel("packed", "int8", (4,), cohort=24),
    "packed_mixed": GoldenModel("packed", "int8_weights", CODED),
    "packed_mixed_float32": GoldenModel("packed", "float32", CODED),
    "packed_float16": GoldenModel("packed", "int8_weights", (4, FLOAT16)),
}
"""The golden models by name."""

_NETWORK, _CHANNELS, _BINS, _DIMENSIONS = "resnet18", 4, 16, 32
_SPEAKERS, _UTTERANCES = 2, 3  # the last utterance of each speaker is tested with
_SHORTEST, _LONGEST = 0.8, 1.3  # seconds
_SILENCE = 6400  # samples before and behind the utterances that are tested with
_OPERATING_POINTS = ("eer", "far_0.01", "far_0.001")
_TOP = 8  # cosines to the cohort that count
_FARTHEST = 0.4  # from an utterance to the last vector of the cohort, in each dimension
# The bounds are such that some utterances lie within them and some beyond.
_CALIBRATION = Calibration(
    -1.0, 1.5, Quality(-0.75, 0.85, 1.25, 2.0), Quality(-0.25, 0.5, 1.0, 2.5)
)
_IMPOSTER_MEAN = Quality(40.0, 0.921, 0.923, 0.9255)


def write_goldens(
    folder: str | os.PathLike,
    models: Mapping[str, GoldenModel] = GOLDEN_MODELS,
    separators: Mapping[str, SeparatorSettings] = GOLDEN_SEPARATORS,
) -> dict[str, Any]:
    """Writes the golden files.

    The index lists utterances, trials and models. Utterances are 16-bit wav, 16 kHz; those that are
    tested with begin and end in digital silence. `sounds` has the seconds of sound and the level of
    each, as `tfsv.verification.voices.sound_of` finds them. A trial is some utterances of a speaker
    against another utterance. A model has its SHA-256, that of its expanded form, its threshold, a
    file of its embeddings, the trials' scores and the decisions. Scores are those of `model.score`:
    log-likelihood ratios where the file has a calibration. The embeddings are float32 `[utterances,
    dimensions]`, little-endian. `exact` says that they agree bit for bit with the same LiteRT, for
    all activations are integers.

    A separator has a mixture, a 16-bit wav of 15 channels, and an angle. `separated` is what its
    stream gives of pieces of so many samples each, float32 `[samples]`, little-endian. The same
    libraries write the same bytes.

    Example:
        >>> index = write_goldens("goldens")
        >>> all(found.passed for found in check_goldens("goldens"))
        True

    Args:
        folder: Folder to write; it is made when absent.
        models: The models to write, by name.
        separators: Settings of the separators to write, by name; each is causal.

    Returns:
        The index.

    Raises:
        InputError: The folder cannot be written, or another process writes it.
    """
    folder = writable_folder(folder)
    with alone_in(folder):
        return _written(folder, models, separators)


def _written(
    folder: pathlib.Path,
    models: Mapping[str, GoldenModel],
    separators: Mapping[str, SeparatorSettings],
) -> dict[str, Any]:
    utterances = _write_utterances(folder)
    recordings = [folder / name for name in utterances]
    speakers = [utterances[i : i + _UTTERANCES] for i in range(0, len(utterances), _UTTERANCES)]
    trials = [
        {"enrol": speaker[:-1], "test": other[-1]} for speaker in speakers for other in speakers
    ]
    index = {
        "schema": SCHEMA,
        "runtime": runtime(),
        "machine": platform.machine(),
        "utterances": utterances,
        "sounds": [dataclasses.asdict(sound_of(soundfiles.read(path))) for path in recordings],
        "trials": trials,
        "models": [
            _write_model(folder, name, model, recordings, trials) for name, model in models.items()
        ],
        "separators": write_separators(folder, separators),
    }
    write_json(folder / INDEX, index, indent=1)
    return index


def _write_utterances(folder: pathlib.Path) -> list[str]:
    names = []
    for speaker in range(_SPEAKERS):
        random = np.random.default_rng(speaker)
        voice, session = draw_voice(random, "FM"[speaker % 2]), draw_session(random)
        for utterance in range(_UTTERANCES):
            sound = speak(voice, session, random.uniform(_SHORTEST, _LONGEST), random)
            if utterance == _UTTERANCES - 1:
                sound = np.concatenate([np.zeros(_SILENCE), sound, np.zeros(_SILENCE)])
            names.append(f"speaker{speaker}_{utterance}.wav")
            write_bytes(folder / names[-1], wav_bytes(sound))
    return names


def _write_model(
    folder: pathlib.Path,
    name: str,
    model: GoldenModel,
    recordings: Sequence[pathlib.Path],
    trials: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Writes a model and its embeddings.

    Returns:
        Its part of the index.
    """
    conversion = _converted(model, recordings)
    path, vectors = folder / f"{name}.tflite", folder / f"{name}.embeddings"
    content = conversion.content()
    with replacing(path, len(content)) as part:
        part.write_bytes(content)
        voices = _voices(TFLiteEmbedder(part), recordings)
        cosines = _with_thresholds(Scorer(), voices, trials)
        scorer = _scorer(model, voices, trials)
        decision, cohort = decision_of(cosines.thresholds, scorer)
        content = conversion.content(
            dataclasses.replace(conversion.card, decision=decision), cohort
        )
        part.write_bytes(content)
        embedder = TFLiteEmbedder(part)
        voices = _voices(embedder, recordings)
    embeddings = np.stack([voice.embedding for voice in voices.values()])
    write_bytes(vectors, embeddings.astype("<f4").tobytes())
    sha256, expanded_sha256 = digests(content)
    threshold = embedder.threshold(0.01)
    scores = _scores(embedder, voices, trials)
    return {
        "name": name,
        "file": path.name,
        "sha256": sha256,
        "expanded_sha256": expanded_sha256,
        "exact": model.compute == "int8",
        "embeddings": vectors.name,
        "threshold": threshold,
        "scores": scores,
        "accepted": [score >= threshold for score in scores],
    }


def _converted(model: GoldenModel, recordings: Sequence[pathlib.Path]) -> Conversion:
    keras.utils.set_random_seed(0)
    network = build_network(_NETWORK, channels=_CHANNELS, bins=_BINS, embedding_size=_DIMENSIONS)
    coded = {}
    if model.bits:
        names = [layer.name for layer in quantizable_layers(network)]
        bits = dict(zip(names, itertools.cycle(model.bits), strict=False))
        network = quantize(network, bits)
        refresh_codebooks(network)
        network, coded = strip(network)
    card = speaker_card(
        NetworkSettings(_NETWORK, _CHANNELS, _BINS, _DIMENSIONS),
        {"bins": _BINS},
        scheme="kmeans" if coded else None,
        trained_on="nothing: random weights",
    )
    ends = speaker_ends({"bins": _BINS}, _DIMENSIONS)
    ranges_from = calibration_inputs(recordings) if model.compute == "int8" else ()
    return convert(network, coded, card, ends, model.weights, model.compute, ranges_from)


def _voices(embedder: TFLiteEmbedder, recordings: Sequence[pathlib.Path]) -> dict[str, Voice]:
    return {path.name: embedder.voice(soundfiles.read(path)) for path in recordings}


def _scorer(
    model: GoldenModel, voices: Mapping[str, Voice], trials: Sequence[Mapping[str, Any]]
) -> Scorer | None:
    """The scorer that the file gets, if any.

    An untrained network finds all utterances alike. Vectors of the cohort lie at growing distances
    from them, so that cosines spread and no rounding is blown up.
    """
    if model.cohort is None:
        return None
    if model.cohort == 0:
        return _with_thresholds(Scorer(calibration=_CALIBRATION), voices, trials)
    embeddings = np.stack([voice.embedding for voice in voices.values()])
    near = embeddings[np.arange(model.cohort) % len(embeddings)]
    aside = np.linspace(0, _FARTHEST, model.cohort)[:, np.newaxis]
    cohort = near + aside * np.random.default_rng(0).normal(size=near.shape)
    calibration = dataclasses.replace(_CALIBRATION, imposter_mean=_IMPOSTER_MEAN)
    scorer = Scorer(int8_cohort(cohort), _TOP, calibration)
    return _with_thresholds(scorer, voices, trials)


def _with_thresholds(
    scorer: Scorer, voices: Mapping[str, Voice], trials: Sequence[Mapping[str, Any]]
) -> Scorer:
    threshold = _widest_gap(_scores(scorer, voices, trials))
    return dataclasses.replace(scorer, thresholds=dict.fromkeys(_OPERATING_POINTS, threshold))


def _scores(
    scorer: Scorer | TFLiteEmbedder,
    voices: Mapping[str, Voice],
    trials: Sequence[Mapping[str, Any]],
) -> list[float]:
    return [
        scorer.score([voices[name] for name in trial["enrol"]], voices[trial["test"]])
        for trial in trials
    ]


def _widest_gap(scores: Sequence[float]) -> float:
    """A threshold that no rounding of scores crosses."""
    ascending = np.sort(scores)
    widest = int(np.argmax(np.diff(ascending)))
    return round(float(ascending[widest] + ascending[widest + 1]) / 2, 4)
