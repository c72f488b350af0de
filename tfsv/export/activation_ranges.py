"""Ranges of a model's activations over real recordings, for the fully int8 form."""

import os
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.packed import flatbuffer

RECORDINGS = 128
"""Recordings that are listened to unless told otherwise."""

_LONGEST_SECONDS = 6.0  # of each recording; more would cost time and memory only
_MARGIN = 1.25


def calibrate(
    content: bytes, recordings: Sequence[str | os.PathLike], *, maximum: int = RECORDINGS
) -> dict[int, tuple[float, float]]:
    """Lowest and highest value that each activation takes while a float model listens.

    They are the extremes over all recordings, widened by a quarter. The papers do not quantize
    activations; the choice is ours, made on 300 recordings of the development set with a trained
    ResNet18 of 8 channels, by the worst and the mean cosine between the embeddings of the int8
    and the float form:

    ranges from 128 recordings             worst    mean
    mean of each recording's extremes     -0.001   0.867
    extremes                               0.694   0.997
    extremes, a quarter wider              0.988   0.997

    (The first row is of 500 recordings.) What clips is lost, and recordings that were not
    listened to clip. Steps that are a quarter coarser cost next to nothing.

    Args:
        content: A TFLite file from waveform `[1, samples]` to embedding, all activations float.
        recordings: Sound files, best of many speakers and rooms. Unusable ones are passed over;
            of each, the first 6 s are taken.
        maximum: Recordings that are taken, evenly from the whole list.

    Returns:
        Range by tensor index, of every float32 tensor that the model computes.

    Raises:
        InputError: No recording can be used.
    """
    interpreter = Interpreter(
        model_content=content,
        # XNNPACK keeps what it computes to itself.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    (waveform_index,) = (details["index"] for details in interpreter.get_input_details())
    indices = None
    extremes, failure = [], None
    for path in _evenly(recordings, maximum):
        try:
            waveform = soundfiles.read(path)
        except InputError as error:
            failure = failure or error
            continue
        waveform = waveform[: int(_LONGEST_SECONDS * soundfiles.SAMPLE_RATE)]
        interpreter.resize_tensor_input(waveform_index, [1, len(waveform)])
        interpreter.allocate_tensors()
        interpreter.set_tensor(waveform_index, waveform[np.newaxis])
        interpreter.invoke()
        if indices is None:
            indices = _computed(interpreter, len(flatbuffer.parse(content).subgraphs[0].tensors))
        values = [interpreter.get_tensor(index) for index in indices]
        extremes.append(([v.min() for v in values], [v.max() for v in values]))
    if not extremes:
        reason = f": {failure}" if failure else ": the list is empty"
        raise InputError(f"no recording to calibrate activations on{reason}")
    lowest = _MARGIN * np.min([low for low, _ in extremes], axis=0).astype(np.float64)
    highest = _MARGIN * np.max([high for _, high in extremes], axis=0).astype(np.float64)
    ranges = zip(lowest.tolist(), highest.tolist(), strict=True)
    return dict(zip(indices, ranges, strict=True))


def _computed(interpreter: Interpreter, tensors: int) -> list[int]:
    """Indices of the float32 tensors that hold values after an inference.

    The interpreter numbers scratch memory of its operators on behind the tensors of the file; what
    is left there by others is no activation.
    """
    indices = []
    for details in interpreter.get_tensor_details():
        own = details["index"] < tensors
        if own and details["dtype"] == np.float32 and np.prod(details["shape"]):
            try:
                interpreter.get_tensor(details["index"])
            except ValueError:  # a tensor that no operator writes or reads
                continue
            indices.append(details["index"])
    return indices


def _evenly(recordings: Sequence[str | os.PathLike], maximum: int) -> list[str | os.PathLike]:
    count = min(maximum, len(recordings))
    return [recordings[i * len(recordings) // count] for i in range(count)]
