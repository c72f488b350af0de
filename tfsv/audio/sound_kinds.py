"""Endings of sound files, and what their first bytes say of files that cannot be decoded.

What may stand in place of any file, such as a web page or an archive, is in `tfsv.foreign`.
"""

import os
import re

from tfsv.foreign import HEAD_BYTES, foreign_kind

SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".mp1", ".mpga"),
    *(".aiff", ".aif", ".aifc", ".au", ".snd", ".sph", ".nist", ".wv1", ".wv2", ".caf", ".w64"),
    *(".rf64", ".voc", ".svx", ".8svx", ".16sv", ".iff", ".pvf", ".paf", ".sf", ".ircam", ".avr"),
    *(".htk", ".sds", ".wve", ".bwf", ".mpa"),
)
"""Endings of files that libsndfile decodes."""

UNREADABLE_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".3gpp", ".3g2", ".aac", ".adts", ".ac3"),
    *(".eac3", ".dts", ".wma", ".asf", ".wmv", ".amr", ".awb", ".webm", ".weba", ".mka", ".mkv"),
    *(".ape", ".wv", ".tta", ".tak", ".mpc", ".spx", ".shn", ".ra", ".ram", ".rm", ".rmvb"),
    *(".bw64", ".avi", ".flv", ".f4v", ".ts", ".mts", ".mpg", ".mpeg", ".vob", ".ogv", ".ogx"),
    *(".dsf", ".dff", ".silk", ".slk", ".qcp", ".gsm", ".vox", ".g722", ".g729", ".ilbc", ".lpc"),
    *(".sln", ".raw", ".pcm", ".al", ".ul", ".alaw", ".ulaw", ".mulaw", ".s16le", ".g726", ".sd2"),
    *(".m4p", ".m4r", ".aax", ".3ga", ".adx", ".sbc", ".mlp", ".thd", ".latm", ".loas"),
    *(".oma", ".at3", ".nut", ".mxf", ".ogm", ".dss", ".ds2", ".dvf", ".msv", ".evs", ".cda"),
)
"""Endings of files with sound that libsndfile does not decode."""

_S16 = "ffmpeg -f s16le -ar 16000 -ac 1 -i IN OUT.wav"
_ALAW, _MULAW = (f"ffmpeg -f {law} -ar 8000 -ac 1 -i IN OUT.wav" for law in ("alaw", "mulaw"))
_RAW = {
    **dict.fromkeys((".raw", ".pcm", ".s16le"), _S16),
    **dict.fromkeys((".al", ".alaw"), _ALAW),
    **dict.fromkeys((".ul", ".ulaw", ".mulaw"), _MULAW),
    **{f".{name}": f"ffmpeg -f {name} -i IN OUT.wav" for name in ("gsm", "g722", "g726", "g729")},
    ".sln": "ffmpeg -f sln -ar 8000 -i IN OUT.wav",
    **dict.fromkeys((".vox", ".lpc"), "sox IN OUT.wav"),
}
HEADERLESS_SUFFIXES = tuple(_RAW)
"""Endings of samples without a header, which may look like any other kind by chance."""

CONVERT = "convert it first: ffmpeg -i IN -ac 1 -ar 16000 OUT.flac"
"""How to turn a file that libsndfile does not decode into one that it does."""

_UNDECODABLE = (
    (4, b"ftyp", "MPEG-4 or 3GPP"),
    (4, b"moov", "QuickTime"),
    (4, b"mdat", "QuickTime"),
    (4, b"wide", "QuickTime"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "ASF or WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"ADIF", "AAC"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "True Audio"),
    (0, b"tBaK", "TAK"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"ajkg", "Shorten"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b".RMF", "RealMedia"),
    (0, b"FLV\x01", "Flash video"),
    (0, b"DSD ", "DSD"),
    (0, b"FRM8", "DSD"),
    (0, b"BW64", "BW64"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"\x00\x00\x01\xba", "an MPEG program stream"),
    (8, b"AVI ", "AVI"),
    (8, b"QLCM", "QCP"),
    (28, b"Speex   ", "Speex"),
)
"""Kinds of sound that libsndfile does not decode, by first bytes at a place."""

_FIRST_BYTES = (
    *(
        (place, magic, f"{kind}, which libsndfile cannot decode; {CONVERT}")
        for place, magic, kind in _UNDECODABLE
    ),
    (0, b"#!SILK", "SILK, which libsndfile cannot decode; convert it with a SILK decoder"),
    (1, b"#!SILK", "SILK, which libsndfile cannot decode; convert it with a SILK decoder"),
    (8, b"RMID", "MIDI, which holds notes and no sound; name a recording"),
    (8, b"CDDA", "the name of a track of a CD and no sound; copy the track with a CD ripper"),
    (0, b"MThd", "MIDI, which holds notes and no sound; name a recording"),
    (8, b"WEBP", "a picture; name a recording"),
    (0, b"\x89PNG", "a picture; name a recording"),
    (0, b"\xff\xd8\xff", "a picture; name a recording"),
    (0, b"GIF8", "a picture; name a recording"),
    (4, b"TFL3", "a TFLite model; name a recording"),
    (0, b"\x93NUMPY", "a NumPy array; write it as a wav file first"),
    (0, b"\x00\x05\x16\x07", "what macOS keeps beside a file; name the file itself"),
)
_TEXT = re.compile(rb"[\t\n\r -~]+")
_COMPRESSED = re.compile(rb"sample_coding\s+-s\d+\s+\S*(shorten|shortpack|wavpack)")


def is_sound_name(path: str | os.PathLike) -> bool:
    """Whether a path ends like a sound file, whether libsndfile decodes it or not.

    Example:
        >>> is_sound_name("enrol.M4A"), is_sound_name("model.tflite")
        (True, False)
    """
    return os.fspath(path).lower().endswith(SUFFIXES + UNREADABLE_SUFFIXES)


def other_kind(head: bytes) -> str | None:
    """Says what a file is that libsndfile cannot decode, by its first bytes, and what to do.

    Example:
        >>> other_kind(b"#!AMR-WB")
        'AMR, which libsndfile cannot decode; convert it first: ffmpeg -i IN -ac 1 …'

    Args:
        head: First bytes of the file, best 512 or more.

    Returns:
        The kind and the remedy, or None for anything else, which may be sound that is decoded.
    """
    if kind := foreign_kind(head[:HEAD_BYTES]):
        return kind
    for place, magic, reason in _FIRST_BYTES:
        if head.startswith(magic, place):
            return reason
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return f"AAC, which libsndfile cannot decode; {CONVERT}"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return f"an MPEG transport stream, which libsndfile cannot decode; {CONVERT}"
    text = head[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b'{"', b"{\n", b"{\r\n", b"[{")):
        return "JSON, perhaps a server's answer, instead of the recording; download it again"
    if head.startswith(b"NIST_1A") and _COMPRESSED.search(head):
        return (
            "NIST SPHERE with compressed samples, which libsndfile cannot decode; convert it "
            "first: sph2pipe -f wav IN OUT.wav"
        )
    return None


def undecodable(path: str, head: bytes) -> str:
    """Why libsndfile could not open a file whose first bytes name no other kind, and what to do.

    Example:
        >>> undecodable("a.pcm", bytes(range(64)))
        'samples without a header; say what they are: ffmpeg -f s16le -ar 16000 -ac 1 -i IN OUT.wav'

    Args:
        path: Path of the file, whose ending is asked.
        head: First bytes of the file.
    """
    name = path.lower()
    for suffix, command in _RAW.items():
        if name.endswith(suffix):
            return f"samples without a header; say what they are: {command}"
    if name.endswith(UNREADABLE_SUFFIXES):
        return f"libsndfile cannot decode this format; {CONVERT}"
    if _TEXT.fullmatch(head):
        return "no audio but text; name the recording that belongs to it, or download it again"
    if not any(head):
        return "no audio: it begins with zeros where a header belongs; copy or download it again"
    return (
        "no audio that libsndfile can decode (wav, flac, ogg, opus, mp3, aiff, au, sph, …), "
        "or damaged from its start"
    )
