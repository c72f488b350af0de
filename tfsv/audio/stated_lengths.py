"""What containers of sound state of their length, one function a container.

Each function reads the header of a file of its kind. It refuses a file that holds less than the
header states, and says what libsndfile is to see where the length is unknown.
"""

import struct
from collections.abc import Iterator

from tfsv.audio.file_pieces import Container, FileBytes, Pieces
from tfsv.audio.mpeg_frames import mpeg_pieces
from tfsv.audio.ogg_pages import ogg
from tfsv.audio.sound_kinds import CONVERT
from tfsv.errors import InputError

_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_UNKNOWN_32 = 0x7F000000  # and more: what pipes get is 0x7f000000, 0x7ffff000, 0x80000000, all ones
_UNKNOWN_64 = 1 << 62
_FOUND_UNPADDED = (b"fmt ", b"data", b"COMM", b"SSND")  # behind a chunk whose padding is missing
_TAGS = (b"ID3", b"TAG", b"APETAGEX")
_FEW = 4096  # bytes behind the sound that may be anything
_MP3 = 0x55
_UNDECODED = {
    0x20: "Yamaha's ADPCM", 0x22: "TrueSpeech", 0x42: "G.723.1", 0x45: "G.726",
    0x50: "MPEG layer 1 or 2", 0x64: "G.726", 0x65: "G.722", 0x83: "G.729", 0xFF: "AAC",
    0x160: "WMA", 0x161: "WMA", 0x162: "WMA", 0x163: "WMA", 0x270: "ATRAC3", 0x28F: "G.722",
    0x1600: "AAC", 0x1610: "AAC", 0x2000: "AC-3", 0x2001: "DTS", 0x5346: "Flash's ADPCM",
    0x566F: "Vorbis", 0x674F: "Vorbis", 0x6771: "Vorbis", 0x704F: "Opus", 0xA109: "Speex",
    0xF1AC: "flac",
}  # fmt: skip
"""Encodings in a wav, by the number in its header, that libsndfile does not know."""

_SPHERE_HEADER = 4096  # bytes in which the fields are looked for; a header has 1024 mostly


def _chunks(data: FileBytes, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Names, positions and lengths of the chunks of RIFF or IFF."""
    while len(header := data.at(position, 8)) == 8:
        name, length = struct.unpack(f"{order}4sI", header)
        yield name, position + 8, length
        position += 8 + length
        if length % 2 and data.at(position, 4) not in _FOUND_UNPADDED:
            position += 1


def _are_chunks(data: FileBytes, position: int, order: str) -> bool:
    """Whether nothing but whole chunks lies between a position and the file's end."""
    end = position
    for name, begin, length in _chunks(data, position, order):
        if not name.decode("latin-1").isprintable() or begin + length > data.size:
            return False
        end = begin + length + length % 2
    return end >= data.size


def _wav(data: FileBytes) -> Container:
    order = ">" if data.at(data.start, 4) == b"RIFX" else "<"
    frame, coding, unpadded = 1, None, None
    for name, begin, length in _chunks(data, data.start + 12, order):
        if (begin - data.start) % 2 and unpadded is None:
            unpadded = begin - 8
        if name == b"fmt ":
            frame = max(1, data.number(begin + 12, f"{order}H") or 1)
            coding = data.number(begin, f"{order}H")
            if coding in _UNDECODED:
                raise InputError(
                    f"{data.path}: {_UNDECODED[coding]} in a wav, which libsndfile cannot decode; "
                    f"{CONVERT}"
                )
        elif name == b"data":
            held = data.size - begin
            if length == 0 and held and not _are_chunks(data, begin, order):
                known = struct.pack(f"{order}I", min(held, 0xFFFFFFFF))
                return Container("wav", _with_pad(data.with_bytes(begin - 4, known), unpadded))
            unread, end = 0, data.size
            if length < _UNKNOWN_32:
                data.require(length, begin, frame)
                _require_one(data, begin + length, (b"RIFF", b"RIFX"))
                end = min(end, begin + length)
                unread = _unaccounted(data, end, order)
            if coding == _MP3:
                return _mp3_in_wav(data, begin, end)
            pieces = _with_pad(((data.start, data.size),), unpadded) if unpadded else ()
            return Container("wav", pieces, unread=unread)
    return Container("wav")


def _mp3_in_wav(data: FileBytes, begin: int, end: int) -> Container:
    """An mp3 as the sound of a wav is seen as an mp3: libsndfile guesses its length otherwise."""
    pieces, stated = mpeg_pieces(data.at, begin, end) or ((), False)
    return Container("mp3", pieces or ((begin, end),), stated)


def _with_pad(pieces: Pieces, place: int | None) -> Pieces:
    """Pieces of a file with a zero more at one place of the first piece, if there is one."""
    if place is None:
        return pieces
    (begin, end), *others = pieces
    return ((begin, place), b"\0", (place, end), *others)


def _unaccounted(data: FileBytes, end: int, order: str) -> int:
    """Bytes behind the sound that are neither chunks nor tags nor padding, 0 if they are few."""
    behind = data.at(end, _FEW)
    few = len(behind) < _FEW or not any(behind) or behind.startswith(_TAGS)
    chunks = few or any(_are_chunks(data, end + pad, order) for pad in (0, 1))
    return 0 if chunks else data.size - end


def _rf64(data: FileBytes) -> Container:
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


def _w64(data: FileBytes) -> Container:
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


def _iff(data: FileBytes) -> Container:
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


def _au(data: FileBytes) -> Container:
    order = ">" if data.at(data.start, 4) == b".snd" else "<"
    begin = data.start + (data.number(data.start + 4, f"{order}I") or 0)
    length = data.number(data.start + 8, f"{order}I") or 0
    if (length == 0 and begin < data.size) or _UNKNOWN_32 <= length < 0xFFFFFFFF:
        return Container("AU", data.with_bytes(data.start + 8, b"\xff\xff\xff\xff"))
    if 0 < length < _UNKNOWN_32:
        data.require(length, begin)
    return Container("AU")


def _sphere(data: FileBytes) -> Container:
    """NIST SPHERE, a text header of so many bytes as its second line says. TIMIT is that."""
    lines = data.at(data.start, _SPHERE_HEADER).split(b"end_head")[0].splitlines()
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


def _voc(data: FileBytes) -> Container:
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


def _caf(data: FileBytes) -> Container:
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


def _avr(data: FileBytes) -> Container:
    channels = 2 if data.number(data.start + 12, ">H") else 1
    frame = channels * ((data.number(data.start + 14, ">H") or 8) // 8)
    frames = data.number(data.start + 26, ">I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames * frame, data.start + 128, frame)
    return Container("AVR")


def _wve(data: FileBytes) -> Container:
    frames = data.number(data.start + 18, ">I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames, data.start + 32)
    return Container("WVE")


def _mpc2k(data: FileBytes) -> Container:
    if not data.at(data.start + 2, 17).decode("latin-1").isprintable():
        return Container("")  # samples without a header may begin with the same two bytes
    frame = 4 if data.number(data.start + 21, "B") else 2
    frames = data.number(data.start + 30, "<I") or 0
    if frames < _UNKNOWN_32:
        data.require(frames * frame, data.start + 42, frame)
    return Container("MPC2000")


def _sds(data: FileBytes) -> Container:
    """MIDI's sample dump: packets of 127 bytes, 120 of which are 7 bits of samples each."""
    head = data.at(data.start, 21)
    if len(head) == 21 and head[3] == 1:
        frames = sum(head[10 + place] << 7 * place for place in range(3))
        packet = 120 // max(2, -(-head[6] // 7))
        data.require(-(-frames // packet) * 127, data.start + 21, 127)
    return Container("SDS")


def _flac(data: FileBytes) -> Container:
    """libsndfile notices the end of a flac that states its number of frames."""
    head = data.at(data.start, 42)
    frames = int.from_bytes(head[21:26], "big") & 0xFFFFFFFFF
    if frames > 0:
        return Container("flac")
    end = _before_tags(data)
    return Container("flac", ((data.start, end),) if end < data.size else (), False)


def _before_tags(data: FileBytes) -> int:
    """The position where tags that end the file begin: APE and ID3v1."""
    end = data.size
    if data.at(end - 128, 3) == b"TAG":
        end -= 128
    footer = data.at(end - 32, 32)
    if footer.startswith(b"APETAGEX"):
        length, _, flags = struct.unpack_from("<III", footer, 12)
        end -= length + (32 if flags >> 31 else 0)
    return max(end, data.start)


def _require_one(data: FileBytes, end: int, magics: tuple[bytes, ...]) -> None:
    """Raises if another file begins where one ends, as `cat a.wav b.wav` makes it."""
    if end < data.size and data.at(end + end % 2, 4) in magics:
        raise InputError(
            f"{data.path}: several files one behind the other, of which libsndfile reads the "
            "first; join them with sox or ffmpeg, or cut them apart"
        )


BY_MAGIC = (
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
    (b"OggS", ogg),
)
"""Functions by the first bytes of the file."""
