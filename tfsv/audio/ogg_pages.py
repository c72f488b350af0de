"""Pages of Ogg: whether all are there, and an end mark for a stream that has none."""

import struct
import zlib

from tfsv.audio.file_pieces import Container, FileBytes
from tfsv.audio.sound_kinds import CONVERT
from tfsv.errors import InputError

_LAST_PAGE = 4  # flags of a page
_FIRST_PAGE = 2


def ogg(data: FileBytes) -> Container:
    """Walks the pages of an Ogg file. None states a length, but each has a number and a checksum.

    FLAC in Ogg is seen as FLAC. A stream without an end mark is seen with one, since libsndfile
    fails at the end of Opus otherwise.

    Example:
        >>> with open("speech.ogg", "rb") as file:
        ...     ogg(FileBytes("speech.ogg", file, 23000))
        Container(kind='ogg', pieces=(), stated=False, unread=0)

    Raises:
        InputError: A page is incomplete, damaged or missing, or a second stream follows.
    """
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


def _find(data: FileBytes, position: int, magic: bytes) -> int | None:
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
