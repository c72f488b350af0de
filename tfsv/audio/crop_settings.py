"""Which parts of unlabelled recordings are heard. This module imports no TensorFlow."""

import dataclasses

from tfsv.settings import require, setting


@dataclasses.dataclass(frozen=True)
class RecordingSettings:
    """Recordings without labels, and the crops that are cut out of them.

    Example:
        >>> settings = RecordingSettings("recordings", crops=128)

    Attributes:
        recordings: A folder, of which all sound files count, or the path of a manifest.
        crops: Most crops.
        crop_seconds: Length of a crop, seconds.
        seed: Seed of the choice of recordings and crops.
    """

    recordings: str = setting(
        dataclasses.MISSING, "Folder of sound files, or a manifest; no labels are needed."
    )
    crops: int = setting(256, "Most crops to hear of the recordings.")
    crop_seconds: float = setting(2.0, "Length of a crop, seconds.")
    seed: int = setting(0, "Seed of everything random.")

    def __post_init__(self):
        require(
            self,
            ("crops", self.crops >= 1, "at least 1"),
            ("crop_seconds", 0.1 <= self.crop_seconds <= 60, "0.1 to 60"),
        )
