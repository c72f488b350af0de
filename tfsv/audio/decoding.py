"""Sound files to tensors inside the training pipeline's graph.

Only files that `soundfiles.sound_info` has passed belong here, for a damaged FLAC may hang
tensorflow-io for ever. Files that went missing, were emptied or replaced since are errors, not
crashes.
"""

import functools
from collections.abc import Callable

import numpy as np
import soundfile
import tensorflow as tf
import tensorflow_io as tfio

from tfsv.audio.pipeline_settings import DECODERS

_HEAD = 4096  # bytes in which a wav's format chunk is looked for
_MPEG_RATES = np.array([44100, 48000, 32000, 0], np.int32)


def decode(path: tf.Tensor, decoder: str = "tensorflow-io") -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a whole sound file.

    "tensorflow-io" decodes wav (8, 16, 24 bits, float), flac (8, 16, 24 bits), Ogg Vorbis and mp3.
    It leaves other files to libsndfile. "soundfile" leaves all files to libsndfile.

    We measured milliseconds of one core for 3 and 8 s of sound at 16 kHz. "tensorflow-io" took
    0.3/0.4 for wav, 4.4/11.7 for flac, 6.7/15.9 for ogg and 2.7/7.3 for mp3. "soundfile" took
    0.2/0.3, 0.7/1.6, 1.3/2.7 and 0.7/1.8.

    `tfio.audio.AudioIOTensor` could seek, but was slower than either (4 ms for 2 s of an ogg). It
    cannot be used in a parallel map, since all calls share one resource.

    Example:
        >>> sound, rate = decode(tf.constant("speech.flac"), "soundfile")

    Args:
        path: Path of the file, a string scalar.
        decoder: Name of the decoder, one of `tfsv.audio.pipeline_settings.DECODERS`.

    Returns:
        sound: Samples from -1 to 1, float32 `[frames, channels]`.
        rate: Frames a second, int32 scalar.

    Raises:
        tf.errors.OpError: The file cannot be read, is empty or holds no sound. The error comes when
            the graph runs, and its message has the path.
    """
    return _compiled(decoder)(path)


@functools.cache
def _compiled(decoder: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A decoder as a graph that is traced once in a process."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def checked(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sound, rate = _DECODERS[decoder](path)
        sound = tf.ensure_shape(sound, [None, None])
        usable = (tf.size(sound) > 0) & (rate > 0)
        tf.debugging.Assert(usable, [path, "cannot be decoded"])
        return sound, rate

    return checked


def _soundfile(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    def read(name: bytes) -> tuple[np.ndarray, np.int32]:
        try:
            sound, rate = soundfile.read(name.decode(), dtype="float32", always_2d=True)
        except (OSError, RuntimeError):
            return np.zeros((0, 1), np.float32), np.int32(0)
        return sound, np.int32(rate)

    sound, rate = tf.numpy_function(read, [path], [tf.float32, tf.int32], stateful=False)
    return sound, tf.ensure_shape(rate, [])


def _tensorflow_io(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Chooses by the file's first bytes. tensorflow-io must see no others: empty ones crash it."""
    data = tf.io.read_file(path)
    head = _bytes(data, 0)
    kind = tf.argmax(
        [
            _holds(head, 0, b"RIFF") & _holds(head, 8, b"WAVE"),
            _holds(head, 0, b"fLaC"),
            _holds(head, 0, b"OggS") & _holds(head, 28, b"\x01vorbis"),
            _holds(head, 0, b"ID3") | ((head[0] == 0xFF) & (head[1] >= 0xE0)),
            True,
        ],
        output_type=tf.int32,
    )
    return tf.switch_case(
        kind,
        [
            lambda: _wav(path, data, head),
            lambda: _flac(path, data, head),
            lambda: (tfio.audio.decode_vorbis(data), _number(head, 40, 4)),
            lambda: _mp3(data, head),
            lambda: _soundfile(path),
        ],
    )


_DECODERS = dict(zip(DECODERS, (_tensorflow_io, _soundfile), strict=True))


def _wav(path: tf.Tensor, data: tf.Tensor, head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    found = tf.stack([head[i : _HEAD - 4 + i] == b for i, b in enumerate(b"fmt ")])
    chunk = tf.argmax(tf.reduce_all(found, axis=0), output_type=tf.int32) + 8
    written = _number(head, chunk, 2)
    coding = tf.where(written == 0xFFFE, _number(head, chunk + 24, 2), written)
    rate, bits = _number(head, chunk + 4, 4), _number(head, chunk + 14, 2)
    whole = coding == 1
    kind = tf.argmax(
        [
            whole & (bits == 8),
            whole & (bits == 16),
            whole & (bits == 24),
            (coding == 3) & (bits == 32),
            True,
        ],
        output_type=tf.int32,
    )

    def scaled(dtype: tf.DType, offset: float, scale: float):
        sound = tf.cast(tfio.audio.decode_wav(data, dtype=dtype), tf.float32)
        return (sound - offset) / scale, rate

    return tf.switch_case(
        kind,
        [
            lambda: scaled(tf.uint8, 128.0, 2.0**7),
            lambda: scaled(tf.int16, 0.0, 2.0**15),
            lambda: scaled(tf.int32, 0.0, 2.0**31),
            lambda: scaled(tf.float32, 0.0, 1.0),
            lambda: _soundfile(path),
        ],
    )


def _flac(path: tf.Tensor, data: tf.Tensor, head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    rate = head[18] * 4096 + head[19] * 16 + head[20] // 16  # STREAMINFO: 20 bits
    bits = (head[20] % 2) * 16 + head[21] // 16 + 1

    def scaled(dtype: tf.DType, offset: float, scale: float):
        sound = tf.cast(tfio.audio.decode_flac(data, dtype=dtype), tf.float32)
        return (sound - offset) / scale, rate

    kind = tf.argmax([bits == 8, bits == 16, bits == 24, True], output_type=tf.int32)
    return tf.switch_case(
        kind,
        [
            lambda: scaled(tf.uint8, 128.0, 2.0**7),
            lambda: scaled(tf.int16, 0.0, 2.0**15),
            lambda: scaled(tf.int32, 0.0, 2.0**31),
            lambda: _soundfile(path),
        ],
    )


def _mp3(data: tf.Tensor, head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    size = ((head[6] * 128 + head[7]) * 128 + head[8]) * 128 + head[9]
    first = tf.where(_holds(head, 0, b"ID3"), 10 + size, 0)
    frame = _bytes(data, tf.minimum(first, tf.strings.length(data)))
    sync = (frame[:-3] == 0xFF) & (frame[1:-2] >= 0xE0)
    at = tf.argmax(sync, output_type=tf.int32)
    slower = tf.gather([4, 1, 2, 1], frame[at + 1] // 8 % 4)  # MPEG 2.5, reserved, 2, 1
    rate = tf.gather(_MPEG_RATES, frame[at + 2] // 4 % 4) // slower
    return tfio.audio.decode_mp3(data), rate


def _bytes(data: tf.Tensor, first: tf.Tensor | int) -> tf.Tensor:
    """The bytes from `first` on, int32 `[4096]`, with zeros behind the end."""
    part = tf.io.decode_raw(tf.strings.substr(data, first, _HEAD), tf.uint8)
    return tf.ensure_shape(tf.pad(tf.cast(part, tf.int32), [[0, _HEAD - tf.size(part)]]), [_HEAD])


def _holds(head: tf.Tensor, at: int, magic: bytes) -> tf.Tensor:
    return tf.reduce_all(head[at : at + len(magic)] == list(magic))


def _number(head: tf.Tensor, at: tf.Tensor | int, count: int) -> tf.Tensor:
    """Little-endian integer of so many bytes."""
    return tf.reduce_sum(head[at : at + count] * [256**i for i in range(count)])
