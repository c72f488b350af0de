"""Image-source responses of rooms, by pyroomacoustics. No other module imports that package."""

import contextlib
import importlib.metadata
import math
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from tfsv.audio import SAMPLE_RATE
from tfsv.separation.microphones import SPEED_OF_SOUND, MicrophoneArray
from tfsv.separation.optional import optional
from tfsv.separation.reverberation import absorption, image_order
from tfsv.separation.room_draws import Room
from tfsv.separation.room_settings import RoomSettings

_FILTER = 81  # samples of a filter that delays by parts of a sample
_CONSTANTS = {
    "c": SPEED_OF_SOUND,
    "frac_delay_length": _FILTER,
    "num_threads": 1,  # sums in another order have other last bits
    "rir_hpf_enable": True,  # images are all positive; without it responses have an offset
    "rir_hpf_fc": 10.0,
    "sinc_lut_granularity": 20,
}


def simulator_version() -> str:
    """The version of the package that makes responses.

    Example:
        >>> simulator_version()
        '0.10.1'

    Raises:
        InputError: The package is not installed.
    """
    _simulator()
    return importlib.metadata.version("pyroomacoustics")


def response_taps(room: Room, settings: RoomSettings) -> int:
    """Samples of the responses of a room: the direct way and the time that was asked for.

    What comes later is 60 dB below the beginning or nearly.

    Example:
        >>> response_taps(draw_room(RoomSettings(), 0, LINE_OF_15), RoomSettings()) <= 12000
        True
    """
    seconds = max(room.distances) / SPEED_OF_SOUND + room.t60
    return min(math.ceil(seconds * SAMPLE_RATE / 64) * 64, settings.longest_taps)


def room_responses(room: Room, array: MicrophoneArray, taps: int) -> np.ndarray:
    """Impulse responses from each talker's place to each microphone.

    The direct sound arrives distance / c seconds after the first sample, with an amplitude of
    1 / distance: the delay of 40 samples that the simulator puts before everything is cut off.

    Example:
        >>> room = draw_room(RoomSettings(), 0, LINE_OF_15)
        >>> room_responses(room, LINE_OF_15, taps=4000).shape
        (6, 15, 4000)

    Args:
        room: The room.
        array: The microphones.
        taps: Samples of a response.

    Returns:
        Responses at 16 kHz, float32 `[sources, microphones, taps]`.

    Raises:
        InputError: The simulator is not installed.
    """
    simulator = _simulator()
    with _constants(simulator):
        box = simulator.ShoeBox(
            room.sides,
            fs=SAMPLE_RATE,
            materials=simulator.Material(absorption(room.sides, room.t60)),
            max_order=image_order(room.sides, min(room.t60, taps / SAMPLE_RATE)),
        )
        for place in room.sources:
            box.add_source(place)
        box.add_microphone_array(room.microphones(array).T)
        box.compute_rir()
    responses = np.zeros((len(room.sources), array.microphones, taps), np.float32)
    for microphone, heard in enumerate(box.rir):
        for source, response in enumerate(heard):
            kept = response[_FILTER // 2 :][:taps]
            responses[source, microphone, : len(kept)] = kept
    return responses


def _simulator() -> ModuleType:
    return optional("pyroomacoustics", "rooms")


@contextlib.contextmanager
def _constants(simulator: ModuleType) -> Iterator[None]:
    """Sets what responses depend on, whatever a file of settings in the home folder says."""
    before = {name: simulator.constants.get(name) for name in _CONSTANTS}
    try:
        for name, value in _CONSTANTS.items():
            simulator.constants.set(name, value)
        yield
    finally:
        for name, value in before.items():
            simulator.constants.set(name, value)
