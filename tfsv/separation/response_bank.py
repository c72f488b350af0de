"""Banks of room responses on disk: making them, and reading them without loading them.

A bank is a folder. `rooms/00000.npy` has the responses of the first room, float16
`[sources, microphones, taps]`, and so on. `bank.json` is written last. It says what the bank was
made of, and of each room where everything is, how long it rings and the sha256 of its responses.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tqdm

from tfsv import __version__
from tfsv.array_files import read_array
from tfsv.errors import InputError
from tfsv.files import sha256_of_arrays, writable_folder, write_array, write_json
from tfsv.folders import claim
from tfsv.json_files import read_json
from tfsv.plain_files import opened
from tfsv.run_lock import alone_in
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
from tfsv.separation.reverberation import reverberation_time
from tfsv.separation.room_draws import Room, draw_room
from tfsv.separation.room_settings import RoomSettings
from tfsv.separation.rooms import response_taps, room_responses, simulator_version
from tfsv.separation.workers import outcomes_of
from tfsv.settings import read_record

CARD = "bank.json"
"""File of a bank that describes it. It is written last, so it marks a whole bank."""

_SETTINGS = "settings.json"
_ROOMS = "rooms"
_SCHEMA = 1
_KIND = "a bank of rooms"
_DAMAGED = "missing or damaged; run `tfsv make-rooms` again with the same settings to mend it"


@dataclasses.dataclass(frozen=True)
class BankRoom:
    """A room of a bank.

    Attributes:
        room: Where everything is.
        reached: Reverberation time that the responses show at microphone 1, median over talkers,
            seconds.
        taps: Samples of a response.
        sha256: Hash of the responses.
    """

    room: Room
    reached: float
    taps: int
    sha256: str


def make_bank(
    output: str | os.PathLike,
    settings: RoomSettings,
    *,
    jobs: int = 1,
    array: MicrophoneArray = LINE_OF_15,
) -> "ResponseBank":
    """Makes a bank, or what is missing of one; the same bytes for every number of jobs.

    It can be stopped or killed at any time, and goes on when it is called again. A room whose
    responses are damaged is made again.

    Example:
        >>> bank = make_bank("banks/train", RoomSettings(rooms=300), jobs=2)

    Args:
        output: Folder of the bank.
        settings: What rooms are drawn from.
        jobs: Number of processes.
        array: The microphones.

    Raises:
        InputError: The folder holds another bank or cannot be written, a room cannot be, or the
            simulator is not installed.
    """
    if jobs < 1:
        raise InputError(f"jobs={jobs}: expected at least 1")
    versions = {"pyroomacoustics": simulator_version()}
    rooms = [draw_room(settings, number, array) for number in range(settings.rooms)]
    output = writable_folder(output)
    with alone_in(output):
        description = {
            "schema": _SCHEMA,
            "array": array.to_json(),
            "settings": dataclasses.asdict(settings),
            "versions": versions,
        }
        claim(output / _SETTINGS, description)
        folder = writable_folder(output / _ROOMS)
        for leftover in folder.glob(".*.part*"):
            leftover.unlink()  # of a process that was killed
        work = _Making(str(folder), settings, array, _known_hashes(output / CARD))
        made: dict[int, dict[str, Any]] = {}
        with tqdm.tqdm(total=len(rooms), desc="rooms", unit="room", dynamic_ncols=True) as bar:
            for number, fields in outcomes_of(work, rooms, jobs=jobs):
                made[number] = fields
                bar.update()
        table = [made[number] for number in range(len(rooms))]
        write_json(output / CARD, {**description, "tfsv": __version__, "rooms": table}, indent=1)
    return ResponseBank(output, array)


class ResponseBank:
    """A bank of room responses on disk, of which a room is read when it is asked for.

    Example:
        >>> bank = ResponseBank("banks/train")
        >>> bank.responses(0, 3).shape
        (15, 6400)

    Args:
        path: Folder of the bank.
        array: The microphones that it must have been made for. None: those of its card.

    Attributes:
        path: The folder.
        array: The microphones.
        settings: What the rooms were drawn from.
        rooms: The rooms.
        longest_taps: Samples of the longest response.

    Raises:
        InputError: There is no whole bank, it is of another array, or a file of it is missing or
            damaged.
    """

    def __init__(self, path: str | os.PathLike, array: MicrophoneArray | None = None):
        self.path = pathlib.Path(path)
        card = self.path / CARD
        if not card.exists():
            begun = (self.path / _SETTINGS).exists()
            remedy = (
                "run `tfsv make-rooms` again to finish it"
                if begun
                else "make one with `tfsv make-rooms`"
            )
            what = f"{_KIND} that is not finished" if begun else f"no {CARD} in it, so not {_KIND}"
            raise InputError(f"{self.path}: {what}; {remedy}")
        fields = _fields(card)
        found = MicrophoneArray.from_json(fields["array"], str(card))
        self.array = array or found
        if found != self.array:
            raise InputError(
                f"{self.path}: responses of another array ({_told(found)}); "
                f"expected {_told(self.array)}; make a bank with `tfsv make-rooms`"
            )
        self.settings = read_record(RoomSettings, fields["settings"], card)
        self.rooms = [_bank_room(entry, str(card)) for entry in fields["rooms"]]
        if not self.rooms:
            raise InputError(f"{card}: not {_KIND} (it has no rooms)")
        self.longest_taps = max(room.taps for room in self.rooms)
        self._sound: set[int] = set()
        for number in range(len(self.rooms)):
            self._file(number)

    def responses(self, room: int, source: int) -> np.ndarray:
        """Responses from a talker's place to all microphones, float32 `[microphones, taps]`.

        The whole room is compared with its hash when it is first read.

        Raises:
            InputError: The room's file is missing or damaged.
        """
        held = self._file(room)
        if room not in self._sound:
            if sha256_of_arrays([held]) != self.rooms[room].sha256:
                raise InputError(f"{self._path(room)}: {_DAMAGED}")
            self._sound.add(room)
        return held[source].astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """What a model's card keeps of the bank that it was trained with.

        Returns:
            JSON-ready table of the array and the settings, seed and ranges among them.
        """
        return {"array": self.array.to_json(), "settings": dataclasses.asdict(self.settings)}

    def _path(self, room: int) -> pathlib.Path:
        return self.path / _ROOMS / _file_name(room)

    def _file(self, number: int) -> np.ndarray:
        """The responses of a room on disk, mapped, float16 `[sources, microphones, taps]`.

        It is opened anew each time: a process may not have as many open files as a bank has rooms.
        """
        path, room = self._path(number), self.rooms[number]
        try:
            opened(path).close()
            held = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
            raise InputError(f"{path}: {_DAMAGED}") from error
        shape = (len(room.room.sources), self.array.microphones, room.taps)
        if held.shape != shape or held.dtype != np.float16:
            raise InputError(f"{path}: {_DAMAGED}")
        return held


@dataclasses.dataclass(frozen=True)
class _Making:
    """Makes one room, if it is not there, and describes it. Worker processes call it."""

    folder: str
    settings: RoomSettings
    array: MicrophoneArray
    known: Mapping[int, str]

    def __call__(self, room: Room) -> dict[str, Any]:
        path = pathlib.Path(self.folder) / _file_name(room.number)
        taps = response_taps(room, self.settings)
        held = self._found(path, room, taps)
        if held is None:
            held = room_responses(room, self.array, taps).astype(np.float16)
            write_array(path, held)
        times = [reverberation_time(response) for response in held[:, 0].astype(np.float64)]
        return {
            "room": dataclasses.asdict(room),
            "reached": round(float(np.median(times)), 4),
            "taps": taps,
            "sha256": sha256_of_arrays([held]),
        }

    def _found(self, path: pathlib.Path, room: Room, taps: int) -> np.ndarray | None:
        """What a former run made of the room, if it is whole."""
        try:
            held = read_array(path)
        except (OSError, ValueError):
            return None
        shape = (len(room.sources), self.array.microphones, taps)
        if held.shape != shape or held.dtype != np.float16:
            return None
        wanted = self.known.get(room.number)
        return held if wanted in (None, sha256_of_arrays([held])) else None


def _file_name(number: int) -> str:
    return f"{number:05d}.npy"


def _known_hashes(card: pathlib.Path) -> dict[int, str]:
    """The hashes of a bank that was whole; empty if it never was."""
    if not card.exists():
        return {}
    rooms = [_bank_room(entry, str(card)) for entry in _fields(card)["rooms"]]
    return {number: room.sha256 for number, room in enumerate(rooms)}


def _fields(card: pathlib.Path) -> Mapping[str, Any]:
    fields = read_json(card, _KIND)
    if not isinstance(fields, Mapping) or not {"array", "settings", "rooms"} <= set(fields):
        raise InputError(f"{card}: not {_KIND}")
    if fields.get("schema") != _SCHEMA:
        raise InputError(f"{card}: {_KIND} of another version of tfsv; use that, or make it anew")
    if not isinstance(fields["rooms"], list):
        raise InputError(f"{card}: not {_KIND}")
    return fields


def _bank_room(fields: Any, source: str) -> BankRoom:
    try:
        room = Room.from_json(fields["room"], source)
        return BankRoom(room, float(fields["reached"]), int(fields["taps"]), str(fields["sha256"]))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source}: describes no room ({error})") from error


def _told(array: MicrophoneArray) -> str:
    places = ", ".join(f"{100 * place:g}" for place in array.positions)
    return f"{array.microphones} microphones at {places} cm"
