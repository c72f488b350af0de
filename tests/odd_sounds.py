"""Sound files as other programs leave them: harmless mistakes, unknown lengths, real damage."""

import functools
import io
import struct

import numpy as np
import soundfile

RATE = 16000
FRAMES = 16000
TAG = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
TAIL = b"TAG" + bytes(125)  # ID3v1
_APE_ENDS = [
    b"APETAGEX" + struct.pack("<IIIIQ", 2000, 8032, 1, flags, 0) for flags in (5 << 29, 1 << 31)
]
APE = bytes(8000).join(_APE_ENDS)  # as large as with a picture

_OGG_POLYNOMIAL = 0x04C11DB7


def speechlike(seconds: float = FRAMES / RATE, seed: int = 0) -> np.ndarray:
    """Loud and quiet parts, float64 `[samples]`, so that variable bit rates vary."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    loudness = 0.01 + 0.2 * (np.sin(2 * np.pi * 1.3 * np.arange(count) / RATE) > 0)
    return np.clip(loudness * rng.normal(size=count), -1, 1)


@functools.cache
def written(container: str, subtype: str | None = None, seconds: float = 1.0, **how) -> bytes:
    """The bytes of a file that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, speechlike(seconds), RATE, format=container, subtype=subtype, **how)
    return file.getvalue()


def put(content: bytes, place: int, kind: str, value: int) -> bytes:
    """A file with another number at one place."""
    return content[:place] + struct.pack(kind, value) + content[place + struct.calcsize(kind) :]


def wav(riff: int | None = None, data: int | None = None, subtype: str = "PCM_16") -> bytes:
    """A wav of `FRAMES` frames with other sizes in its header."""
    content = written("WAV", subtype)
    content = content if riff is None else put(content, 4, "<I", riff)
    return content if data is None else put(content, content.index(b"data") + 4, "<I", data)


def flac(frames: int) -> bytes:
    """A flac whose header states another number of frames, 0 for unknown."""
    content = bytearray(written("FLAC"))
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", frames)
    return bytes(content)


def chunk_size(container: str, name: bytes, offset: int, kind: str, value: int) -> bytes:
    """A file with another number so many bytes behind the name of a chunk."""
    content = written(container, "PCM_16")
    return put(content, content.index(name) + offset, kind, value)


def pages(content: bytes) -> list[bytes]:
    """The pages of an Ogg file."""
    found, place = [], 0
    while place < len(content):
        count = content[place + 26]
        length = 27 + count + sum(content[place + 27 : place + 27 + count])
        found.append(content[place : place + length])
        place += length
    return found


def checked(page: bytes) -> bytes:
    """An Ogg page with its checksum, computed bit by bit as the specification says."""
    page = page[:22] + bytes(4) + page[26:]
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (_OGG_POLYNOMIAL if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return page[:22] + struct.pack("<I", value) + page[26:]


def without_end(content: bytes) -> bytes:
    """An Ogg file whose last page has no end mark, as recorders of streams leave it."""
    *others, last = pages(content)
    return b"".join([*others, checked(last[:5] + bytes([last[5] & ~4]) + last[6:])])


def ogg_flac(stated: bool = True) -> bytes:
    """FLAC in Ogg, a packet and page for each frame."""
    content = written("FLAC") if stated else flac(0)
    place, blocks, last = 4, [], False
    while not last:
        last = bool(content[place] & 128)
        length = 4 + int.from_bytes(content[place + 1 : place + 4], "big")
        blocks.append(content[place : place + length])
        place += length
    starts, number = [place], 1
    while True:  # frame headers repeat but for the frame's number
        head = content[place : place + 4] + bytes([number])
        found = content.find(head, starts[-1] + 5)
        if found < 0:
            tail_head = content[place : place + 2]
            found = next(
                (
                    at
                    for at in range(starts[-1] + 5, len(content) - 5)
                    if content[at : at + 2] == tail_head and content[at + 4] == number
                ),
                -1,
            )
            if found < 0:
                break
        starts.append(found)
        number += 1
    frames = [content[a:b] for a, b in zip(starts, [*starts[1:], len(content)], strict=True)]
    first = b"\x7fFLAC\x01\x00" + struct.pack(">H", len(blocks) - 1) + b"fLaC" + blocks[0]
    size = struct.unpack(">H", blocks[0][4:6])[0]
    packets = [(0, first), *((0, block) for block in blocks[1:])]
    packets += [(min(FRAMES, size * (n + 1)), frame) for n, frame in enumerate(frames)]
    return b"".join(
        _page(packet, granule, n, first=n == 0, last=n == len(packets) - 1)
        for n, (granule, packet) in enumerate(packets)
    )


def _page(packet: bytes, granule: int, number: int, *, first: bool, last: bool) -> bytes:
    table = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    head = b"OggS" + struct.pack(
        "<BBqIIIB", 0, 2 * first + 4 * last, granule, 77, number, 0, len(table)
    )
    return checked(head + table + packet)


@functools.cache
def mp3_of_variable_rate(seconds: float = 6.0) -> bytes:
    """An mp3 with a Xing frame, whose frames have different bit rates."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", RATE, 1, format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE", compression_level=0.5,
    ) as sound:  # fmt: skip
        sound.write(speechlike(seconds))
    return file.getvalue()


_MP3_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def mp3_frames(content: bytes) -> list[bytes]:
    """The frames of an mp3 of 16 kHz (MPEG 2, layer 3: 576 samples each)."""
    found, place = [], 0
    while place < len(content):
        rate = _MP3_KBPS[content[place + 2] >> 4]
        length = 72 * rate * 1000 // RATE + (content[place + 2] >> 1 & 1)
        found.append(content[place : place + length])
        place += length
    return found


def whole() -> dict[str, bytes]:
    """Files of `FRAMES` frames with harmless mistakes and unknown lengths, by a name."""
    size = len(written("WAV", "PCM_16"))
    data = 2 * FRAMES
    files = {
        f"{container}-{subtype}": written(container, subtype)
        for container, subtypes in {
            "WAV": ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
            "WAVEX": ("PCM_16", "FLOAT"),
            "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
            "AIFF": ("PCM_16", "PCM_24", "FLOAT", "ULAW", "PCM_S8"),
            "AU": ("PCM_16", "ULAW", "FLOAT"),
            "CAF": ("PCM_16", "ALAC_16", "FLOAT"),
            "NIST": ("PCM_16", "ULAW"),
            "VOC": ("PCM_16", "PCM_U8"),
            "RF64": ("PCM_16", "PCM_24"),
            "W64": ("PCM_16", "FLOAT"),
            "OGG": ("VORBIS", "OPUS"),
            "MP3": ("MPEG_LAYER_III",),
            "SVX": ("PCM_16",),
            "PAF": ("PCM_16",),
            "PVF": ("PCM_16",),
            "IRCAM": ("PCM_16",),
        }.items()
        for subtype in subtypes
    }
    for name, riff, length in (
        ("all ones", 0xFFFFFFFF, 0xFFFFFFFF),
        ("zeros", 0, 0),
        ("sox", 0x7FFFF024, 0x7FFFF000),
        ("arecord", 0x80000024, 0x80000000),
        ("riff with header", size, None),
        ("riff 0", 0, None),
        ("riff too small", 100, None),
        ("data odd", None, data + 1),
        ("data with header", None, size),
        ("data with half header", size - 8, size - 8),
    ):
        files[f"WAV {name}"] = wav(riff, length)
    for subtype in ("FLOAT", "PCM_24"):
        files[f"WAV-{subtype} zeros"] = wav(0, 0, subtype)
    files |= {
        "WAV tag in front": TAG + wav(),
        "WAV tag behind": wav() + TAIL,
        "WAV chunk behind": wav() + b"LIST\x04\0\0\0INFO",
        "WAV chunk without padding": wav()[:36] + b"LIST\x05\0\0\0INFO1" + wav()[36:],
        "WAV chunk without padding, zeros": wav()[:36] + b"junk\1\0\0\0-" + wav(0, 0)[36:],
        "RIFX": written("WAV", "PCM_16", endian="BIG"),
        "RIFX zeros": put(written("WAV", "PCM_16", endian="BIG"), 40, ">I", 0),
        "RF64 zeros": chunk_size("RF64", b"ds64", 16, "<Q", 0),
        "RF64 all ones": chunk_size("RF64", b"ds64", 16, "<Q", 2**64 - 1),
        "RF64 tag in front": TAG + written("RF64", "PCM_16"),
        "W64 zeros": chunk_size("W64", b"data", 16, "<Q", 0),
        "W64 highest": chunk_size("W64", b"data", 16, "<Q", 2**63 - 1),
        "AIFF zeros": put(chunk_size("AIFF", b"SSND", 4, ">I", 0), 22, ">I", 0),
        "AIFF header only": put(chunk_size("AIFF", b"SSND", 4, ">I", 8), 22, ">I", 0),
        "AIFF all ones": chunk_size("AIFF", b"SSND", 4, ">I", 0xFFFFFFFF),
        "AU zeros": put(written("AU", "PCM_16"), 8, ">I", 0),
        "AU all ones": put(written("AU", "PCM_16"), 8, ">I", 0xFFFFFFFF),
        "AU highest": put(written("AU", "PCM_16"), 8, ">I", 0x7FFFFFFF),
        "AU little": written("AU", "PCM_16", endian="LITTLE"),
        "CAF minus 1": chunk_size("CAF", b"data", 4, ">q", -1),
        "CAF zeros": chunk_size("CAF", b"data", 4, ">q", 0),
        "SPHERE without count": written("NIST", "PCM_16").replace(b"sample_count", b"sample_mount"),
        "VOC without end": written("VOC", "PCM_16")[:-1],
        "VOC size 0": put(written("VOC", "PCM_16"), 26, "<I", 9),
        "FLAC unknown": flac(0),
        "FLAC tag in front": TAG + written("FLAC"),
        "FLAC tag behind": written("FLAC") + TAIL,
        "FLAC unknown, tags behind": flac(0) + APE + TAIL,
        "VORBIS without end": without_end(written("OGG", "VORBIS")),
        "OPUS without end": without_end(written("OGG", "OPUS")),
        "VORBIS tag in front": TAG + written("OGG", "VORBIS"),
        "OPUS tag behind": written("OGG", "OPUS") + TAIL,
        "FLAC in Ogg": ogg_flac(),
        "MP3 tag in front": TAG + written("MP3"),
        "MP3 tag behind": written("MP3") + TAIL,
        "MP3 large tag behind": written("MP3") + APE + TAIL,
    }
    return files


def several() -> dict[str, bytes]:
    """Files one behind the other, of which libsndfile reads the first, by a name."""
    return {
        "VORBIS": 2 * written("OGG", "VORBIS"),
        "OPUS": 2 * written("OGG", "OPUS"),
        "VORBIS without end": 2 * without_end(written("OGG", "VORBIS")),
        "WAV": 2 * wav(),
        "VOC": written("VOC", "PCM_16")[:-1] + written("VOC", "PCM_16")[26:],
    }
