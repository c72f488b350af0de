"""Settings of mixtures: where talkers and rooms come from, and what is drawn. No TensorFlow."""

import dataclasses

from tfsv.audio import SAMPLE_RATE
from tfsv.settings import group, require, setting

WANTED = ("reverberant", "early", "dry")
"""What a separator is to give: the talker's image at microphone 1, its first 50 ms, or its direct
sound."""


@dataclasses.dataclass(frozen=True)
class MixtureSettings:
    """How mixtures are drawn. Signal-to-interference ratios and overlap are those of paper 4.

    Levels, noise and the shares of mixtures with fewer than two talkers are our choice, as the
    paper is silent on them.

    Example:
        >>> MixtureSettings(crop_seconds=3.0).crop_samples
        48000

    Attributes:
        batch_size: Number of mixtures in a batch.
        crop_seconds: Length of a mixture in training, seconds.
        sir: Signal-to-interference ratios at microphone 1, dB, one of which is drawn.
        overlap: Least and greatest part of a mixture in which both talk.
        alone: Chance that the talker who is asked for is the only one.
        nobody: Chance that nobody talks where it is asked, but somebody 15 degrees or more away.
        same_corpus: Chance that both talkers are of one corpus, so that its sound is no cue.
        noise_snr: Lowest and highest ratio of the talkers and the noise of each microphone, dB.
        level: Lowest and highest level of the talkers at microphone 1, dB of full scale.
        wanted: What the target is, one of `WANTED`.
        seed: Seed from which everything random follows.
    """

    batch_size: int = setting(8, "Mixtures in a batch.")
    crop_seconds: float = setting(2.0, "Length of a mixture in training, seconds.")
    sir: tuple[float, ...] = setting((-6.0, 0.0, 6.0), "Signal-to-interference ratios, dB.")
    overlap: tuple[float, float] = setting(
        (0.6, 1.0), "Least and greatest part of a mixture in which both talk."
    )
    alone: float = setting(0.1, "Chance of one talker, who is asked for.")
    nobody: float = setting(0.05, "Chance that nobody talks at the asked angle.")
    same_corpus: float = setting(0.5, "Chance of two talkers of one corpus.")
    noise_snr: tuple[float, float] = setting(
        (25.0, 40.0), "Lowest and highest ratio of talkers and noise, dB."
    )
    level: tuple[float, float] = setting(
        (-35.0, -20.0), "Lowest and highest level of the talkers, dB of full scale."
    )
    wanted: str = setting(WANTED[0], "Target: reverberant, early (50 ms) or dry.")
    seed: int = setting(0, "Seed of everything random.")

    def __post_init__(self):
        require(
            self,
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("crop_seconds", 0.5 <= self.crop_seconds <= 60, "0.5 to 60"),
            ("sir", self.sir and all(-60 <= db <= 60 for db in self.sir), "-60 to 60 dB"),
            (
                "overlap",
                0.1 <= self.overlap[0] <= self.overlap[1] <= 1,
                "0.1 to 1, the lesser one first",
            ),
            ("alone", 0 <= self.alone <= 1, "0 to 1"),
            ("nobody", 0 <= self.nobody <= 1 - self.alone, "0 to 1 less 'alone'"),
            ("same_corpus", 0 <= self.same_corpus <= 1, "0 to 1"),
            (
                "noise_snr",
                -20 <= self.noise_snr[0] <= self.noise_snr[1] <= 100,
                "-20 to 100 dB, the lower one first",
            ),
            (
                "level",
                -80 <= self.level[0] <= self.level[1] <= 0,
                "-80 to 0 dB, the lower one first",
            ),
            ("wanted", self.wanted in WANTED, " or ".join(WANTED)),
            ("seed", 0 <= self.seed < 2**31, "0 to 2147483647"),
        )

    @property
    def crop_samples(self) -> int:
        """Length of a mixture in training, samples at 16 kHz."""
        return round(self.crop_seconds * SAMPLE_RATE)


@dataclasses.dataclass(frozen=True)
class SeparationData:
    """The talkers and rooms that a separator is trained and measured with.

    Example:
        >>> data = SeparationData("corpus/manifest.tsv", "banks/train", "banks/test")

    Attributes:
        corpus: Path of a manifest, whose splits train and test have talkers of their own.
        bank: Bank of rooms for training.
        test_bank: Bank of other rooms for measuring. Its seed is not that of `bank`.
        test_split: Split of the talkers that are measured with.
        test_mixtures: Mixtures of each range of angles that are measured.
        transcripts: Table of what is said in some recordings, for word errors. None: none are
            counted.
        perceptual: Whether PESQ and STOI are measured too.
        mixtures: How mixtures are drawn; its seed is the run's seed.
    """

    corpus: str = setting("manifest.tsv", "Path of a manifest.")
    bank: str = setting("banks/train", "Bank of rooms for training.")
    test_bank: str = setting("banks/test", "Bank of other rooms for measuring.")
    test_split: str = setting("test", "Split of the talkers that are measured with.")
    test_mixtures: int = setting(150, "Mixtures of each range of angles that are measured.")
    transcripts: str | None = setting(None, "Transcripts of test recordings. Default: no words.")
    perceptual: bool = setting(False, "Measure PESQ and STOI too.")
    mixtures: MixtureSettings = group(MixtureSettings)

    def __post_init__(self):
        require(self, ("test_mixtures", 1 <= self.test_mixtures <= 10_000, "1 to 10000"))


@dataclasses.dataclass(frozen=True)
class SeparationObjective:
    """What a separator learns: SI-SNR with its level fixed, and quiet where nobody speaks.

    Example:
        >>> objective = SeparationObjective(level_factor=0.2)

    Attributes:
        level_factor: Factor on the error of the level, dB.
        silence_db: Level of a target, dB of full scale, below which it counts as silent.
    """

    level_factor: float = setting(0.1, "Factor on the error of the level, dB.")
    silence_db: float = setting(-50.0, "Level below which a target is silent, dB of full scale.")

    def __post_init__(self):
        require(
            self,
            ("level_factor", 0 <= self.level_factor <= 10, "0 to 10"),
            ("silence_db", -100 <= self.silence_db <= -20, "-100 to -20"),
        )
