"""Settings of calibration on unlabelled inputs. This module imports no TensorFlow."""

import dataclasses

from tfsv.settings import require, setting

BATCH_NORM = ("shift", "replace", "keep")
CODES = ("calibrated", "nearest")
TARGETS = ("float", "quantized")
ORDERS = ("curvature", "natural")


@dataclasses.dataclass(frozen=True)
class CodeCalibration:
    """How a float network becomes a quantized one by looking at inputs.

    Example:
        >>> settings = CodeCalibration(codes="nearest", channel_scales=False)

    Attributes:
        codes: "calibrated": second-order compensation. "nearest": the nearest centroids, as
            without inputs.
        batch_norm: What becomes of the statistics of batch normalisation. "shift": they change as
            the layer's inputs have changed from the float network's. "replace": they become those
            of the layer's inputs. "keep": they stay, but the means of coded layers are made up for.
        targets: What calibrated codes approach: outputs of the "float" network's layer on the float
            network's inputs, or on the inputs that the "quantized" network gives the layer.
        channel_scales: Whether kernels before batch normalisation may be divided by the deviation
            of each output channel, where that lowers the layer's error.
        order: Order in which inputs are coded, "curvature" or "natural".
        refits: Rounds in which centroids are refitted to the outputs, and codes to them.
        damping: Part of the mean curvature that is added to every weight's.
        samples: Most output positions of a layer that second moments are taken of.
    """

    codes: str = setting(
        "calibrated", "How weights become codes: calibrated on the recordings, or nearest."
    )
    batch_norm: str = setting(
        "shift", "Statistics of batch normalisation: shift, replace or keep them."
    )
    targets: str = setting(
        "float", "Whose inputs calibrated codes make up for: float or quantized."
    )
    channel_scales: bool = setting(
        True, "Divide kernels by channel scales where that lowers a layer's error."
    )
    order: str = setting("curvature", "Order in which inputs are coded: curvature or natural.")
    refits: int = setting(2, "Rounds of refitting centroids to outputs, and codes to centroids.")
    damping: float = setting(0.01, "Part of the mean curvature that is added to every weight's.")
    samples: int = setting(200_000, "Most output positions that a layer is calibrated on.")

    def __post_init__(self):
        require(
            self,
            ("codes", self.codes in CODES, " or ".join(CODES)),
            ("batch_norm", self.batch_norm in BATCH_NORM, " or ".join(BATCH_NORM)),
            ("targets", self.targets in TARGETS, " or ".join(TARGETS)),
            ("order", self.order in ORDERS, " or ".join(ORDERS)),
            ("refits", self.refits >= 0, "at least 0"),
            ("damping", self.damping > 0, "more than 0"),
            ("samples", self.samples >= 1, "at least 1"),
        )
