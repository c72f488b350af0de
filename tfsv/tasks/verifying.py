"""Speaker verification with recordings and models by name. No TensorFlow for a TFLite file."""

import dataclasses
import os
from collections.abc import Iterator, Sequence

import numpy as np

from tfsv.audio import soundfiles
from tfsv.audio.channels import OneChannel, with_channel
from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.demo import SEPARATOR, located
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.tasks.opening import open_model
from tfsv.tasks.separated import DirectionalListener
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import evaluate_trials
from tfsv.verification.extraction import embed_file, voice_of_file, voice_of_waveform
from tfsv.verification.scorer import model_threshold, scorer_of
from tfsv.verification.trials import Trials, read_trials
from tfsv.verification.voices import Voice

MINIMUM_SECONDS = 0.5
"""Shortest recording that is not refused, in seconds.

Mean normalisation leaves nothing of a recording of one frame, so that all such recordings have the
same embedding and anyone would be accepted. The papers say nothing of a limit; half a second is our
choice.
"""

Recording = str | os.PathLike
Model = str | os.PathLike | Embedder


@dataclasses.dataclass(frozen=True)
class Decision:
    """Whether a recording is of the enrolled speaker.

    Example:
        >>> for decision in tfsv.verify("enrol.wav", ["test1.wav", "test2.wav"]):
        ...     print(decision.recording, decision.score, decision.accepted)

    Attributes:
        recording: The recording that was tested.
        score: Log-likelihood ratio of "one speaker" to "two speakers" where the model carries a
            calibration, else the cosine between the recording and the enrolment.
        threshold: Score from which on the recording is accepted.
        origin: Name of the threshold in the model's card, or "threshold" if it was given.
    """

    recording: Recording
    score: float
    threshold: float
    origin: str

    @property
    def accepted(self) -> bool:
        """Whether the recording is taken for the enrolled speaker's."""
        return self.score >= self.threshold


def verify(
    enrolment: Recording | Sequence[Recording],
    tests: Recording | Sequence[Recording],
    model: Model = "demo",
    *,
    false_accept_rate: float = 0.01,
    threshold: float | None = None,
    cosine: bool = False,
    channel: int | str | None = None,
    direction: float | None = None,
    separator: str | os.PathLike = SEPARATOR,
) -> list[Decision]:
    """Decides for each recording whether it is of the speaker who was enrolled.

    A warning is logged for each recording that does not suit, such as one whose channels differ.

    Example:
        >>> (decision,) = tfsv.verify(["enrol1.wav", "enrol2.wav"], "test.wav")
        >>> decision.accepted
        True

    Args:
        enrolment: Recordings of one speaker; the normalised mean of their embeddings is the
            enrolment.
        tests: Recordings in question.
        model: A `.tflite` file, a model folder, a name of `tfsv.demo`, or an embedder.
        false_accept_rate: Rate of impostors that is bearable, 0.01 or 0.001. It picks the card's
            threshold, which was measured on pairs of single recordings. With several enrolment
            recordings the rates are others.
        threshold: Score from which on to accept. None: the card's threshold.
        cosine: Whether to score by the cosine and its thresholds even if the model carries a
            calibration.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". A recording that is a `tfsv.audio.channels.OneChannel` keeps its own. None:
            channels are averaged.
        direction: Direction of the talker whom the tests are about, degrees as
            `tfsv.separate` takes it. Each test with a channel for each of the separator's
            microphones is separated first; other tests and the enrolment are taken as they are.
            None: nothing is separated.
        separator: The separator: a `.tflite` file, a model folder, or "demo_separator".

    Returns:
        A decision for each of `tests`.

    Raises:
        InputError: A recording is unusable or shorter than half a second, the model has no such
            threshold, or no score can be near the threshold that was given. Or no test suits the
            separator's array, and there is a direction.
    """
    enrolment, tests = _listed(enrolment), _listed(tests)
    voices, questions = _channels(enrolment, channel), _channels(tests, channel)
    for path in voices:
        soundfiles.sound_info(path, minimum_seconds=MINIMUM_SECONDS)
    infos = [soundfiles.sound_info(path, minimum_seconds=MINIMUM_SECONDS) for path in questions]
    embedder = _opened(model)
    scorer = scorer_of(embedder, cosine=cosine)
    origin = "threshold"
    if threshold is not None and not abs(threshold) <= (1 if scorer.is_cosine else 1e9):
        raise InputError(f"threshold={threshold}: a {scorer.name} is never near it")
    if threshold is None:
        threshold, origin = model_threshold(scorer, false_accept_rate, model)
    speaker = [voice_of_file(embedder, path) for path in voices]
    if direction is None:
        heard = (voice_of_file(embedder, path) for path in questions)
    else:
        channels = [info.channels for info in infos]
        listener = DirectionalListener(separator)
        heard = _from_direction(embedder, questions, channels, listener, direction)
    return [
        Decision(test, scorer.score(speaker, voice), threshold, origin)
        for test, voice in zip(tests, heard, strict=True)
    ]


def _from_direction(
    embedder: Embedder,
    tests: Sequence[Recording],
    channels: Sequence[int],
    listener: DirectionalListener,
    direction: float,
) -> Iterator[Voice]:
    """Voices of recordings, of what comes from a direction where an array has heard them."""
    microphones = listener.array.microphones
    of_array = [
        not isinstance(path, OneChannel) and count == microphones
        for path, count in zip(tests, channels, strict=True)
    ]
    if not any(of_array):
        raise InputError(
            f"{tests[0]}: 'direction' is of an array of {microphones} microphones, and no test has "
            "as many channels"
        )
    for path, separated in zip(tests, of_array, strict=True):
        if not separated:
            yield voice_of_file(embedder, path)
            continue
        sound = listener.sound(path, direction)
        try:
            voice = voice_of_waveform(embedder, sound)
        except InputError as error:
            raise InputError(f"{path}, from {direction:g} degrees: {error}") from error
        yield voice


def embed(
    recordings: Recording | Sequence[Recording],
    model: Model = "demo",
    *,
    channel: int | str | None = None,
) -> np.ndarray:
    """Embeds recordings, each whole or, if it is long, as the mean over windows.

    A warning is logged for each recording that does not suit, such as one whose channels differ.

    Example:
        >>> tfsv.embed(["a.wav", "b.flac"]).shape
        (2, 256)

    Args:
        recordings: Sound files.
        model: A `.tflite` file, a model folder, a name of `tfsv.demo`, or an embedder.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". A recording that is a `tfsv.audio.channels.OneChannel` keeps its own. None:
            channels are averaged.

    Returns:
        The embeddings, float32 `[recordings, embedding size]`, each of length 1.

    Raises:
        InputError: A recording or the model is unusable.
    """
    embedder = _opened(model)
    paths = _channels(_listed(recordings), channel)
    return np.stack([embed_file(embedder, path) for path in paths])


def evaluate(
    model: Model,
    trials: str | os.PathLike | Trials,
    root: str | os.PathLike | None = None,
    *,
    manifest: str | os.PathLike | Manifest | None = None,
    enrolments: str | os.PathLike | None = None,
    replicates: int = 1000,
    channel: int | str | None = None,
) -> Report:
    """Scores a trial list: EER, minDCF, thresholds, intervals.

    Example:
        >>> tfsv.evaluate("demo", "trials/test.txt", "recordings")["eer"].interval
        (0.188, 0.219)

    Args:
        model: A `.tflite` file, a model folder, a name of `tfsv.demo`, or an embedder.
        trials: A trial list, or a file in a form that `read_trials` takes.
        root: Folder in which the list's names are. None: the manifest says where they are.
        manifest: Manifest of the recordings, or its file, which gives error rates of each corpus
            and intervals by speaker. None: there is none.
        enrolments: File of the enrolment list. None: one beside the file of the trials is taken.
        replicates: Draws of the bootstrap for 95 % intervals; 0: none.
        channel: Channel to take of recordings that have several: 1, 2, …, "left", "right", "A" or
            "B". It is not asked where the manifest says which. None: channels are averaged.

    Returns:
        The report, as `tfsv.verification.evaluation.evaluate_with_scores` makes it.

    Raises:
        InputError: A recording is missing or broken, or the list has only one kind of trial.
    """
    listed = trials if isinstance(trials, Trials) else read_trials(trials, enrolments)
    if manifest is not None and not isinstance(manifest, Manifest):
        manifest = read_manifest(manifest)
    named = model if isinstance(model, str | os.PathLike) else None
    return evaluate_trials(
        _opened(model), listed, root, manifest=manifest,
        trial_list=None if isinstance(trials, Trials) else trials,
        model=located(named) if named else None, replicates=replicates, channel=channel,
    )  # fmt: skip


def _opened(model: Model) -> Embedder:
    return open_model(model) if isinstance(model, str | os.PathLike) else model


def _listed(recordings: Recording | Sequence[Recording]) -> list[Recording]:
    return [recordings] if isinstance(recordings, str | os.PathLike) else list(recordings)


def _channels(recordings: Sequence[Recording], channel: int | str | None) -> list[Recording]:
    return [with_channel(path, channel) for path in recordings]
