"""Sensitivity by perturbation: what one quantized layer does to the scores of a trial list."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.candidates import replaced
from tfsv.bitwidth.sensitivity import Row
from tfsv.errors import InputError
from tfsv.quantization.coded import CodedWeights
from tfsv.verification.scoring import cosine_scores
from tfsv.verification.trials import Trials

SCORES = ("drift", "cllr")
"""What perturbation measures: mean squared drift of the scores, or the rise of Cllr."""


def some_trials(trials: Trials, recordings: int, seed: int = 0) -> Trials:
    """The part of a trial list that lies among some of its recordings.

    Trials are drawn, targets and non-targets in turn, until their recordings are as many as wanted;
    then every trial between these is taken.

    Args:
        trials: A list with both kinds of trial.
        recordings: Most recordings to have; what a measurement costs.
        seed: Of the draw.

    Raises:
        InputError: The list lacks targets or non-targets, or so few recordings cannot hold both.
    """
    random = np.random.default_rng(seed)
    kinds = [random.permutation(np.flatnonzero(trials.labels == kind)) for kind in (1, 0)]
    if not all(len(kind) for kind in kinds):
        raise InputError("dev trials: need target and non-target trials")
    kept: set[int] = set()
    turns = max(map(len, kinds))
    for index in np.stack([np.resize(kind, turns) for kind in kinds], axis=1).reshape(-1):
        pair = {int(trials.enrol[index]), int(trials.test[index])}
        if len(kept | pair) <= recordings:
            kept |= pair
    rows = sorted(kept)
    inside = np.isin(trials.enrol, rows) & np.isin(trials.test, rows)
    labels = trials.labels[inside]
    if set(labels.tolist()) != {0, 1}:
        raise InputError(
            f"--recordings={recordings}: too few for target and non-target trials; give more"
        )
    place = {row: number for number, row in enumerate(rows)}
    sides = (
        np.array([place[int(row)] for row in side[inside]], np.int32)
        for side in (trials.enrol, trials.test)
    )
    return Trials(labels, *sides, [trials.names[row] for row in rows])


def cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Cost of log-likelihood ratios, in bits (Brümmer and du Preez 2006).

    Args:
        scores: Natural-logarithmic likelihood ratios `[trials]`.
        labels: 1 = target, 0 = non-target.
    """
    scores = np.asarray(scores, np.float64)
    targets, others = scores[labels == 1], scores[labels == 0]
    costs = np.logaddexp(0, -targets).mean() + np.logaddexp(0, others).mean()
    return float(costs / (2 * np.log(2)))


def calibration(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Factor and offset that minimise the Cllr of the scores (linear logistic regression)."""
    scores = np.asarray(scores, np.float64)
    centre, spread = scores.mean(), scores.std() or 1.0
    units = (scores - centre) / spread
    best = scipy.optimize.minimize(lambda line: cllr(line[0] * units + line[1], labels), [1.0, 0.0])
    factor = best.x[0] / spread
    return float(factor), float(best.x[1] - factor * centre)


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
        return calibration(self._reference, self._trials.labels)

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
