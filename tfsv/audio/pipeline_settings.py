"""Settings of the pipeline that makes training crops. This module imports no TensorFlow."""

from dataclasses import dataclass

from tfsv.audio import SAMPLE_RATE
from tfsv.settings import require, setting

DECODERS = ("tensorflow-io", "soundfile")
"""Names of the decoders; `tfsv.audio.decoding.decode` says what each one does."""


@dataclass(frozen=True)
class PipelineSettings:
    """Settings of the pipeline that makes training crops. The defaults follow WeSpeaker's recipes.

    Example:
        >>> PipelineSettings(batch_size=128, crop_seconds=3.0).crop_samples
        48000

    Attributes:
        batch_size: Number of crops in a batch.
        crop_seconds: Length of a crop, seconds.
        speed_factors: Tempo and pitch are multiplied by each of these factors. Every factor makes
            new speakers.
        visit_seconds: Seconds of a recording for each of which an epoch visits it once, rounded, so
            that long recordings are heard as often as their length deserves. None: an epoch visits
            every recording once.
        augment_probability: Chance that a crop is augmented. Half of these get a room, half noise.
        room_probability: Chance that a crop gets a room. None: half of `augment_probability`. Where
            this or `noise_probability` is given, a crop may get both.
        noise_probability: Chance that a crop gets noise. None: half of `augment_probability`.
        equalizer_probability: Chance that a crop passes a random equalizer, as if another
            microphone had recorded it.
        equalizer_db: Largest gain and loss of the equalizer, dB.
        musan: Folder with any of the subfolders `noise`, `speech`, `music`, as MUSAN has them.
            None: noise is generated.
        rirs: Folder with room impulse responses, at any depth. None: rooms are generated.
        noise_snr: Lowest and highest signal-to-noise ratio of noise, dB.
        speech_snr: Lowest and highest signal-to-noise ratio of background speech, dB. It holds
            for recorded and for generated speech.
        music_snr: Lowest and highest signal-to-noise ratio of music, dB.
        seed: Seed from which everything random follows.
        decoder: Name of the decoder of the recordings, one of `DECODERS`.
    """

    batch_size: int = setting(64, "Crops in a batch.")
    crop_seconds: float = setting(2.0, "Length of a crop, seconds.")
    speed_factors: tuple[float, ...] = setting(
        (1.0, 0.9, 1.1), "Speeds of the recordings, each making new speakers."
    )
    visit_seconds: float | None = setting(
        None, "Hear a recording once for so many seconds of it. Default: once an epoch."
    )
    augment_probability: float = setting(0.6, "Chance of noise or reverberation on a crop.")
    room_probability: float | None = setting(
        None, "Chance of reverberation. Default: half of augment_probability, without noise."
    )
    noise_probability: float | None = setting(
        None, "Chance of noise. Default: half of augment_probability, without reverberation."
    )
    equalizer_probability: float = setting(0.0, "Chance of a random equalizer on a crop.")
    equalizer_db: float = setting(8.0, "Largest gain and loss of the equalizer, dB.")
    musan: str | None = setting(None, "Folder of MUSAN. Default: noise is generated.")
    rirs: str | None = setting(
        None, "Folder of room impulse responses. Default: rooms are generated."
    )
    noise_snr: tuple[float, float] = setting(
        (0.0, 15.0), "Lowest and highest signal-to-noise ratio of noise, dB."
    )
    speech_snr: tuple[float, float] = setting(
        (10.0, 30.0), "Lowest and highest signal-to-noise ratio of background speech, dB."
    )
    music_snr: tuple[float, float] = setting(
        (5.0, 15.0), "Lowest and highest signal-to-noise ratio of music, dB."
    )
    seed: int = setting(0, "Seed of everything random.")
    decoder: str = setting(
        "tensorflow-io",
        "What decodes the recordings, tensorflow-io or soundfile; soundfile takes a "
        "third of the time for ogg.",
    )

    def __post_init__(self):
        require(
            self,
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("crop_seconds", 0.1 <= self.crop_seconds <= 60, "0.1 to 60"),
            (
                "speed_factors",
                len(self.speed_factors) > 0
                and len(set(self.speed_factors)) == len(self.speed_factors)
                and all(0.5 <= factor <= 2 for factor in self.speed_factors),
                "one or more different numbers from 0.5 to 2",
            ),
            ("visit_seconds", self.visit_seconds is None or self.visit_seconds > 0, "more than 0"),
            ("augment_probability", 0 <= self.augment_probability <= 1, "0 to 1"),
            ("room_probability", 0 <= (self.room_probability or 0) <= 1, "0 to 1"),
            ("noise_probability", 0 <= (self.noise_probability or 0) <= 1, "0 to 1"),
            ("equalizer_probability", 0 <= self.equalizer_probability <= 1, "0 to 1"),
            ("equalizer_db", 0 <= self.equalizer_db <= 40, "0 to 40"),
            ("noise_snr", self.noise_snr[0] <= self.noise_snr[1], "the lower one first"),
            ("speech_snr", self.speech_snr[0] <= self.speech_snr[1], "the lower one first"),
            ("music_snr", self.music_snr[0] <= self.music_snr[1], "the lower one first"),
            ("seed", 0 <= self.seed < 2**31, "0 to 2147483647"),
            ("decoder", self.decoder in DECODERS, " or ".join(DECODERS)),
        )

    @property
    def crop_samples(self) -> int:
        """Length of a crop in samples at 16 kHz."""
        return round(self.crop_seconds * SAMPLE_RATE)
