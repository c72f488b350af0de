"""Containers of sound: whether a file holds all that its header states, and opening it.

One rule holds for all. A length that the header does not know means that the file is read to its
end. That is 0, all ones, an mp3 without a Xing frame, an Ogg without an end mark. A file that
holds fewer frames than its header states is truncated. libsndfile notices that for some containers
only, and takes some unknown lengths for 0, so the container's own bytes are asked.
"""

import dataclasses
import os
import pathlib
import stat

import numpy as np
import soundfile

from tfsv.audio.file_pieces import Container, FileBytes, SplicedFile
from tfsv.audio.mpeg_frames import mpeg_pieces
from tfsv.audio.sound_kinds import CONVERT, HEADERLESS_SUFFIXES, other_kind, undecodable
from tfsv.audio.stated_lengths import BY_MAGIC
from tfsv.errors import InputError
from tfsv.foreign import foreign_kind

_HEAD = 4096  # bytes that tell the kind
_UNKNOWN_ENCODING = (4, 18)  # errors of libsndfile
_WITH_TAGS = ("mp3", "wav", "flac", "AIFF", "AU")  # libsndfile passes over ID3 in front of these


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

        What stands behind the frames that a header states, such as a flac's tag, is no sound and
        may be an error for libsndfile, so it is not read.

        Raises:
            soundfile.SoundFileError: The file is damaged.
        """
        if self.container.stated and self.format != "MP3":  # libsndfile guesses an mp3's length
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
    name = path if os.name == "nt" else os.fsencode(path)  # soundfile takes no name but UTF-8
    source = SplicedFile(path, container.pieces) if container.pieces else name
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
        Container(kind='wav', pieces=(), stated=True, unread=0)

    Args:
        path: Path of any file.

    Raises:
        InputError: The file is missing, empty, truncated, of a kind that libsndfile cannot decode,
            or several recordings of which libsndfile would read the first.
    """
    path = os.fspath(path)
    file = pathlib.Path(path)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(f"{path}: not a file; name a recording, not a folder or device")
        with file.open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            if size == 0:
                raise InputError(f"{path}: empty file (0 bytes); copy it again")
            return _examined(FileBytes(path, content, size))
    except InputError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: {_missing(file)}") from error
    except (OSError, ValueError) as error:  # the latter for a zero in the name
        raise InputError(f"{path}: cannot be read ({_cause(error)})") from error


def _missing(file: pathlib.Path) -> str:
    """Why nothing is found under a name, and what to do if a link is there."""
    try:
        target = os.readlink(file)
    except OSError:
        return "no such file"
    kind = foreign_kind(os.fsencode(target))
    return kind or f"a link to {target}, where no file is"


def _cause(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _examined(data: FileBytes) -> Container:
    head = data.at(0, _HEAD)
    if head.startswith(b"ID3"):
        data.start = _behind_tags(data)
        head = data.at(data.start, _HEAD)
    reason = other_kind(head)
    if reason:
        raise InputError(f"{data.path}: {reason}")
    for magic, examine_it in BY_MAGIC:
        if head.startswith(magic):
            container = examine_it(data)
            break
    else:
        if data.path.lower().endswith(HEADERLESS_SUFFIXES):
            raise InputError(f"{data.path}: {undecodable(data.path, head)}")
        container = _mpeg(data)
    if data.start and not container.pieces and container.kind not in _WITH_TAGS:
        return dataclasses.replace(container, pieces=((data.start, data.size),))
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


def _behind_tags(data: FileBytes) -> int:
    """The position behind ID3v2 tags, with zeros as padding, or 0 if there is nothing behind."""
    position = 0
    while (head := data.at(position, 10)).startswith(b"ID3") and len(head) == 10:
        length = 0
        for byte in head[6:]:
            length = length * 128 + byte % 128
        position += 10 + length + (10 if head[5] & 0x10 else 0)
    return position if position < data.size else 0


def _mpeg(data: FileBytes) -> Container:
    """MPEG audio, with or without Xing frame. Counts frames where libsndfile would guess."""
    found = mpeg_pieces(data.at, data.start, data.size)
    return Container("") if found is None else Container("mp3", *found)
