"""Separation of a talker from a mixture: rooms, network, loss and measures (paper 4)."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.separation.front_end import SeparatorFrontEnd
    from tfsv.separation.intervals import bootstrap_means
    from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
    from tfsv.separation.perceptual import pesq, stoi
    from tfsv.separation.recognition import Recogniser, word_errors
    from tfsv.separation.response_bank import ResponseBank, make_bank
    from tfsv.separation.room_settings import RoomSettings
    from tfsv.separation.separator_settings import SeparatorSettings
    from tfsv.separation.si_snr import si_snr_gain
    from tfsv.separation.si_snr_loss import SeparationLoss
    from tfsv.separation.tcn import build_separator
    from tfsv.separation.tflite_separator import SeparatorStream, TFLiteSeparator

__all__ = [
    "LINE_OF_15",
    "MicrophoneArray",
    "Recogniser",
    "ResponseBank",
    "RoomSettings",
    "SeparationLoss",
    "SeparatorFrontEnd",
    "SeparatorSettings",
    "SeparatorStream",
    "TFLiteSeparator",
    "bootstrap_means",
    "build_separator",
    "make_bank",
    "pesq",
    "si_snr_gain",
    "stoi",
    "word_errors",
]

__getattr__ = lazily(
    __name__,
    {
        "LINE_OF_15": ".microphones",
        "MicrophoneArray": ".microphones",
        "Recogniser": ".recognition",
        "ResponseBank": ".response_bank",
        "RoomSettings": ".room_settings",
        "SeparationLoss": ".si_snr_loss",
        "SeparatorFrontEnd": ".front_end",
        "SeparatorSettings": ".separator_settings",
        "SeparatorStream": ".tflite_separator",
        "TFLiteSeparator": ".tflite_separator",
        "bootstrap_means": ".intervals",
        "build_separator": ".tcn",
        "make_bank": ".response_bank",
        "pesq": ".perceptual",
        "si_snr_gain": ".si_snr",
        "stoi": ".perceptual",
        "word_errors": ".recognition",
    },
)
