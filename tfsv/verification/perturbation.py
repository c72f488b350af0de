"""Sensitivity by perturbation: what one quantized layer does to the scores of a trial list."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.candidates import replaced
from tfsv.bitwidth.sensitivity import Row
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.cllr import cllr, llr_calibration
from tfsv.verification.scoring import cosine_scores
from tfsv.verification.trials import Trials

SCORES = ("drift", "cllr")
"""What perturbation measures: mean squared drift of the scores, or the rise of Cllr."""


class Perturbation:
    """Change of the verification scores on development trials: the expensive reference.

    Every candidate of every layer embeds all recordings again. "drift" is the mean squared change
    of the cosine scores; "cllr" is the rise of Cllr, scores calibrated by the line that is best for
    the float network, so that a shift of the scores counts. Both move with every weight, where an
    EER of some hundred trials stands still; the form is our choice.
    """

    name = "perturbation"

    def __init__(
        self,
        network: keras.Model,
        features: Sequence[np.ndarray],
        trials: Trials,
        score: str = "drift",
    ):
        """Args:
        network: A float network.
        features: Float32 `[frames, bins]` of each of `trials.names`, of any lengths.
        trials: Development trials, none of them a reported one.
        score: One of `SCORES`.
        """
        self.settings = {"score": score}
        self._network = network
        self._features = [tf.constant(part[np.newaxis]) for part in features]
        self._trials = trials
        shape = [1, None, *self._features[0].shape[2:]]

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
        def embedded(recording):
            return network(recording, training=False)[0]

        self._embedded = embedded

    def scores(self, coded: Mapping[str, CodedWeights]) -> np.ndarray:
        """Float32 `[trials]`: cosine scores with the named layers quantized."""
        with replaced(self._network, coded):
            embeddings = np.stack([self._embedded(part).numpy() for part in self._features])
        return cosine_scores(embeddings, self._trials.enrol, self._trials.test)

    @functools.cached_property
    def _reference(self) -> np.ndarray:
        return self.scores({}).astype(np.float64)

    @functools.cached_property
    def _line(self) -> tuple[float, float]:
        return llr_calibration(self._reference, self._trials.labels)

    def loss(self, coded: Mapping[str, CodedWeights]) -> float:
        """The change with the named layers quantized; "cllr" may be below 0."""
        scores = self.scores(coded).astype(np.float64)
        if self.settings["score"] == "drift":
            return float(np.mean((scores - self._reference) ** 2))
        factor, offset = self._line
        before, after = (
            cllr(factor * values + offset, self._trials.labels)
            for values in (self._reference, scores)
        )
        return after - before

    def row(self, layer: str, candidates: Mapping[int, CodedWeights]) -> Row:
        """See `Method.row`."""
        losses = {bits: self.loss({layer: weights}) for bits, weights in candidates.items()}
        low = min(losses)
        return Row(losses, f"{self.settings['score']} of scores {losses[low]:.3g} at {low} bits")
