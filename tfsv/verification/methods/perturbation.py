"""Sensitivity by perturbation: what one quantized layer does to the scores of a trial list."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tfsv.audio import SAMPLE_RATE, soundfiles
from tfsv.bitwidth.methods import METHODS
from tfsv.files import sha256_of_arrays
from tfsv.settings import require, setting
from tfsv.verification.cllr import cllr, llr_calibration
from tfsv.verification.recordings import recording_paths
from tfsv.verification.scoring import trial_scores
from tfsv.verification.trials import Trials, some_trials

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.bitwidth.sensitivity import Row
    from tfsv.bitwidth.subject import Subject
    from tfsv.quantization.float16_weights import StoredWeights

SCORES = ("drift", "cllr")
"""What perturbation measures: mean squared drift of the scores, or the rise of Cllr."""


@dataclasses.dataclass(frozen=True)
class PerturbationSettings:
    """Which development trials are scored, and what is made of the scores.

    Example:
        >>> settings = PerturbationSettings("trials/dev.txt", recordings=100, score="cllr")

    Attributes:
        trials: File of the development trials; None: the trials of the data.
        root: Folder of the trials' recordings; None: the data say where they are.
        recordings: Most recordings to embed.
        dev_seconds: Longest part of a recording, in seconds.
        score: What is measured, one of `SCORES`.
        seed: Seed with which trials are drawn.
    """

    trials: str | None = setting(None, "Dev trials (perturbation). Default: trials/dev.txt.")
    root: str | None = setting(None, "Folder of their recordings. Default: the manifest.")
    recordings: int = setting(200, "Most recordings of dev trials (perturbation).")
    dev_seconds: float = setting(20.0, "Longest part of a dev recording, seconds (perturbation).")
    score: str = setting("drift", "What perturbation measures: drift or cllr.")
    seed: int = setting(0, "Seed of crops, vectors, trials and of random.")

    def __post_init__(self):
        require(
            self,
            ("recordings", self.recordings >= 4, "at least 4"),
            ("dev_seconds", self.dev_seconds >= 0.1, "at least 0.1"),
            ("score", self.score in SCORES, " or ".join(SCORES)),
        )


@METHODS.register("perturbation")
class Perturbation:
    """Change of the verification scores on development trials: the expensive reference.

    Every candidate of every layer embeds all recordings again. "drift" is the mean squared change
    of the cosine scores. "cllr" is the rise of Cllr. Its scores are calibrated by the line that is
    best for the float network, so that a shift of the scores counts. Both move with every weight,
    where an EER of some hundred trials stands still; the form is our choice.

    Example:
        >>> method = Perturbation(network, features, trials, score="cllr")
        >>> method.row("conv1", candidates).losses
    """

    name = "perturbation"
    help: ClassVar = "change of the scores of dev trials; slow, and the reference for the others"
    record: ClassVar = PerturbationSettings
    uses: ClassVar = ()

    @classmethod
    def of(cls, subject: "Subject", settings: PerturbationSettings) -> "Perturbation":
        """Reads the recordings of some development trials and makes the method of them."""
        listed, manifest, root = subject.data.dev_trials(settings.trials, settings.root)
        paths = dict(zip(listed.names, recording_paths(listed, root, manifest), strict=True))
        trials = some_trials(listed, settings.recordings, settings.seed)
        longest = round(settings.dev_seconds * SAMPLE_RATE)
        front_end = subject.data.features_of(subject.card)
        features = [
            front_end(soundfiles.read(paths[name])[None, :longest])[0].numpy()
            for name in trials.names
        ]
        made = cls(subject.network, features, trials, settings.score)
        made.settings["dev"] = sha256_of_arrays(
            [trials.labels, trials.enrol, trials.test, *features]
        )
        return made

    def __init__(
        self,
        network: "keras.Model",
        features: Sequence[np.ndarray],
        trials: Trials,
        score: str = "drift",
    ):
        """Takes the features of the recordings.

        Args:
            network: A float network.
            features: Features of each of `trials.names`, float32 `[frames, bins]`, of any lengths.
            trials: Development trials, none of them a reported one.
            score: What is measured, one of `SCORES`.
        """
        import tensorflow as tf

        self.settings = {"score": score}
        self._network = network
        self._features = [tf.constant(part[np.newaxis]) for part in features]
        self._trials = trials
        shape = [1, None, *self._features[0].shape[2:]]

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
        def embedded(recording):
            return network(recording, training=False)[0]

        self._embedded = embedded

    def scores(self, coded: "Mapping[str, StoredWeights]") -> np.ndarray:
        """Cosine scores with the named layers quantized, float32 `[trials]`."""
        from tfsv.bitwidth.candidates import replaced

        with replaced(self._network, coded):
            embeddings = np.stack([self._embedded(part).numpy() for part in self._features])
        return trial_scores(embeddings, self._trials)

    @functools.cached_property
    def _reference(self) -> np.ndarray:
        return self.scores({}).astype(np.float64)

    @functools.cached_property
    def line(self) -> tuple[float, float]:
        """Factor and offset that calibrate the float network's scores."""
        return llr_calibration(self._reference, self._trials.labels)

    def loss(self, coded: "Mapping[str, StoredWeights]") -> float:
        """The change of the scores with the named layers quantized; "cllr" may be below 0."""
        scores = self.scores(coded).astype(np.float64)
        if self.settings["score"] == "drift":
            return float(np.mean((scores - self._reference) ** 2))
        factor, offset = self.line
        before, after = (
            cllr(factor * values + offset, self._trials.labels)
            for values in (self._reference, scores)
        )
        return after - before

    def row(self, layer: str, candidates: "Mapping[int, StoredWeights]") -> "Row":
        """Measures the change of the scores for each candidate of a layer."""
        from tfsv.bitwidth.sensitivity import Row

        losses = {bits: self.loss({layer: weights}) for bits, weights in candidates.items()}
        low = min(losses)
        return Row(losses, f"{self.settings['score']} of scores {losses[low]:.3g} at {low} bits")
