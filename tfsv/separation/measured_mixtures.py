"""The mixtures that separators are measured on: whole utterances, as many in each range of angles.

They follow from the talkers, the rooms and their number alone, not from a run's seed. So all
networks of a study hear the same ones.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.audio.manifest import Utterance
from tfsv.errors import InputError
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.rendering import Mixture, render
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.scenes import draw_scene, talking_samples
from tfsv.separation.talkers import Talkers
from tfsv.separation.transcripts import Transcript

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 10.0
"""Duration of utterances that are measured with, seconds."""

LEAST_WORDS = 3
"""Words of an utterance for word errors, at least."""

_WITH_WORDS = 0.4  # of the mixtures of a range have a target whose words are known
_WITHOUT_TARGET = 0.2  # as many as a range has, in which nobody talks at the asked angle
_MEASURED = 1  # last number of the seeds; those of training have three numbers


@dataclasses.dataclass(frozen=True)
class MeasuredMixture:
    """A mixture to measure with.

    Attributes:
        name: Range of angles and number in it, such as "15-45/003", or "nobody/003".
        range_name: Name of the range of angles, or "nobody".
        talker: Who is asked for; where nobody is, who talks.
        other: Who else talks; where nobody else does, the talker again.
        sir: Ratio of both talkers at microphone 1, dB.
        mixture: What is heard and wanted.
        words: What is said at the asked angle. Empty: not known.
        path: Path of what is said there, relative to the manifest. Empty: nobody talks there.
    """

    name: str
    range_name: str
    talker: str
    other: str
    sir: float
    mixture: Mixture
    words: tuple[str, ...] = ()
    path: str = ""


def measured_mixtures(
    talkers: Talkers,
    bank: ResponseBank,
    settings: MixtureSettings,
    count: int,
    transcripts: Sequence[Transcript] = (),
) -> Iterator[MeasuredMixture]:
    """Makes the mixtures one by one, those of one range after the other, and last those of nobody.

    Example:
        >>> for one in measured_mixtures(talkers, bank, MixtureSettings(), 150): ...

    Args:
        talkers: Those who may talk.
        bank: The rooms.
        settings: What is drawn from; its seed decides nothing here.
        count: Mixtures of each range. A fifth as many have nobody at the asked angle.
        transcripts: What is said. The targets of two fifths of the mixtures are utterances with
            transcripts of three words or more. Empty: no words are known.

    Raises:
        InputError: The talkers have no utterance of a fitting length or with a transcript, or too
            many cannot be read.
    """
    words = {one.path: one.words for one in transcripts if len(one.words) >= LEAST_WORDS}
    fitting = [u for u in talkers.manifest if SHORTEST_SECONDS <= u.seconds <= LONGEST_SECONDS]
    told = [u for u in fitting if u.path in words]
    if not fitting:
        raise InputError(f"{talkers.manifest.path}: the split has no utterance of 1 to 10 s")
    if transcripts and not told:
        raise InputError(f"{talkers.manifest.path}: the split has no utterance with a transcript")
    for number, name in enumerate(NAMES):
        for place in range(count):
            chosen = told if told and place < _WITH_WORDS * count else fitting
            random = np.random.default_rng([0, number, place, _MEASURED])
            one = _with_two(random, talkers, bank, settings, number, chosen, words)
            yield dataclasses.replace(one, name=f"{name}/{place:03d}", range_name=name)
    for place in range(max(1, round(_WITHOUT_TARGET * count))):
        random = np.random.default_rng([0, len(NAMES), place, _MEASURED])
        one = _with_nobody(random, talkers, bank, settings)
        yield dataclasses.replace(one, name=f"nobody/{place:03d}", range_name="nobody")


def _with_two(
    random: np.random.Generator,
    talkers: Talkers,
    bank: ResponseBank,
    settings: MixtureSettings,
    angle_range: int,
    utterances: Sequence[Utterance],
    words: Mapping[str, tuple[str, ...]],
) -> MeasuredMixture:
    scene = draw_scene(random, bank, settings, angle_range)
    utterance, speech = _utterance(random, talkers, utterances)
    samples = int(np.ceil(2 * len(speech) / (1 + scene.overlap)))
    long = talking_samples(samples, scene.overlap)
    near = random.random() < settings.same_corpus
    other = talkers.draw(random, other_than=utterance.speaker, near=near)
    dry = np.zeros(long, np.float32)
    dry[: len(speech)] = speech[:long]
    mixture = render(
        scene, bank, dry, talkers.stretch(random, other, long), samples, settings.wanted
    )
    said = words.get(utterance.path, ())
    return MeasuredMixture(
        "", "", utterance.speaker, other, scene.sir, mixture, said, utterance.path
    )


def _with_nobody(
    random: np.random.Generator, talkers: Talkers, bank: ResponseBank, settings: MixtureSettings
) -> MeasuredMixture:
    scene = draw_scene(random, bank, dataclasses.replace(settings, alone=0.0, nobody=1.0))
    samples = 4 * SAMPLE_RATE
    talker = talkers.draw(random)
    mixture = render(
        scene, bank, None, talkers.stretch(random, talker, samples), samples, settings.wanted
    )
    return MeasuredMixture("", "", talker, talker, 0.0, mixture)


def _utterance(
    random: np.random.Generator, talkers: Talkers, utterances: Sequence[Utterance]
) -> tuple[Utterance, np.ndarray]:
    """One of the utterances that can be read, with its speech, float32 from -1 to 1."""
    first = int(random.integers(len(utterances)))
    fault: InputError | None = None
    for step in range(min(len(utterances), 20)):
        utterance = utterances[(first + step) % len(utterances)]
        try:
            return utterance, talkers.speech(utterance).astype(np.float32) / 32768
        except InputError as error:
            fault = fault or error
    raise fault or InputError(f"{talkers.manifest.path}: the split has no utterance")
