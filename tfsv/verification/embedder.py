"""What turns a waveform into an embedding, whatever runs it."""

from typing import Protocol

import numpy as np

from tfsv.audio.sounding import sounding_frames
from tfsv.card import ModelCard
from tfsv.errors import InputError

WAVEFORM, EMBEDDING = "waveform", "embedding"
"""Names of the input and of the output of a model's file."""

MINIMUM_SAMPLES = 400
"""Samples of one frame of 25 ms at 16 kHz; a shorter waveform has no features."""

SILENT = "the waveform is silent, or has clicks only; nobody can be heard in it"
"""What is said of a waveform in which no frame holds sound."""


class Embedder(Protocol):
    """A model that embeds waveforms: a Keras network, a TFLite file, or a stub in a test.

    Example:
        >>> model: Embedder = tfsv.load("demo")
        >>> score = model.embed(waveform) @ model.embed(other)

    Attributes:
        card: The model card.
    """

    card: ModelCard

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the embedding of one utterance.

        Args:
            waveform: The utterance, float32 `[samples]`, 16 kHz mono, -1 to 1, at least 400
                samples.

        Returns:
            The embedding, float32 `[embedding size]`, of length 1.

        Raises:
            InputError: The waveform is too short or silent, has NaN in it or has more than one
                dimension.
        """
        ...


def check_waveform(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform as float32, or says what is wrong with it.

    Example:
        >>> check_waveform(np.random.default_rng(0).normal(size=16000)).dtype
        dtype('float32')

    Raises:
        InputError: The waveform is not one-dimensional, is not floating point, has fewer than 400
            samples, has samples that are NaN or infinite, or holds nothing but silence and clicks.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1:
        raise InputError(f"a waveform has one dimension [samples], received {waveform.shape}")
    if not np.issubdtype(waveform.dtype, np.floating):
        raise InputError(
            f"a waveform holds floating-point samples from -1 to 1, received {waveform.dtype}"
        )
    if len(waveform) < MINIMUM_SAMPLES:
        raise InputError(
            f"a waveform needs at least {MINIMUM_SAMPLES} samples (25 ms), received {len(waveform)}"
        )
    if not np.isfinite(waveform).all():
        raise InputError("the waveform has samples that are NaN or infinite")
    if not sounding_frames(waveform).any():
        raise InputError(SILENT)
    return np.ascontiguousarray(waveform, np.float32)


def check_embedding(embedding: np.ndarray, samples: int) -> np.ndarray:
    """Returns the embedding, or says that the model made nothing usable of the waveform.

    Example:
        >>> embedding = check_embedding(outputs["embedding"][0], samples=len(waveform))

    Args:
        embedding: The embedding, `[embedding size]`, L2-normalised.
        samples: Length of the waveform, for the message.

    Raises:
        InputError: The embedding has values that are NaN or infinite, or is all zero.
    """
    if not np.isfinite(embedding).all() or not embedding.any():
        raise InputError(
            f"the model gave no usable embedding for {samples} samples; the recording is too short"
            " for it or its weights are broken"
        )
    return embedding
