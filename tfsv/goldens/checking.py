"""Checks whether this machine computes what the golden files say.

Nothing here needs TensorFlow, so that it runs wherever LiteRT does. `tfsv.goldens.writing` writes
the files.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.goldens.digests import digests
from tfsv.goldens.separator_checking import check_separator
from tfsv.json_files import read_json
from tfsv.verification.tflite_embedder import TFLiteEmbedder
from tfsv.verification.voices import Sound, Voice

INDEX = "goldens.json"
"""Name of the file that lists all others."""

SCHEMA = 3
"""Version of the index. The first had cosines only; the second had no separators."""

ARITHMETIC = 1e-5
"""Largest difference of scores that are made from the golden embeddings, on any machine."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How well results must agree with the golden ones.

    Example:
        >>> Tolerance(True, cosine=0.99999, score=1e-5, ratio=1e-5, sound=1e-5) == SAME_KIND
        True

    Attributes:
        exact: Whether embeddings of integer arithmetic must agree bit for bit.
        cosine: Cosine that other embeddings must exceed.
        score: Largest difference of scores that are cosines.
        ratio: Largest difference of scores that are log-likelihood ratios.
        sound: Largest difference of separated sound, relative to its size. Separators here compute
            with floats, so that it is one of rounding.
    """

    exact: bool
    cosine: float
    score: float
    ratio: float
    sound: float


SAME_KIND = Tolerance(exact=True, cosine=0.99999, score=1e-5, ratio=1e-5, sound=1e-5)
"""Tolerance for the LiteRT and the kind of processor that the files were written with."""

OTHER_KIND = Tolerance(exact=False, cosine=0.9999, score=5e-4, ratio=0.05, sound=1e-4)
"""Tolerance for any other LiteRT or kind of processor.

The front end computes with floats, whose last bits differ; where an activation lies between two
integers, such a bit decides. Two others were measured: the LiteRT of TensorFlow 2.16, which the
Android app has, and LiteRT 2.3 for an emulated Neoverse N1. The worst of 48 embeddings was 1.7e-5
from the golden one, the worst of 32 cosines 9.3e-5. Embeddings that far off in random directions
change the ratios of the models with a calibration by 0.012 at most. An emulated Cortex-A72 and
emulated older x86 processors agree bit for bit where `exact` says so. Separated sound of the LiteRT
of TensorFlow 2.16 differed by 1.1e-7; ARM was not measured.
"""


def tolerance(index: Mapping[str, Any]) -> Tolerance:
    """The tolerance that suits this machine.

    Example:
        >>> index = json.loads(pathlib.Path("goldens", INDEX).read_text())
        >>> tolerance(index).exact

    Args:
        index: The index of the golden files.
    """
    same = index["machine"] == platform.machine() and index["runtime"] == runtime()
    return SAME_KIND if same else OTHER_KIND


def runtime() -> str:
    """The interpreter and its kernels, in words.

    Example:
        >>> runtime()
        'ai-edge-litert 2.3.0, XNNPACK'
    """
    return f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}, XNNPACK"


@dataclasses.dataclass(frozen=True)
class GoldenComparison:
    """One result that was compared with the golden one.

    Example:
        >>> failed = [found for found in check_goldens("goldens") if not found.passed]

    Attributes:
        model: Name of the golden model.
        subject: What is compared: "expanded", an utterance, the utterances of a trial, or the
            mixture that is separated.
        passed: Whether the result agrees within the tolerance.
        identical: Whether the result is the same bit for bit.
        difference: Difference of scores, 1 - cosine of embeddings, or relative one of sounds.
    """

    model: str
    subject: str
    passed: bool
    identical: bool
    difference: float = 0.0


def check_goldens(folder: str | os.PathLike) -> Iterator[GoldenComparison]:
    """Computes everything again, on one thread.

    Example:
        >>> for found in check_goldens("goldens"):
        ...     print(found.model, found.subject, found.passed)

    Args:
        folder: Folder that `write_goldens` wrote. `tolerance` says how well results must agree.

    Yields:
        Comparisons for each model: the bytes of its expanded form, then embeddings, then scores
        with decisions, of the golden embeddings and of those of this machine. Then for each
        separator: the bytes of its expanded form, and its sound.

    Raises:
        InputError: The folder has no golden files, or those of another version.
    """
    folder = pathlib.Path(folder)
    try:
        index = read_json(folder / INDEX)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no golden files; `tfsv make-goldens` writes them") from error
    if index.get("schema") != SCHEMA:
        raise InputError(f"{folder}: golden files of another version; write them again")
    allowed = tolerance(index)
    waveforms = {name: soundfiles.read(folder / name) for name in index["utterances"]}
    for golden in index["models"]:
        name, path = golden["name"], folder / golden["file"]
        same = digests(path.read_bytes()) == [golden["sha256"], golden["expanded_sha256"]]
        yield GoldenComparison(name, "expanded", same, same)
        embedder = TFLiteEmbedder(path)
        vectors = np.frombuffer((folder / golden["embeddings"]).read_bytes(), "<f4")
        wanted = {
            utterance: Voice(vector, Sound(**sound))
            for utterance, vector, sound in zip(
                waveforms, vectors.reshape(len(waveforms), -1), index["sounds"], strict=True
            )
        }
        voices = {}
        for utterance, waveform in waveforms.items():
            voices[utterance] = embedder.voice(waveform)
            found, embedding = voices[utterance].embedding, wanted[utterance].embedding
            identical = found.tobytes() == embedding.tobytes()
            cosine = _cosine(found, embedding)
            passed = identical if golden["exact"] and allowed.exact else cosine > allowed.cosine
            yield GoldenComparison(name, utterance, passed, identical, 1 - cosine)
        most = allowed.score if embedder.scorer is None else allowed.ratio
        for heard, words, bearable in (
            (wanted, ", golden embeddings", ARITHMETIC),
            (voices, "", most),
        ):
            results = zip(index["trials"], golden["scores"], golden["accepted"], strict=True)
            for trial, score, accepted in results:
                subject = f"{trial['enrol'][0]} … {trial['test']}{words}"
                found = embedder.score([heard[one] for one in trial["enrol"]], heard[trial["test"]])
                same = (found >= golden["threshold"]) == accepted
                difference = abs(found - score)
                passed = same and difference <= bearable
                yield GoldenComparison(name, subject, passed, found == score, difference)
    for golden in index["separators"]:
        for subject, identical, difference in check_separator(folder, golden):
            passed = identical or difference <= allowed.sound
            yield GoldenComparison(golden["name"], subject, passed, identical, difference)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
