"""Checks whether this machine computes what the golden files say.

Nothing here needs TensorFlow, so that it runs wherever LiteRT does. `tfsv.goldens.writing` writes
the files.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.packed.expand import expand, is_packed
from tfsv.text_files import read_text
from tfsv.verification.scoring import voiceprint
from tfsv.verification.tflite_embedder import TFLiteEmbedder

INDEX = "goldens.json"
"""Name of the file that lists all others."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How well results must agree with the golden ones.

    Example:
        >>> Tolerance(exact=True, cosine=0.99999, score=1e-5) == SAME_KIND
        True

    Attributes:
        exact: Whether embeddings of integer arithmetic must agree bit for bit.
        cosine: Cosine that other embeddings must exceed.
        score: Largest difference of scores.
    """

    exact: bool
    cosine: float
    score: float


SAME_KIND = Tolerance(exact=True, cosine=0.99999, score=1e-5)
"""Tolerance for the LiteRT and the kind of processor that the files were written with."""

OTHER_KIND = Tolerance(exact=False, cosine=0.9999, score=5e-4)
"""Tolerance for any other LiteRT or kind of processor.

The front end computes with floats, whose last bits differ; where an activation lies between two
integers, such a bit decides. Two others were measured: the LiteRT of TensorFlow 2.16, which the
Android app has, and LiteRT 2.3 for an emulated Neoverse N1. The worst of 48 embeddings was 1.7e-5
from the golden one, the worst of 32 scores 9.3e-5. An emulated Cortex-A72 and emulated older x86
processors agree bit for bit where `exact` says so.
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
        subject: What is compared: "expanded", an utterance, or the utterances of a trial.
        passed: Whether the result agrees within the tolerance.
        identical: Whether the result is the same bit for bit.
        difference: Difference of scores, or 1 - cosine of embeddings.
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
        with decisions.

    Raises:
        InputError: The folder has no golden files.
    """
    folder = pathlib.Path(folder)
    try:
        index = json.loads(read_text(folder / INDEX))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no golden files; `tfsv make-goldens` writes them") from error
    allowed = tolerance(index)
    sounds = {name: soundfiles.read(folder / name) for name in index["utterances"]}
    for golden in index["models"]:
        name, path = golden["name"], folder / golden["file"]
        content = path.read_bytes()
        expanded = expand(content) if is_packed(content) else content
        digests = [hashlib.sha256(data).hexdigest() for data in (content, expanded)]
        same = digests == [golden["sha256"], golden["expanded_sha256"]]
        yield GoldenComparison(name, "expanded", same, same)
        embedder = TFLiteEmbedder(path)
        vectors = np.frombuffer((folder / golden["embeddings"]).read_bytes(), "<f4")
        embeddings = {}
        for sound, wanted in zip(sounds, vectors.reshape(len(sounds), -1), strict=True):
            embeddings[sound] = embedder.embed(sounds[sound])
            identical = embeddings[sound].tobytes() == wanted.tobytes()
            cosine = _cosine(embeddings[sound], wanted)
            passed = identical if golden["exact"] and allowed.exact else cosine > allowed.cosine
            yield GoldenComparison(name, sound, passed, identical, 1 - cosine)
        results = zip(index["trials"], golden["scores"], golden["accepted"], strict=True)
        for trial, score, accepted in results:
            enrolled = voiceprint(np.stack([embeddings[sound] for sound in trial["enrol"]]))
            found = float(enrolled @ embeddings[trial["test"]])
            same = (found >= golden["threshold"]) == accepted
            difference = abs(found - score)
            passed = same and difference <= allowed.score
            yield GoldenComparison(
                name, f"{trial['enrol'][0]} … {trial['test']}", passed, found == score, difference
            )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))
