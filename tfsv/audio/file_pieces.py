"""A file by positions, and a file that is put together of pieces of another."""

import bisect
import io
import itertools
import os
import pathlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tfsv.errors import InputError

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
        unread: Bytes behind the sound that the header does not account for.
    """

    kind: str
    pieces: Pieces = ()
    stated: bool = True
    unread: int = 0


class FileBytes:
    """An open file by positions.

    Example:
        >>> with open("speech.wav", "rb") as file:
        ...     FileBytes("speech.wav", file, 96044).number(24, "<I")
        16000

    Attributes:
        path: Path of the file, for errors.
        size: Size of the file, bytes.
        start: Position of the container, behind tags that lie in front of it.
    """

    def __init__(self, path: str, file: BinaryIO, size: int):
        self.path, self.size, self.start = path, size, 0
        self._file = file

    def at(self, position: int, count: int) -> bytes:
        """So many bytes from a position on, fewer at the file's end."""
        self._file.seek(position)
        return self._file.read(count)

    def number(self, position: int, kind: str) -> int | None:
        """A number in the notation of `struct`, None behind the end."""
        content = self.at(position, struct.calcsize(kind))
        return struct.unpack(kind, content)[0] if len(content) == struct.calcsize(kind) else None

    def require(self, stated: int, begin: int, frame: int = 1) -> None:
        """Raises if fewer frames than stated lie between `begin` and the file's end.

        A length that counts the header too is a mistake of the writer; nothing is missing then.

        Args:
            stated: Bytes of sound that the header states.
            begin: Position of the first of them.
            frame: Bytes of a frame. A part of one may be missing.

        Raises:
            InputError: The file is truncated.
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


class SplicedFile(io.RawIOBase):
    """Pieces of a file and of memory, one behind the other, as a file.

    Example:
        >>> SplicedFile("speech.wav", (b"RIFF", (4, 96044))).read(8)[:4]
        b'RIFF'
    """

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
