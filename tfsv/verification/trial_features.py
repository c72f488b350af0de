"""The recordings of a trial list, read once for many networks."""

import collections
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.audio import soundfiles
from tfsv.verification.embedder import check_waveform
from tfsv.verification.windows import sounding_windows

_BATCH = 32


class TrialFeatures:
    """Features of recordings, grouped by length, so that networks embed them in batches.

    The embeddings are those of `extract_embeddings` with a `KerasEmbedder`: recordings are never
    padded or cut, except in windows where they are too long.

    Example:
        >>> features = TrialFeatures(paths, LogMel(bins=80))
        >>> scores = cosine_scores(features.embed(network), trials.enrol, trials.test)

    Args:
        paths: Sound files.
        front_end: The front end of the networks to come.

    Raises:
        InputError: A file cannot be read, or is too short or silent.
    """

    def __init__(self, paths: Sequence[str | os.PathLike], front_end: keras.layers.Layer):
        @tf.function(input_signature=[tf.TensorSpec([1, None], tf.float32)], autograph=False)
        def features_of(waveforms):
            return front_end(waveforms)

        self._forwards: dict[str, tuple[keras.Model, Callable]] = {}
        self._count = len(paths)
        by_length = collections.defaultdict(list)
        for number, path in enumerate(tqdm(paths, desc="features", unit="utt")):
            waveform = check_waveform(soundfiles.read(path))
            for part, weight in sounding_windows(waveform):
                features = features_of(part[np.newaxis]).numpy()[0]
                by_length[len(features)].append((number, weight, features))
        self._batches = [
            tuple(map(np.stack, zip(*batch, strict=True)))
            for parts in by_length.values()
            for batch in (parts[i : i + _BATCH] for i in range(0, len(parts), _BATCH))
        ]

    def embed(self, network: keras.Model) -> np.ndarray:
        """Embeds all recordings.

        Args:
            network: A network from `[batch, frames, bins]` to `[batch, size]`.

        Returns:
            The embeddings, float32 `[recordings, size]`, of length 1. They are not finite where
            the network is broken.
        """
        forward = self._forward_of(network)
        return self.embed_by(lambda features: forward(features).numpy(), network.output_shape[-1])

    def embed_by(self, forward: Callable[[np.ndarray], np.ndarray], size: int) -> np.ndarray:
        """Embeds all recordings by a function, such as a model file that is run.

        Example:
            >>> embeddings = features.embed_by(run_model_file, size=128)

        Args:
            forward: A function from features, float32 `[batch, frames, bins]`, to embeddings of
                length 1, float32 `[batch, size]`.
            size: Components of an embedding.

        Returns:
            The embeddings, float32 `[recordings, size]`, of length 1.
        """
        sums = np.zeros((self._count, size), np.float32)
        for numbers, weights, features in self._batches:
            np.add.at(sums, numbers, weights[:, np.newaxis] * forward(features))
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)

    def _forward_of(self, network: keras.Model) -> Callable[[np.ndarray], tf.Tensor]:
        """The network as a graph, traced once for all that differ by their weights only."""
        structure = network.to_json()
        if structure not in self._forwards:
            twin = keras.models.clone_model(network)

            @tf.function(
                input_signature=[tf.TensorSpec([None, *network.input_shape[1:]], tf.float32)],
                autograph=False,
            )
            def traced(features):
                return tf.math.l2_normalize(twin(features, training=False), axis=1)

            self._forwards[structure] = twin, traced
        twin, forward = self._forwards[structure]
        twin.set_weights(network.get_weights())
        return forward
