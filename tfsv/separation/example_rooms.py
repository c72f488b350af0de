"""A small bank of rooms for trying things, made on first use and kept in a cache."""

from tfsv.audio.voices import cache_folder
from tfsv.separation.response_bank import ResponseBank, make_bank
from tfsv.separation.room_settings import RoomSettings

_SETTINGS = RoomSettings(rooms=4, sources=6, seed=4, t60=(0.15, 0.3), longest=0.35)
_NAME = "rooms1-4x6-seed4"  # with a number that goes up when other rooms are made


def example_rooms() -> ResponseBank:
    """The bank: 4 rooms that ring for up to 0.3 s, with the line of 15 microphones.

    Example:
        >>> len(example_rooms().rooms)
        4

    Raises:
        InputError: The cache cannot be written, or the simulator is not installed.
    """
    return make_bank(cache_folder() / _NAME, _SETTINGS)
