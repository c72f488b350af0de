"""Kinds of files that people hand over in place of a recording or a model."""

HEAD_BYTES = 512
"""First bytes of a file that suffice to tell its kind."""

_PAGE = "a web page that was saved in place of the file; download it again, the file itself"
_ANSWER = "a server's message that was saved in place of the file; download it again"
_UNPACK = "unpack it and give the file that is in it"
_STARTS = (
    (b"version https://git-lfs.", "a pointer of git-lfs, not the file; run `git lfs pull`"),
    (b"version https://hawser.", "a pointer of git-lfs, not the file; run `git lfs pull`"),
    (b"oid sha256:", "a pointer of git-lfs, not the file; run `git lfs pull`"),
    (b"outs:\n- md5:", "a pointer of DVC, not the file; run `dvc pull`"),
    (b"HTTP/1.", _ANSWER),
    (b"HTTP/2", _ANSWER),
    (b"%PDF-", "a PDF document; give the file itself"),
    (b"PK\x03\x04", f"a zip archive; {_UNPACK}"),
    (b"PK\x05\x06", "an empty zip archive; give the file itself"),
    (b"\x1f\x8b", f"compressed by gzip; {_UNPACK}"),
    (b"BZh", f"compressed by bzip2; {_UNPACK}"),
    (b"\xfd7zXZ\x00", f"compressed by xz; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed by zstd; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"Rar!\x1a\x07", f"a rar archive; {_UNPACK}"),
)
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--")
_ANSWER_STARTS = (
    b"<?xml",
    b"<error",
    *(b'{"%b' % word for word in (b"error", b"message", b"detail", b"status", b"code")),
)
_TAR_MAGIC = slice(257, 262)


def foreign_kind(head: bytes) -> str | None:
    """What a file is that is neither a recording nor a model, by its first bytes.

    The kinds are those that stand in place of the file: pointers of git-lfs, git-annex and DVC, web
    pages and messages of a server, archives, compressed files, and nothing at all. A zip archive is
    among them, and PyTorch's files are zip archives. Who reads these asks for them first. Other
    sound files are told by `tfsv.audio.sound_kinds`.

    Example:
        >>> foreign_kind(b"<!DOCTYPE html><html>Not found</html>")
        'a web page that was saved in place of the file; download it again, the file itself'
        >>> foreign_kind(b"RIFF....WAVEfmt ") is None
        True

    Args:
        head: The first `HEAD_BYTES` bytes of the file, or all of a shorter one.

    Returns:
        The kind and what to do, to stand behind the file's name. None: it is no kind of these.
    """
    if not head:
        return "empty; download or copy it again"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[_TAR_MAGIC] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    if b"\x00" in head:
        return None  # what follows is text
    if b"/annex/objects/" in head:
        return "a pointer of git-annex, not the file; run `git annex get`"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGE_STARTS) or (text.startswith(b"<?xml") and b"<html" in text):
        return _PAGE
    words = b"".join(text[:64].split())
    return _ANSWER if words.startswith(_ANSWER_STARTS) else None
