"""Separators in TFLite files, run without TensorFlow."""

import os

import numpy as np

from tfsv.runtime import Runner
from tfsv.separation.model_card import check_separator_card
from tfsv.separation.ports import ANGLE, MIXTURE, SEPARATED


class TFLiteSeparator:
    """A file that `tfsv export` made of a separator.

    Example:
        >>> separate = TFLiteSeparator("separator.tflite")
        >>> separate(heard, 63.0).shape == heard[0].shape
        True

    Attributes:
        card: The model card in the file.

    Args:
        path: The file.
        threads: Threads of one inference.

    Raises:
        InputError: The file is absent, damaged, not made by tfsv, or of another task.
    """

    def __init__(self, path: str | os.PathLike, *, threads: int = 1):
        self._runner = Runner(path, threads=threads)
        self.card = self._runner.card
        check_separator_card(self.card, str(path))

    def __call__(self, heard: np.ndarray, angle: float) -> np.ndarray:
        """The sound from an angle.

        Args:
            heard: What the microphones hear, float32 `[microphones, samples]`, 16 kHz.
            angle: Degrees as `MicrophoneArray` counts them.

        Returns:
            The sound, float32 `[samples]`.

        Raises:
            InputError: The recording has other microphones, or is too short.
        """
        inputs = {MIXTURE: heard[np.newaxis], ANGLE: np.array([angle], np.float32)}
        return self._runner(inputs)[SEPARATED][0, : heard.shape[1]]
