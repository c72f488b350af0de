"""The ends of a speaker model: waveform in, L2-normalised embedding out."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsv.audio import SAMPLE_RATE
from tfsv.conversion.ends import Arrays, Ends
from tfsv.front_ends import front_end_layer
from tfsv.runtime.ports import Port
from tfsv.verification.embedder import EMBEDDING, WAVEFORM

LOWEST_COSINE = {"float32": 0.9999, "int8_weights": 0.95, "int8": 0.9}
"""Lowest cosine of the file's embeddings to those of Keras with which an export succeeds.

Float32 differs by rounding only. Int8 rounds each weight by up to 1/254 of the layer's largest
and each activation by up to 1/254 of its tensor's largest. Over 1,300 recordings the worst cosine
of a trained ResNet18 of 8 channels was 0.9886 with int8 weights. Over 500 of them it was 0.9880
with int8 activations too. A file below these bounds is broken, not rounded.
"""

_DEFAULT_SAMPLES = 32000
_EXAMPLE_SAMPLES = (48000, 32000, 20011, 32000)


def speaker_ends(front_end: Mapping[str, Any], embedding_size: int) -> Ends:
    """The ends of a network from features to an embedding.

    The file takes `waveform`, float32 `[1, samples]` of any length, 16 kHz mono, -1 to 1. It gives
    `embedding`, float32 `[1, embedding size]`, of length 1. Results agree by their cosine.

    Args:
        front_end: Settings that `tfsv.front_ends.front_end_layer` takes.
        embedding_size: Dimensions of the embedding.

    Raises:
        InputError: The front end is none that tfsv has.

    Example:
        >>> ends = speaker_ends({"bins": 80}, 256)
        >>> export_tflite(network, coded, card, "model.tflite", ends, weights="int8")
    """
    layer = front_end_layer(front_end)
    return Ends(
        inputs=(Port(WAVEFORM, (1, None)),),
        outputs=(Port(EMBEDDING, (1, embedding_size)),),
        before=lambda inputs: layer(inputs[WAVEFORM]),
        after=lambda embedding: {EMBEDDING: tf.math.l2_normalize(embedding, axis=-1)},
        examples=_examples,
        agreement=_cosine,
        lowest=LOWEST_COSINE,
        default_length=_DEFAULT_SAMPLES,
    )


def _cosine(embeddings: Arrays, wanted: Arrays) -> float:
    return float(embeddings[EMBEDDING][0] @ wanted[EMBEDDING][0])


def _examples() -> Iterator[Arrays]:
    for seed, samples in enumerate(_EXAMPLE_SAMPLES):
        yield {WAVEFORM: _utterance(samples, seed)[np.newaxis]}


def _utterance(samples: int, seed: int) -> np.ndarray:
    """Bursts of a gliding harmonic tone in noise, float32 `[samples]`."""
    random = np.random.default_rng(seed)
    seconds = np.arange(samples) / SAMPLE_RATE
    pitch = random.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k ** random.uniform(0.5, 1.5) for k in range(1, 16))
    voice *= np.sin(2 * np.pi * random.uniform(2, 4) * seconds) > -0.3
    return (0.05 * voice + 0.002 * random.standard_normal(samples)).astype(np.float32)
