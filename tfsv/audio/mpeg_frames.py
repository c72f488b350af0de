"""Frames of MPEG audio (mp3, mp2, mp1), counted by their headers.

An mp3 states its length in a Xing or Info frame, if it has one. libsndfile guesses the length from
the first bit rate otherwise, and stops there. Then the frames are counted, and a Xing frame that
states their number is put in front.
"""

import functools
import struct
from collections.abc import Callable
from typing import NamedTuple

from tfsv.audio.file_pieces import Pieces

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BIT_RATES = {  # kbit/s by whether the version is 1, and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BLOCK = 1 << 18  # bytes read at a time
_SEARCHED = 1 << 16  # bytes in which the first frame is looked for; read at a time behind junk
_LEADING = 4  # frames that must follow one another before junk in front is believed to be junk
_JUNK = 128  # bytes behind the last frame that libsndfile passes over: ID3v1
_SPARE = 4096  # bytes of tags behind the last frame that a Xing frame may leave out


class _Header(NamedTuple):
    """The header of a frame of MPEG audio, as far as its length goes."""

    stream: tuple[int, int, int]  # version, layer, sample rate: the same in all frames of a file
    bit_rate: int  # kbit/s
    length: int  # bytes


@functools.cache
def _header(second: int, third: int) -> _Header | None:
    """The header by its second and third byte, None if they are not one. Free formats are not."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    index, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second < 0xE0 or version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    rate = _RATES[version][rate_index]
    bit_rate = _BIT_RATES[version == 3, layer][index - 1]
    if layer == 1:
        length = (12000 * bit_rate // rate + padding) * 4
    else:
        samples = 576 if layer == 3 and version != 3 else 1152
        length = samples // 8 * 1000 * bit_rate // rate + padding
    return _Header((version, layer, rate), bit_rate, length)


def mpeg_pieces(
    at: Callable[[int, int], bytes], start: int, size: int
) -> tuple[Pieces, bool] | None:
    """What libsndfile is to see of a file of MPEG audio.

    Example:
        >>> content = open("speech.mp3", "rb").read()
        >>> mpeg_pieces(lambda place, count: content[place : place + count], 0, len(content))
        ((), True)

    Args:
        at: Function from a position and a count to the file's bytes there.
        start: Position behind tags in front.
        size: Size of the file, bytes.

    Returns:
        Pieces as `tfsv.audio.file_pieces.Pieces`, empty for the file as it is, and whether the
        file states its length. None if the file is no MPEG audio.
    """
    first = _first_frame(at, start)
    if first is None:
        return None
    frame = at(first, 1500)
    header = _header(frame[1], frame[2])
    leading = first > start
    stated, held = _xing(frame, header)
    if header.stream[1] != 3:  # layers 1 and 2 have neither Xing frames nor changing bit rates
        _, _, end = _count(at, first, size, header.stream)
        return (((first, end),) if leading or size - end > _JUNK else ()), False
    if stated is not None and 0 <= size - first - held <= _SPARE and not leading:
        return (), True
    tagged = stated is not None or frame[36:40] == b"VBRI"
    begin = first + header.length if tagged else first
    frames, steady, end = _count(at, begin, size, header.stream)
    if stated is not None and stated + 1 >= frames and not leading:
        return (), True
    if (stated is None and not tagged and steady and not leading) or frames == 0:
        return (((start, end),) if size - end > _JUNK else ()), False
    return (_xing_frame(frame, frames), (begin, size)), False


def _first_frame(at: Callable[[int, int], bytes], start: int) -> int | None:
    head = at(start, 4)
    if _is_frame(head):
        return start
    block = at(start, _SEARCHED)
    place = block.find(b"\xff")
    while place >= 0:
        if _is_frame(block[place : place + 4]) and _follow(at, start + place, _LEADING):
            return start + place
        place = block.find(b"\xff", place + 1)
    return None


def _is_frame(head: bytes) -> bool:
    return len(head) == 4 and head[0] == 0xFF and _header(head[1], head[2]) is not None


def _follow(at: Callable[[int, int], bytes], place: int, count: int) -> bool:
    """Whether so many frames of one stream follow one another from a position on."""
    stream = None
    for _ in range(count):
        head = at(place, 4)
        if not _is_frame(head):
            return False
        header = _header(head[1], head[2])
        if stream not in (None, header.stream):
            return False
        stream, place = header.stream, place + header.length
    return True


def _xing(frame: bytes, header: _Header) -> tuple[int | None, int]:
    """The number of frames that a Xing or Info frame states, None without, and of bytes."""
    side = 4 + _side(frame, header)
    for place in (side, side + 2):  # the latter behind a checksum
        if frame[place : place + 4] in (b"Xing", b"Info"):
            flags, *values = struct.unpack(">III", frame[place + 4 : place + 16].ljust(12, b"\0"))
            if flags & 1 and 0 < values[0] < 0x7FFFFFFF:
                return values[0], values[1] if flags & 2 else -(1 << 62)
            return None, 0
    return None, 0


def _side(frame: bytes, header: _Header) -> int:
    """Bytes of side information of layer 3."""
    mono = frame[3] >> 6 == 3
    return (17 if mono else 32) if header.stream[0] == 3 else (9 if mono else 17)


def _xing_frame(frame: bytes, frames: int) -> bytes:
    """A Xing frame that states a number of frames, for a stream with such frames as one."""
    second = frame[1] | 1  # without a checksum
    for index in range(1, 15):
        third = index << 4 | frame[2] & 0x0C
        header = _header(second, third)
        content = bytes((0xFF, second, third, frame[3])) + bytes(_side(frame, header))
        content += b"Xing" + struct.pack(">II", 1, frames)
        if header.length >= len(content):
            break
    return content.ljust(header.length, b"\0")


def _count(
    at: Callable[[int, int], bytes], place: int, size: int, stream: tuple[int, int, int]
) -> tuple[int, bool, int]:
    """Counts the frames of a stream, passing over junk.

    Returns:
        The number of frames, whether all have one bit rate, and the position behind the last one.
    """
    count, bit_rates, end = 0, set(), place
    block, first = b"", place
    while place + 4 <= size:
        if not 0 <= place - first <= len(block) - 4:
            block, first = at(place, _BLOCK), place
        inside = place - first
        header = _header(block[inside + 1], block[inside + 2]) if block[inside] == 0xFF else None
        if header is None or header.stream != stream:
            found = _resume(at, place + 1, stream)
            if found is None:
                break
            place = found
            continue
        bit_rates.add(header.bit_rate)
        count += 1
        place += header.length
        end = min(place, size)
    return count, len(bit_rates) <= 1, end


def _resume(
    at: Callable[[int, int], bytes], start: int, stream: tuple[int, int, int]
) -> int | None:
    """The next position where two frames of a stream follow one another."""
    while len(block := at(start, _SEARCHED)) >= 4:
        place = block.find(b"\xff")
        while 0 <= place <= len(block) - 4:
            head = block[place : place + 4]
            if (
                _is_frame(head)
                and _header(head[1], head[2]).stream == stream
                and _follow(at, start + place, 2)
            ):
                return start + place
            place = block.find(b"\xff", place + 1)
        start += len(block) - 3
    return None
