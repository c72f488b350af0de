"""Containers of sound: whether a file holds all that its header states, and opening it.

One rule holds for all. A length that the header does not know means that the file is read to its
end. That is 0, all ones, an mp3 without a Xing frame, an Ogg without an end mark. A file that
holds fewer frames than its header states is truncated. libsndfile notices that for some containers
only, and takes some unknown lengths for 0, so the container's own bytes are asked.
"""

import bisect
import io
import itertools
import os
import pathlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile

from tfsv.audio.mpeg_frames import mpeg_pieces
from tfsv.audio.sound_kinds import CONVERT, HEADERLESS_SUFFIXES, other_kind, undecodable
from tfsv.errors import InputError

_HEAD = 4096  # bytes that tell the kind
_UNKNOWN_ENCODING = (4, 18)  # errors of libsndfile
_WITH_TAGS = ("mp3", "wav", "flac", "AIFF", "AU")  # libsndfile passes over ID3 in front of these
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_UNKNOWN_32 = 0x7F000000  # and more: what pipes get is 0x7f000000, 0x7ffff000, 0x80000000, all ones
_UNKNOWN_64 = 1 << 62
_LAST_PAGE = 4  # flags of an Ogg page
_FIRST_PAGE = 2

Pieces = Sequence[bytes | tuple[int, int]]
"""What libsndfile is to see: bytes, and parts of the file from one position to another."""


@dataclass(frozen=True)
class Container:
    """What the bytes of a sound file say of it.

    Example:
        >>> examine("speech.flac").kind
        'flac'

    Attributes:
        kind: Name of the container, such as "wav", "flac", "ogg", "mp3"; "" for one whose bytes
            are not asked here.
        pieces: What libsndfile is to see instead of the file; empty: the file as it is.
        stated: Whether libsndfile's number of frames is what the header states, so that a file
            with fewer is truncated.
    """

    kind: str
    pieces: Pieces = ()
    stated: bool = True


class Sound(soundfile.SoundFile):
    """A sound file that is read forward only, so that it need not know its length.

    Example:
        >>> with open_sound("speech.wav") as sound:
        ...     block = sound.read_block(65536)

    Attributes:
        container: What the bytes of the file say of it.
    """

    container: Container
    _done = 0

    def seekable(self) -> bool:
        """False: libsndfile seeks after each block otherwise, and fails where lengths are wrong."""
        return False

    def read_block(self, count: int) -> np.ndarray:
        """The next sample frames, float32 `[frames, channels]`, fewer than `count` at the end.

        What stands behind the frames that a flac states, such as a tag, is no sound and an error
        for libsndfile, so it is not read.

        Raises:
            soundfile.SoundFileError: The file is damaged.
        """
        if self.container.stated and self.format == "FLAC":
            count = min(count, self.frames - self._done)
        block = self.read(count, dtype="float32", always_2d=True)
        self._done += len(block)
        return block


def open_sound(path: str | os.PathLike) -> Sound:
    """Opens a sound file with libsndfile, whole.

    Example:
        >>> with open_sound("speech.wav") as sound:
        ...     sound.samplerate, sound.channels
        (16000, 1)

    Args:
        path: Path of a file of any format that libsndfile reads: wav, flac, ogg, opus, mp3, …

    Returns:
        The open file, at its start.

    Raises:
        InputError: The file is missing, empty, no audio, or holds less than its header states.
    """
    path = os.fspath(path)
    container = examine(path)
    source = _Spliced(path, container.pieces) if container.pieces else path
    try:
        sound = Sound(source)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        code = getattr(error, "code", None)
        raise InputError(f"{path}: {_why_not(path, container, code)}") from error
    sound.container = container
    return sound


def examine(path: str | os.PathLike) -> Container:
    """Reads what the container states, and refuses a file that holds less.

    Example:
        >>> examine("pipe.wav")
        Container(kind='wav', pieces=(), stated=True)

    Args:
        path: Path of any file.

    Raises:
        InputError: The file is missing, empty, truncated, of a kind that libsndfile cannot decode,
            or several recordings of which libsndfile would read the first.
    """
    path = os.fspath(path)
    file = pathlib.Path(path)
    if not file.exists():
        raise InputError(f"{path}: no such file")
    if not file.is_file():
        raise InputError(f"{path}: not a file; name a recording, not a folder or device")
    try:
        with file.open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            if size == 0:
                raise InputError(f"{path}: empty file (0 bytes); copy it again")
            return _examined(_Bytes(path, content, size))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


class _Bytes:
    """An open file by positions. `start` is behind tags that lie in front of the container."""

    def __init__(self, path: str, file: BinaryIO, size: int):
        self.path, self.size, self.start = path, size, 0
        self._file = file

    def at(self, position: int, count: int) -> bytes:
        self._file.seek(position)
        return self._file.read(count)

    def number(self, position: int, kind: str) -> int | None:
        """A number in the notation of `struct`, None behind the end."""
        content = self.at(position, struct.calcsize(kind))
        return struct.unpack(kind, content)[0] if len(content) == struct.calcsize(kind) else None

    def require(self, stated: int, begin: int, frame: int = 1) -> None:
        """Raises if fewer frames than stated lie between `begin` and the file's end.

        A length that counts the header too is a mistake of the writer; nothing is missing then.
        """
        held = max(0, self.size - begin)
        if stated // frame > held // frame and stated not in (self.size, self.size - 8):
            raise InputError(
                f"{self.path}: truncated: it holds {held} of the {stated} bytes of sound that its "
                "header promises; copy it again"
            )

    def with_bytes(self, position: int, content: bytes) -> Pieces:
        """The file from its start on, with other bytes at one position."""
        return ((self.start, position), content, (position + len(content), self.size))


class _Spliced(io.RawIOBase):
    """Pieces of a file and of memory, one behind the other, as a file."""

    def __init__(self, path: str, pieces: Pieces):
        self._file = pathlib.Path(path).open("rb")  # noqa: SIM115
        self._pieces = pieces
        lengths = [len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces]
        self._ends = list(itertools.accumulate(lengths))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._ends[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer) -> int:
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view) and self._position < self._ends[-1]:
            content = self._piece(len(view) - done)
            if not content:  # the file was cut meanwhile
                break
            view[done : done + len(content)] = content
            done += len(content)
            self._position += len(content)
        return done

    def _piece(self, count: int) -> bytes:
        """Bytes of one piece, at most so many."""
        number = bisect.bisect_right(self._ends, self._position)
        piece, left = self._pieces[number], self._ends[number] - self._position
        count = min(count, left)
        if isinstance(piece, bytes):
            place = len(piece) - left
            return piece[place : place + count]
        self._file.seek(piece[1] - left)
        return self._file.read(count)

    def close(self) -> None:
        self._file.close()
        super().close()


def _examined(data: _Bytes) -> Container:
    head = data.at(0, _HEAD)
    if head.startswith(b"ID3"):
        data.start = _behind_tags(data)
        head = data.at(data.start, _HEAD)
    reason = other_kind(head)
    if reason:
        raise InputError(f"{data.path}: {reason}")
    for magic, examine_it in _BY_MAGIC:
        if head.startswith(magic):
            container = examine_it(data)
            break
    else:
        if data.path.lower().endswith(HEADERLESS_SUFFIXES):
            raise InputError(f"{data.path}: {undecodable(data.path, head)}")
        container = _mpeg(data)
    if data.start and not container.pieces and container.kind not in _WITH_TAGS:
        return Container(container.kind, ((data.start, data.size),), container.stated)
    return container


def _why_not(path: str, container: Container, code: int | None) -> str:
    """Why libsndfile could not open a file; `code` is its error."""
    if container.kind and code in _UNKNOWN_ENCODING:
        return f"{container.kind} of an encoding that libsndfile cannot decode; {CONVERT}"
    if container.kind:
        return (
            f"{container.kind} that is damaged from its start, or of an encoding that libsndfile "
            f"cannot decode; copy it again, or {CONVERT}"
        )
    with pathlib.Path(path).open("rb") as file:
        return undecodable(path, file.read(_HEAD))


def _behind_tags(data: _Bytes) -> int:
    """The position behind ID3v2 tags, with zeros as padding, or 0 if there is nothing behind."""
    position = 0
    while (head := data.at(position, 10)).startswith(b"ID3") and len(head) == 10:
        length = 0
        for byte in head[6:]:
            length = length * 128 + byte % 128
        position += 10 + length + (10 if head[5] & 0x10 else 0)
    return position if position < data.size else 0


def _chunks(data: _Bytes, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Names, positions and lengths of the chunks of RIFF or IFF."""
    while len(header := data.at(position, 8)) == 8:
        name, length = struct.unpack(f"{order}4sI", header)
        yield name, position + 8, length
        position += 8 + length + length % 2


def _are_chunks(data: _Bytes, position: int, order: str) -> bool:
    """Whether nothing but whole chunks lies between a position and the file's end."""
    end = position
    for name, begin, length in _chunks(data, position, order):
        if not name.decode("latin-1").isprintable() or begin + length > data.size:
            return False
        end = begin + length + length % 2
    return end >= data.size


def _wav(data: _Bytes) -> Container:
    order = ">" if data.at(data.start, 4) == b"RIFX" else "<"
    frame = 1
    for name, begin, length in _chunks(data, data.start + 12, order):
        if name == b"fmt ":
            frame = max(1, data.number(begin + 12, f"{order}H") or 1)
        elif name == b"data":
            held = data.size - begin
            if length == 0 and held and not _are_chunks(data, begin, order):
                known = struct.pack(f"{order}I", min(held, 0xFFFFFFFF))
                return Container("wav", data.with_bytes(begin - 4, known))
            if length < _UNKNOWN_32:
                data.require(length, begin, frame)
                _require_one(data, begin + length, (b"RIFF", b"RIFX"))
            break
    return Container("wav")


def _rf64(data: _Bytes) -> Container:
    stated, place = None, 0
    frame = 1
    for name, begin, length in _chunks(data, data.start + 12, "<"):
        if name == b"ds64":
            stated, place = data.number(begin + 8, "<Q"), begin + 8
        elif name == b"fmt ":
            frame = max(1, data.number(begin + 12, "<H") or 1)
        elif name == b"data":
            held = data.size - begin
            if not place:
                break
            if stated is None or stated == 0 or stated >= _UNKNOWN_64:
                empty = stated == 0 and _are_chunks(data, begin, "<")
                known = struct.pack("<Q", 0 if empty else held)
                return Container("RF64", data.with_bytes(place, known))
            if length < _UNKNOWN_32 and length:
                stated = length
            data.require(stated, begin, frame)
            break
    return Container("RF64")


def _w64(data: _Bytes) -> Container:
    position = data.start + 40
    while len(header := data.at(position, 24)) == 24:
        name, length = struct.unpack("<16sQ", header)
        if name == _W64_DATA:
            if 24 < length < _UNKNOWN_64:
                data.require(length - 24, position + 24)
            break
        if length < 24:
            break
        position += length + -length % 8
    return Container("W64")


def _iff(data: _Bytes) -> Container:
    """AIFF, AIFF-C, and the Amiga's 8SVX and 16SV."""
    for name, begin, length in _chunks(data, data.start + 12, ">"):
        if name == b"SSND":
            held = data.size - begin
            if length <= 8 < held and not _are_chunks(data, begin + length, ">"):
                return Container("AIFF", data.with_bytes(begin - 4, struct.pack(">I", held)))
        if name in (b"SSND", b"BODY"):
            if length < _UNKNOWN_32:
                data.require(length, begin)
            break
    return Container("AIFF")


def _au(data: _Bytes) -> Container:
    order = ">" if data.at(data.start, 4) == b".snd" else "<"
    begin = data.start + (data.number(data.start + 4, f"{order}I") or 0)
    length = data.number(data.start + 8, f"{order}I") or 0
    if (length == 0 and begin < data.size) or _UNKNOWN_32 <= length < 0xFFFFFFFF:
        return Container("AU", data.with_bytes(data.start + 8, b"\xff\xff\xff\xff"))
    if 0 < length < _UNKNOWN_32:
        data.require(length, begin)
    return Container("AU")


def _sphere(data: _Bytes) -> Container:
    """NIST SPHERE, a text header of so many bytes as its second line says. TIMIT is that."""
    lines = data.at(data.start, _HEAD).split(b"end_head")[0].splitlines()
    fields = [line.split() for line in lines[2:]]
    values = {field[0]: field[2] for field in fields if len(field) == 3}
    try:
        begin = data.start + int(lines[1])
        frames = int(values[b"sample_count"])
        frame = int(values[b"sample_n_bytes"]) * int(values.get(b"channel_count", 1))
    except (IndexError, KeyError, ValueError):
        return Container("NIST SPHERE")
    if 0 < frames < _UNKNOWN_32 and frame > 0:
        data.require(frames * frame, begin, frame)
    return Container("NIST SPHERE")


def _voc(data: _Bytes) -> Container:
    """Creative's VOC. libsndfile takes the header of a second block of sound for sound."""
    position = data.start + (data.number(data.start + 20, "<H") or 26)
    sounds = 0
    while header := data.at(position, 4):
        if header[0] == 0 or len(header) < 4:
            break
        length = int.from_bytes(header[1:], "little")
        if header[0] in (1, 2, 9):
            sounds += 1
            if length in (0, 0xFFFFFF):
                break
            data.require(length, position + 4)
        position += 4 + length
    if sounds > 1:
        raise InputError(
            f"{data.path}: VOC with {sounds} blocks of sound, of which libsndfile reads one; "
            f"{CONVERT}"
        )
    return Container("VOC")


def _caf(data: _Bytes) -> Container:
    position = data.start + 8
    while len(header := data.at(position, 12)) == 12:
        name, length = struct.unpack(">4sq", header)
        begin = position + 12
        if name == b"data":
            held = data.size - begin
            known = 4 < length < _UNKNOWN_64
            if known:
                data.require(length, begin)
            if (known and length > held) or (not known and held > 4):
                return Container("CAF", data.with_bytes(begin - 8, struct.pack(">q", held)))
            break
        if length < 0:
            break
        position = begin + length
    return Container("CAF")


def _avr(data: _Bytes) -> Container:
    channels = 2 if data.number(data.start + 12, ">H") else 1
    frame = channels * ((data.number(data.start + 14, ">H") or 8) // 8)
    frames = data.number(data.start + 26, ">I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames * frame, data.start + 128, frame)
    return Container("AVR")


def _wve(data: _Bytes) -> Container:
    frames = data.number(data.start + 18, ">I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames, data.start + 32)
    return Container("WVE")


def _mpc2k(data: _Bytes) -> Container:
    if not data.at(data.start + 2, 17).decode("latin-1").isprintable():
        return Container("")  # samples without a header may begin with the same two bytes
    frame = 4 if data.number(data.start + 21, "B") else 2
    frames = data.number(data.start + 30, "<I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames * frame, data.start + 42, frame)
    return Container("MPC2000")


def _sds(data: _Bytes) -> Container:
    """MIDI's sample dump: packets of 127 bytes, 120 of which are 7 bits of samples each."""
    head = data.at(data.start, 21)
    if len(head) == 21 and head[3] == 1:
        frames = sum(head[10 + place] << 7 * place for place in range(3))
        packet = 120 // max(2, -(-head[6] // 7))
        data.require(-(-frames // packet) * 127, data.start + 21, 127)
    return Container("SDS")


def _flac(data: _Bytes) -> Container:
    """libsndfile notices the end of a flac that states its number of frames."""
    head = data.at(data.start, 42)
    frames = int.from_bytes(head[21:26], "big") & 0xFFFFFFFFF
    return Container("flac", stated=frames > 0)


def _ogg(data: _Bytes) -> Container:
    """Walks the pages. None states a length, but each has a number and a checksum."""
    position, numbers, page, bodies = data.start, {}, b"", []
    sound_began = False
    while head := data.at(position, 27):
        if not b"OggS".startswith(head[:4]):
            found = _find(data, position, b"OggS")
            if found is None:  # a tag behind the last page
                break
            if not data.number(found + 5, "B") & _FIRST_PAGE:
                raise InputError(f"{data.path}: damaged between its Ogg pages; copy it again")
            position = found
            continue
        table = data.at(position + 27, head[26]) if len(head) == 27 else b""
        begin = position + 27 + len(table)
        end = begin + sum(table)
        if len(head) < 27 or len(table) < head[26] or end > data.size:
            raise InputError(
                f"{data.path}: truncated: its last Ogg page is incomplete; copy it again"
            )
        page = data.at(position, end - position)
        flags, granule, serial, number, checksum = struct.unpack_from("<BqIII", page, 5)
        if _checksum(page) != checksum:
            raise InputError(
                f"{data.path}: damaged: the checksum of an Ogg page is wrong; copy it again"
            )
        if flags & _FIRST_PAGE and sound_began:
            raise InputError(
                f"{data.path}: several Ogg streams one behind the other, of which libsndfile "
                f"reads the first; {CONVERT}"
            )
        before, before_granule = numbers.get(serial, (number - 1, 0))
        if number != before + 1 and before_granule != 0:  # 0: who joins a stream late misses some
            raise InputError(
                f"{data.path}: damaged: Ogg pages are missing in it; copy or convert it again"
            )
        numbers[serial] = number, granule
        sound_began = sound_began or not flags & _FIRST_PAGE
        bodies.append((begin, end))
        position = end
    ended = page[5] & _LAST_PAGE
    if not ended and position < data.size:
        raise InputError(f"{data.path}: damaged behind its last whole Ogg page; copy it again")
    if data.at(bodies[0][0], 5) == b"\x7fFLAC" and len(numbers) == 1:
        # The FLAC of the packets, which not every libsndfile decodes in Ogg.
        stated = data.at(bodies[0][0] + 30, 5)
        frames = int.from_bytes(stated, "big") & 0xFFFFFFFFF
        return Container("flac", ((bodies[0][0] + 9, bodies[0][1]), *bodies[1:]), frames > 0)
    if ended or len(numbers) > 1:
        return Container("ogg", stated=False)
    last = bytearray(page)
    last[5] |= _LAST_PAGE
    last[22:26] = struct.pack("<I", _checksum(last))
    place = position - len(page)
    return Container("ogg", ((data.start, place), bytes(last), (position, data.size)), False)


def _find(data: _Bytes, position: int, magic: bytes) -> int | None:
    """The first position from one on where these bytes stand, None if they do not."""
    while len(block := data.at(position, 1 << 16)) >= len(magic):
        found = block.find(magic)
        if found >= 0:
            return position + found
        position += len(block) - len(magic) + 1
    return None


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes | bytearray) -> int:
    """The checksum of an Ogg page: CRC-32 with the bits of zlib's the other way round."""
    blank = bytes(page[:22]) + bytes(4) + bytes(page[26:])
    mirrored = zlib.crc32(blank.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _require_one(data: _Bytes, end: int, magics: tuple[bytes, ...]) -> None:
    """Raises if another file begins where one ends, as `cat a.wav b.wav` makes it."""
    if end < data.size and data.at(end + end % 2, 4) in magics:
        raise InputError(
            f"{data.path}: several files one behind the other, of which libsndfile reads the "
            "first; join them with sox or ffmpeg, or cut them apart"
        )


def _mpeg(data: _Bytes) -> Container:
    """MPEG audio, with or without Xing frame. Counts frames where libsndfile would guess."""
    found = mpeg_pieces(data.at, data.start, data.size)
    return Container("") if found is None else Container("mp3", *found)


_BY_MAGIC = (
    (b"RIFF", _wav),
    (b"RIFX", _wav),
    (b"RF64", _rf64),
    (b"riff\x2e\x91\xcf\x11", _w64),
    (b"FORM", _iff),
    (b".snd", _au),
    (b"dns.", _au),
    (b"NIST_1A", _sphere),
    (b"Creative Voice File", _voc),
    (b"caff", _caf),
    (b"2BIT", _avr),
    (b"ALawSoundFile", _wve),
    (b"\x01\x04", _mpc2k),
    (b"\xf0\x7e", _sds),
    (b"fLaC", _flac),
    (b"OggS", _ogg),
)
