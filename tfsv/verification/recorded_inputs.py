"""Recordings as inputs of a speaker model's file, read when they are asked for."""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from tfsv.audio import soundfiles
from tfsv.conversion.ends import Arrays
from tfsv.errors import InputError
from tfsv.verification.embedder import WAVEFORM, check_waveform
from tfsv.verification.windows import sounding_windows

RECORDINGS = 128
"""Number of recordings that activation ranges are taken from by default."""

_LONGEST_SECONDS = 6.0  # of each recording; more would cost time and memory only


def calibration_inputs(
    recordings: Sequence[str | os.PathLike], *, maximum: int = RECORDINGS
) -> Iterator[Arrays]:
    """Recordings from which the ranges of activations are taken.

    Args:
        recordings: Sound files, best of many speakers and rooms. Unusable ones are passed over.
        maximum: Most recordings to read, taken evenly from the whole list.

    Yields:
        The first 6 s of each recording.

    Raises:
        InputError: No recording can be used.

    Example:
        >>> calibration = calibration_inputs(paths)
        >>> export_tflite(
        ...     network, coded, card, "model.tflite", ends, "int8", "int8", calibration=calibration
        ... )
    """
    used, failure = 0, None
    count = min(maximum, len(recordings))
    for number in range(count):
        path = recordings[number * len(recordings) // count]
        try:
            waveform = check_waveform(soundfiles.read(path))
        except InputError as error:
            failure = failure or error
            continue
        used += 1
        yield {WAVEFORM: waveform[np.newaxis, : int(_LONGEST_SECONDS * soundfiles.SAMPLE_RATE)]}
    if not used:
        reason = f": {failure}" if failure else ": the list is empty"
        raise InputError(f"no recording to calibrate activations on{reason}")


def example_inputs(recordings: Sequence[str | os.PathLike]) -> Iterator[Arrays]:
    """Recordings on which a new file is compared with Keras.

    Example:
        >>> export_tflite(network, coded, card, "m.tflite", ends, examples=example_inputs(paths))

    Args:
        recordings: Sound files that can all be read and embedded.

    Yields:
        Each recording, cut as `tfsv.verification.extraction.embed_long` cuts it.

    Raises:
        InputError: A file cannot be read or has no usable waveform; the message names it.
    """
    for path in recordings:
        for part, _ in sounding_windows(soundfiles.read(path)):
            try:
                waveform = check_waveform(part)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            yield {WAVEFORM: waveform[np.newaxis]}
